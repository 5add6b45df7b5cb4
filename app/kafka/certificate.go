package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"strings"

	"github.com/trieungochai/kafka-notify/config"
)

// Files reads the files that a configuration names, by their config.Text's
// Filename.
type Files interface {
	ReadFile(path string) ([]byte, error)
}

// NewCluster makes what a configuration that config.Load has checked says of
// its brokers; those of an embedded one are not known before it runs. It reads
// the files of kafka.tls: the faults are what is wrong with them.
func NewCluster(cfg config.Kafka, files Files) (Cluster, config.Faults) {
	c := Cluster{Brokers: cfg.Brokers}
	if cfg.SASL != nil {
		c.SASL = &SASL{Mechanism: cfg.SASL.Mechanism, Username: cfg.SASL.Username, Password: cfg.SASL.Password}
	}
	if cfg.TLS == nil {
		return c, nil
	}
	c.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: cfg.TLS.ServerName}
	r := reader{files: files}
	if ca := r.read(cfg.TLS.CA); ca != nil {
		c.TLS.RootCAs = x509.NewCertPool()
		for _, certificate := range r.certificates(cfg.TLS.CA, ca) {
			c.TLS.RootCAs.AddCert(certificate)
		}
	}
	cert, key := r.read(cfg.TLS.Cert), r.read(cfg.TLS.Key)
	if cert != nil {
		r.certificates(cfg.TLS.Cert, cert)
	}
	if key != nil {
		r.privateKey(cfg.TLS.Key, key)
	}
	if cert != nil && key != nil && len(r.faults) == 0 {
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil { // each is in order by itself
			r.fault(cfg.TLS.Key, "%s is not the private key of the certificate in kafka.tls.cert", cfg.TLS.Key.Value)
		}
		c.TLS.Certificates = []tls.Certificate{pair}
	}
	return c, r.faults
}

// reader reads PEM files and notes what is wrong with them, in words of its
// own: nothing of what stands in a file gets into a fault.
type reader struct {
	files  Files
	faults config.Faults
}

func (r *reader) fault(at config.Text, format string, args ...any) {
	r.faults = append(r.faults, at.Node.Faultf(at.Node.Path()+": "+format, args...))
}

// read returns what stands in the file, nil when none is named or it can't be read.
func (r *reader) read(path config.Text) []byte {
	if path.Value == "" {
		return nil
	}
	data, err := r.files.ReadFile(path.Filename())
	if err != nil {
		r.fault(path, "cannot read its file: %v", err)
		return nil
	}
	if data == nil {
		data = []byte{}
	}
	return data
}

// certificates returns all certificates of a file. There must be one.
func (r *reader) certificates(path config.Text, data []byte) (found []*x509.Certificate) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			r.fault(path, "certificate %d of %s can't be parsed", len(found)+1, path.Value)
			return nil
		}
		found = append(found, certificate)
	}
	if len(found) == 0 {
		r.fault(path, "%s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", path.Value)
	}
	return found
}

// privateKey checks that a file holds a key that can be used.
func (r *reader) privateKey(path config.Text, data []byte) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case !strings.HasSuffix(block.Type, "PRIVATE KEY"):
			continue
		case strings.HasPrefix(block.Type, "ENCRYPTED"), strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
			r.fault(path, "the key in %s is encrypted, and there is nobody to ask for its passphrase", path.Value)
		case !isPrivateKey(block.Bytes):
			r.fault(path, "the key in %s can't be parsed; RSA, ECDSA and Ed25519 keys are known, in PKCS #8, PKCS #1 or SEC 1 form", path.Value)
		}
		return
	}
	r.fault(path, "%s holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)", path.Value)
}

// isPrivateKey reports whether a key has one of the forms that crypto/tls takes.
func isPrivateKey(der []byte) bool {
	_, pkcs8 := x509.ParsePKCS8PrivateKey(der)
	_, pkcs1 := x509.ParsePKCS1PrivateKey(der)
	_, sec1 := x509.ParseECPrivateKey(der)
	return pkcs8 == nil || pkcs1 == nil || sec1 == nil
}
