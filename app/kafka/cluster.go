package kafka

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/trieungochai/kafka-notify/config"
)

// Cluster says how brokers are reached, to both of the client libraries.
type Cluster struct {
	// Brokers are a few of the cluster's, host:port.
	Brokers []string
	// TLS is nil for a connection in the clear. Without a ServerName, brokers
	// must prove to be the host of their address.
	TLS *tls.Config
	// SASL is nil for brokers that ask nobody who they are.
	SASL *SASL
}

// SASL is a login. However it is printed, the password stays out.
type SASL struct {
	Mechanism string // config.SASLPlain, SASLScram256 or SASLScram512
	Username  string
	Password  string
}

// Format implements fmt.Formatter.
func (s SASL) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.Mechanism+" as "+s.Username) }

// LogValue implements slog.LogValuer.
func (s SASL) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }

const (
	// clientID names the service in the broker's logs and quotas.
	clientID = "kafka-notify"
	// dialTimeout bounds one connection being made, its TLS handshake included.
	dialTimeout = 3 * time.Second
)

// options make a franz-go client one of this cluster.
func (c Cluster) options() []kgo.Opt {
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID(clientID),
		kgo.DialTimeout(dialTimeout),
	}
	if c.TLS != nil {
		opts = append(opts, kgo.DialTLSConfig(c.TLS))
	}
	if c.SASL != nil {
		opts = append(opts, kgo.SASL(c.SASL.mechanism()))
	}
	return opts
}

func (s SASL) mechanism() sasl.Mechanism {
	switch s.Mechanism {
	case config.SASLScram256:
		return scram.Auth{User: s.Username, Pass: s.Password}.AsSha256Mechanism()
	case config.SASLScram512:
		return scram.Auth{User: s.Username, Pass: s.Password}.AsSha512Mechanism()
	}
	return plain.Auth{User: s.Username, Pass: s.Password}.AsMechanism()
}

// apply makes a sarama client one of this cluster, but for the brokers'
// addresses, which sarama takes apart from its configuration.
func (c Cluster) apply(to *sarama.Config) *sarama.Config {
	to.ClientID = clientID
	to.Net.DialTimeout = dialTimeout
	if c.TLS != nil {
		to.Net.TLS.Enable, to.Net.TLS.Config = true, c.TLS
	}
	if c.SASL != nil {
		to.Net.SASL.Enable = true
		to.Net.SASL.Mechanism = sarama.SASLMechanism(c.SASL.Mechanism)
		to.Net.SASL.User, to.Net.SASL.Password = c.SASL.Username, c.SASL.Password
		to.Net.SASL.SCRAMClientGeneratorFunc = c.SASL.conversation
	}
	return to
}

// Patience is how long a consumer group waits for its members when partitions
// move, by the delivery of the configuration.
func Patience(delivery string) time.Duration {
	if delivery == config.AtLeastOnce {
		return sessionTimeout
	}
	return rebalanceTimeout
}
