package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kerr"
)

// RefusedError is a broker that answers but that the service, as it is
// configured, won't come to terms with: the login is refused, or the
// certificate of one side. Asking again is of no use until somebody has looked
// at Key.
type RefusedError struct {
	Key    string // of the configuration, such as kafka.sasl
	Reason string
	Err    error
}

// Error implements error.
func (e *RefusedError) Error() string { return fmt.Sprintf("%s: %s: %v", e.Key, e.Reason, e.Err) }

// Unwrap returns the client library's error.
func (e *RefusedError) Unwrap() error { return e.Err }

// explain makes of a client's error one that names the key to look at, if there
// is one. Both libraries' errors are known.
func (c Cluster) explain(err error) error {
	var (
		untrusted *tls.CertificateVerificationError
		name      x509.HostnameError
		noTLS     tls.RecordHeaderError
		network   *net.OpError
	)
	switch {
	case err == nil:
		return nil
	case either(err, kerr.SaslAuthenticationFailed, sarama.ErrSASLAuthenticationFailed):
		return &RefusedError{"kafka.sasl", "the broker refuses this username or password", err}
	case either(err, kerr.UnsupportedSaslMechanism, sarama.ErrUnsupportedSASLMechanism):
		return &RefusedError{"kafka.sasl.mechanism", "the broker does not offer it", err}
	case either(err, kerr.IllegalSaslState, sarama.ErrIllegalSASLState):
		return &RefusedError{"kafka.sasl", "the broker takes no login at this address", err}
	case errors.As(err, &name):
		return &RefusedError{"kafka.tls.server_name", "the broker's certificate is for another name", err}
	case errors.As(err, &untrusted):
		return &RefusedError{"kafka.tls.ca", "the broker's certificate can't be trusted", err}
	case errors.As(err, &noTLS):
		return &RefusedError{"kafka.tls", "the broker does not talk TLS at this address", err}
	case errors.As(err, &network) && network.Op == "remote error": // crypto/tls's word for an alert
		return &RefusedError{"kafka.tls", "the broker breaks the TLS handshake off; it may ask for a client certificate (cert and key)", err}
	case c.TLS == nil && strings.Contains(err.Error(), "tls alert record"): // franz-go's guess has no type
		return &RefusedError{"kafka.tls", "the broker talks TLS at this address, and the key is not set", err}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return fmt.Errorf("%w (%s)", err, c.closedHint())
	case c.TLS != nil && isTimeout(err):
		return fmt.Errorf("%w (if it stays so, the broker may not talk TLS at this address: kafka.tls)", err)
	}
	return err
}

func either(err, ofFranz, ofSarama error) bool {
	return errors.Is(err, ofFranz) || errors.Is(err, ofSarama)
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// closedHint says what to look at when a broker closes a new connection. It
// may only be starting, so this is no refusal.
func (c Cluster) closedHint() string {
	tls := "may want kafka.tls"
	if c.TLS != nil {
		tls = "may not talk TLS at this address (kafka.tls)"
	}
	sasl := "may want kafka.sasl"
	if c.SASL != nil {
		sasl = "may refuse kafka.sasl"
	}
	return "if it stays so, the broker " + tls + ", or " + sasl
}
