package kafka_test

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/kafka/kafkatest"
	"github.com/trieungochai/kafka-notify/config"
)

// load loads a configuration with this kafka: from dir.
func load(t *testing.T, dir, section string) *config.Config {
	t.Helper()
	path := filepath.Join(dir, "notify.yaml")
	text := "kafka:\n  brokers: [kafka-1:9093]\n  single_instance: true\n" + section + "store: {embedded: {}}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(os.LookupEnv, path)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestNewCluster(t *testing.T) {
	dir := t.TempDir()
	authority := kafkatest.NewAuthority(t)
	authority.WriteCA(dir, "ca.pem")
	authority.WriteClient(dir, "client.pem", "key.pem")
	cfg := load(t, dir, `  tls: {ca: ca.pem, cert: client.pem, key: key.pem, server_name: kafka.internal}
  sasl: {mechanism: SCRAM-SHA-512, username: me, password: s3cret}
`)
	c, faults := kafka.NewCluster(cfg.Kafka, cfg)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if c.TLS.MinVersion != tls.VersionTLS12 || c.TLS.ServerName != "kafka.internal" || len(c.TLS.Certificates) != 1 || !c.TLS.RootCAs.Equal(authority.Pool()) {
		t.Errorf("TLS %+v", c.TLS)
	}
	want := kafka.SASL{Mechanism: "SCRAM-SHA-512", Username: "me", Password: "s3cret"}
	if *c.SASL != want || c.Brokers[0] != "kafka-1:9093" {
		t.Errorf("cluster %v", c)
	}

	cfg = load(t, dir, "  tls: {}\n")
	if c, faults = kafka.NewCluster(cfg.Kafka, cfg); len(faults) > 0 || c.TLS == nil || c.TLS.RootCAs != nil || c.SASL != nil {
		t.Errorf("the system's roots: %+v, %v", c, faults)
	}
	cfg = load(t, dir, "")
	if c, faults = kafka.NewCluster(cfg.Kafka, cfg); len(faults) > 0 || c.TLS != nil {
		t.Errorf("no TLS: %+v, %v", c, faults)
	}
}

// What is wrong with a file is told at the key that names it, and nothing of
// what stands in it.
func TestNewClusterFaults(t *testing.T) {
	dir := t.TempDir()
	authority := kafkatest.NewAuthority(t)
	authority.WriteCA(dir, "ca.pem")
	authority.WriteClient(dir, "client.pem", "key.pem")
	authority.WriteClient(dir, "other.pem", "other-key.pem")
	writePEM(t, dir, "broken.pem", &pem.Block{Type: "CERTIFICATE", Bytes: []byte("s3cret")})
	writePEM(t, dir, "broken-key.pem", &pem.Block{Type: "PRIVATE KEY", Bytes: []byte("s3cret")})
	writePEM(t, dir, "encrypted-key.pem", &pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("s3cret")})
	writePEM(t, dir, "old-encrypted-key.pem", &pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "s3cret"}, Bytes: []byte("s3cret")})
	writePEM(t, dir, "s3cret.pem", &pem.Block{Type: "S3CRET", Bytes: []byte("s3cret")})
	for name, text := range map[string]string{"empty.pem": "", "junk.pem": "s3cret\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ tls, at, want string }{
		{"{ca: no.pem}", "4:13", "kafka.tls.ca: cannot read its file: "},
		{"{ca: .}", "4:13", "kafka.tls.ca: cannot read its file: "},
		{"{ca: empty.pem}", "4:13", "kafka.tls.ca: empty.pem holds no certificate in PEM form"},
		{"{ca: junk.pem}", "4:13", "kafka.tls.ca: junk.pem holds no certificate in PEM form"},
		{"{ca: key.pem}", "4:13", "kafka.tls.ca: key.pem holds no certificate in PEM form"},
		{"{ca: broken.pem}", "4:13", "kafka.tls.ca: certificate 1 of broken.pem can't be parsed"},
		{"{cert: broken.pem, key: key.pem}", "4:15", "kafka.tls.cert: certificate 1 of broken.pem can't be parsed"},
		{"{cert: client.pem, key: no.pem}", "4:32", "kafka.tls.key: cannot read its file: "},
		{"{cert: client.pem, key: client.pem}", "4:32", "kafka.tls.key: client.pem holds no private key in PEM form"},
		{"{cert: client.pem, key: s3cret.pem}", "4:32", "kafka.tls.key: s3cret.pem holds no private key in PEM form"},
		{"{cert: client.pem, key: empty.pem}", "4:32", "kafka.tls.key: empty.pem holds no private key in PEM form"},
		{"{cert: client.pem, key: broken-key.pem}", "4:32", "kafka.tls.key: the key in broken-key.pem can't be parsed"},
		{"{cert: client.pem, key: encrypted-key.pem}", "4:32", "kafka.tls.key: the key in encrypted-key.pem is encrypted"},
		{"{cert: client.pem, key: old-encrypted-key.pem}", "4:32", "kafka.tls.key: the key in old-encrypted-key.pem is encrypted"},
		{"{cert: client.pem, key: other-key.pem}", "4:32", "kafka.tls.key: other-key.pem is not the private key of the certificate in kafka.tls.cert"},
	} {
		t.Run(tt.tls, func(t *testing.T) {
			cfg := load(t, dir, "  tls: "+tt.tls+"\n")
			_, faults := kafka.NewCluster(cfg.Kafka, cfg)
			if len(faults) != 1 {
				t.Fatalf("%d faults: %v", len(faults), faults)
			}
			pos := faults[0].Pos.String()
			if !strings.HasSuffix(pos, "notify.yaml:"+tt.at) || !strings.HasPrefix(faults[0].Message, tt.want) {
				t.Errorf("%s, want %s %s", faults[0], tt.at, tt.want)
			}
			if strings.Contains(strings.ReplaceAll(faults.Error(), "s3cret.pem", ""), "s3cret") {
				t.Errorf("the file shows: %s", faults)
			}
		})
	}
	cfg := load(t, dir, "  tls: {ca: no.pem, cert: empty.pem, key: empty.pem}\n")
	if _, faults := kafka.NewCluster(cfg.Kafka, cfg); len(faults) != 3 {
		t.Errorf("not all faults at once: %v", faults)
	}
}

// Keys come in several forms, with other blocks around them.
func TestPrivateKeyForms(t *testing.T) {
	dir := t.TempDir()
	authority := kafkatest.NewAuthority(t)
	authority.WriteClient(dir, "client.pem", "key.pem")
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "client.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(pair.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, dir, "sec1.pem",
		&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}},
		&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})
	for _, key := range []string{"key.pem", "sec1.pem"} {
		cfg := load(t, dir, "  tls: {cert: client.pem, key: "+key+"}\n")
		c, faults := kafka.NewCluster(cfg.Kafka, cfg)
		if len(faults) > 0 || !pair.PrivateKey.(*ecdsa.PrivateKey).Equal(c.TLS.Certificates[0].PrivateKey) {
			t.Errorf("%s: %v", key, faults)
		}
	}
}

func writePEM(t *testing.T, dir, name string, blocks ...*pem.Block) {
	t.Helper()
	var data []byte
	for _, b := range blocks {
		data = append(data, pem.EncodeToMemory(b)...)
	}
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}
