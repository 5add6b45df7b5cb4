package config

import (
	"net"
	"slices"
)

// KafkaTLS is how the service and its brokers prove who they are, and keep
// others from listening. The files are PEM and read once, when the service
// starts: new ones take a restart.
type KafkaTLS struct {
	CA         Text   `yaml:"ca" path:"true" doc:"file with the certificate authorities to trust in place of the system's; like cert and key in PEM, relative to the file that names it, and read once, at start"`
	Cert       Text   `yaml:"cert" path:"true" doc:"file with the service's own certificate, any intermediate ones behind it, for brokers that ask for one"`
	Key        Text   `yaml:"key" path:"true" doc:"file with that certificate's private key, not encrypted"`
	ServerName string `yaml:"server_name" doc:"the name that the brokers' certificates must hold, where it is not the host of their address"`
}

// The values of KafkaSASL.Mechanism.
const (
	SASLPlain    = "PLAIN"
	SASLScram256 = "SCRAM-SHA-256"
	SASLScram512 = "SCRAM-SHA-512"
)

// KafkaSASL is who the service is to its brokers.
type KafkaSASL struct {
	Mechanism string `yaml:"mechanism,required" one_of:"PLAIN,SCRAM-SHA-256,SCRAM-SHA-512" doc:"PLAIN, which sends the password and so needs tls, SCRAM-SHA-256 or SCRAM-SHA-512"`
	Username  string `yaml:"username,required" doc:"who the service is"`
	Password  string `yaml:"password,required" secret:"true" doc:"best given as ${VARIABLE}"`
}

// ReadablePassword returns which of the brokers the password would reach
// readable for everybody on the way: by a mechanism that sends it, without TLS,
// at an address that is not this machine's.
func (k Kafka) ReadablePassword() (broker int, readable bool) {
	if k.TLS != nil || k.SASL == nil || k.SASL.Mechanism != SASLPlain {
		return 0, false
	}
	broker = slices.IndexFunc(k.Brokers, func(address string) bool {
		host, _, err := net.SplitHostPort(address)
		return err != nil || !isLoopback(host)
	})
	return broker, broker >= 0
}
