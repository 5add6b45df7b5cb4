package cli_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/app/cli"
	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/kafka/kafkatest"
	"github.com/trieungochai/kafka-notify/app/record"
)

// tail comes to the brokers with the TLS and the login of the configuration,
// also where the command line names other addresses.
func TestTailOnASecuredBroker(t *testing.T) {
	dir := t.TempDir()
	authority := kafkatest.NewAuthority(t)
	authority.WriteCA(dir, "ca.pem")
	broker := kafkatest.Broker{TLS: authority.Server("127.0.0.1"), Logins: true}.Start(t)
	fill(t, kafka.Cluster{
		Brokers: []string{broker},
		TLS:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authority.Pool()},
		SASL:    &kafka.SASL{Mechanism: "SCRAM-SHA-256", Username: kafkatest.Username, Password: kafkatest.Password},
	})
	write := func(name, broker, tls, sasl string) string {
		path := filepath.Join(dir, name)
		text := fmt.Sprintf("kafka: {brokers: [%q], single_instance: true, %s sasl: {%s, username: %q, password: %q}}\nstore: {embedded: {}}\n",
			broker, tls, sasl, kafkatest.Username, kafkatest.Password)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	right := write("right.yaml", broker, "tls: {ca: ca.pem},", "mechanism: SCRAM-SHA-256")
	away := write("away.yaml", "127.0.0.1:1", "tls: {ca: ca.pem},", "mechanism: SCRAM-SHA-256")
	strange := write("strange.yaml", broker, "tls: {},", "mechanism: SCRAM-SHA-256")
	readable := write("readable.yaml", broker, "", "mechanism: PLAIN")
	missing := write("missing.yaml", broker, "tls: {ca: missing.pem},", "mechanism: PLAIN")
	for _, tt := range []struct {
		name   string
		args   []string
		code   int
		output string
	}{
		{"those of the file", []string{"--config", right}, 0, `"value_text":"said"`},
		{"others", []string{"--config", away, "--brokers", broker}, 0, `"value_text":"said"`},
		{"not trusted", []string{"--config", strange}, 1, "kafka.tls.ca: the broker's certificate can't be trusted"},
		{"readable for others", []string{"--config", readable, "--brokers", "localhost:9092,kafka-1:9092"}, 2, "the password of kafka.sasl would travel readable to kafka-1:9092"},
		{"no such file", []string{"--config", missing}, 1, "missing.yaml:1:"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var output bytes.Buffer
			args := append([]string{"tail", "said", "--from-start", "--limit", "1"}, tt.args...)
			code := cli.Main(t.Context(), args, nil, &output, &output)
			if code != tt.code || !strings.Contains(output.String(), tt.output) {
				t.Errorf("exit code %d, output %s; want %d and %s", code, &output, tt.code, tt.output)
			}
			if strings.Contains(output.String(), kafkatest.Password) {
				t.Errorf("the password shows: %s", &output)
			}
		})
	}
}

// fill makes the topic "said" with a record.
func fill(t *testing.T, cluster kafka.Cluster) {
	t.Helper()
	admin, err := kafka.NewClient(cluster)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	log := slog.New(slog.DiscardHandler)
	if _, err := admin.CreateTopics(t.Context(), log, 1, kafka.Topic{Name: "said", Partitions: 1, MaxBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	pub, err := kafka.NewPublisher(cluster, 1<<20, log)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pub.Close() }()
	if err := pub.Publish(t.Context(), &record.Record{Topic: "said", Value: []byte("said")}); err != nil {
		t.Fatal(err)
	}
}
