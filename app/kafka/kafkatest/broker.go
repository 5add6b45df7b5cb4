// Package kafkatest starts brokers that ask who is there, for tests: with TLS
// under certificates of the test's own, and with logins.
package kafkatest

import (
	"bytes"
	"crypto/tls"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The login that a broker knows, with each of the mechanisms.
const (
	Username = "kafka=notify"
	Password = "s3cret=,pássword"
)

// Mechanisms are those of a broker with logins.
var Mechanisms = []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}

// Broker is a broker on loopback, in memory, that ends with its test.
type Broker struct {
	TLS    *tls.Config // nil for none
	Logins bool
	// Refuses lets every login fail, answered as Apache Kafka answers a wrong
	// password. Without it the broker only closes the connection on one.
	Refuses bool
	// Offers is the only mechanism that the broker admits to; empty for all.
	Offers string
}

// Start starts the broker and returns its address, host:port.
func (b Broker) Start(t testing.TB) string {
	t.Helper()
	opts := []kfake.Opt{kfake.NumBrokers(1)}
	if b.TLS != nil {
		opts = append(opts, kfake.TLS(b.TLS))
	}
	if b.Logins {
		opts = append(opts, kfake.EnableSASL())
		for _, mechanism := range Mechanisms {
			opts = append(opts, kfake.Superuser(mechanism, Username, Password))
		}
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	if b.Refuses {
		answer(cluster, kmsg.SASLAuthenticate, refuse)
	}
	if b.Offers != "" {
		answer(cluster, kmsg.SASLHandshake, b.offer)
	}
	return cluster.ListenAddrs()[0]
}

// answer lets with answer a kind of request; what it has no answer for goes to
// the broker itself.
func answer(cluster *kfake.Cluster, kind kmsg.Key, with func(kmsg.Request) kmsg.Response) {
	cluster.ControlKey(int16(kind), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		response := with(request)
		return response, nil, response != nil
	})
}

// refuse answers the message that holds, or proves, a password.
func refuse(request kmsg.Request) kmsg.Response {
	asked := request.(*kmsg.SASLAuthenticateRequest)
	if bytes.HasPrefix(asked.SASLAuthBytes, []byte("n,,")) { // SCRAM begins without one
		return nil
	}
	refused := asked.ResponseKind().(*kmsg.SASLAuthenticateResponse)
	refused.ErrorCode = kerr.SaslAuthenticationFailed.Code
	refused.ErrorMessage = kmsg.StringPtr("Authentication failed: Invalid username or password")
	return refused
}

func (b Broker) offer(request kmsg.Request) kmsg.Response {
	asked := request.(*kmsg.SASLHandshakeRequest)
	if asked.Mechanism == b.Offers {
		return nil
	}
	refused := asked.ResponseKind().(*kmsg.SASLHandshakeResponse)
	refused.ErrorCode = kerr.UnsupportedSaslMechanism.Code
	refused.SupportedMechanisms = []string{b.Offers}
	return refused
}
