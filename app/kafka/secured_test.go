package kafka_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/kafka/kafkatest"
)

func login(mechanism string) *kafka.SASL {
	return &kafka.SASL{Mechanism: mechanism, Username: kafkatest.Username, Password: kafkatest.Password}
}

// clientPair makes a client's certificate and reads it back.
func clientPair(t *testing.T, authority *kafkatest.Authority) tls.Certificate {
	t.Helper()
	dir := t.TempDir()
	authority.WriteClient(dir, "client.pem", "key.pem")
	pair, err := tls.LoadX509KeyPair(dir+"/client.pem", dir+"/key.pem")
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// Both libraries come to a broker as the cluster says: franz-go as the client,
// sarama as publisher and subscriber.
func TestSecuredBrokers(t *testing.T) {
	authority := kafkatest.NewAuthority(t)
	server, trusting := authority.Server("127.0.0.1"), &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authority.Pool()}
	asking := server.Clone()
	asking.ClientAuth, asking.ClientCAs = tls.RequireAndVerifyClientCert, authority.Pool()
	proving := trusting.Clone()
	proving.Certificates = []tls.Certificate{clientPair(t, authority)}
	renamed := trusting.Clone()
	renamed.ServerName = "kafka.internal"

	type test struct {
		name    string
		broker  kafkatest.Broker
		cluster kafka.Cluster
	}
	tests := []test{
		{"TLS", kafkatest.Broker{TLS: server}, kafka.Cluster{TLS: trusting}},
		{"TLS by another name", kafkatest.Broker{TLS: authority.Server("kafka.internal")}, kafka.Cluster{TLS: renamed}},
		{"TLS of both sides", kafkatest.Broker{TLS: asking}, kafka.Cluster{TLS: proving}},
	}
	for _, mechanism := range kafkatest.Mechanisms {
		tests = append(
			tests,
			test{mechanism, kafkatest.Broker{Logins: true}, kafka.Cluster{SASL: login(mechanism)}},
			test{"TLS and " + mechanism, kafkatest.Broker{TLS: server, Logins: true}, kafka.Cluster{TLS: trusting, SASL: login(mechanism)}},
		)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.cluster.Brokers = []string{tt.broker.Start(t)}
			talk(t, tt.cluster)
		})
	}
}

// talk brings a record from a publisher to a subscriber and to a page.
func talk(t *testing.T, cluster kafka.Cluster) {
	t.Helper()
	client, err := kafka.NewClient(cluster)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	create(t, client, topic("said", 1))
	pub, err := kafka.NewPublisher(cluster, 1<<20, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pub.Close() }()
	publish(t, pub, "said", "k", "v")

	sub, err := kafka.NewSubscriber(cluster, "group", quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Close() }()
	messages, err := sub.Subscribe(t.Context(), "said")
	if err != nil {
		t.Fatal(err)
	}
	msg := <-messages
	msg.Ack()
	page, err := client.Fetch(t.Context(), "said", 0, 0, 1<<20, time.Second)
	if string(msg.Payload) != "v" || err != nil || len(page.Records) != 1 {
		t.Errorf("got %q, %d records, %v", msg.Payload, len(page.Records), err)
	}
	if err := sub.Drain(t.Context()); err != nil {
		t.Error(err)
	}
}

// refusal is a broker that refuses a cluster, and the key to look at.
type refusal struct {
	name    string
	broker  kafkatest.Broker
	cluster kafka.Cluster
	key     string
}

func refusals(t *testing.T) []refusal {
	t.Helper()
	authority, stranger := kafkatest.NewAuthority(t), kafkatest.NewAuthority(t)
	server, trusting := authority.Server("127.0.0.1"), &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authority.Pool()}
	asking := server.Clone()
	asking.ClientAuth, asking.ClientCAs = tls.RequireAndVerifyClientCert, authority.Pool()
	proving := trusting.Clone()
	proving.Certificates = []tls.Certificate{clientPair(t, stranger)}
	old := server.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS11, tls.VersionTLS11
	all := []refusal{
		{"wrong CA", kafkatest.Broker{TLS: stranger.Server("127.0.0.1")}, kafka.Cluster{TLS: trusting}, "kafka.tls.ca"},
		{"the system's roots", kafkatest.Broker{TLS: server}, kafka.Cluster{TLS: &tls.Config{MinVersion: tls.VersionTLS12}}, "kafka.tls.ca"},
		{"wrong name", kafkatest.Broker{TLS: authority.Server("kafka.internal")}, kafka.Cluster{TLS: trusting}, "kafka.tls.server_name"},
		{"no client certificate", kafkatest.Broker{TLS: asking}, kafka.Cluster{TLS: trusting}, "kafka.tls"},
		{"a stranger's client certificate", kafkatest.Broker{TLS: asking}, kafka.Cluster{TLS: proving}, "kafka.tls"},
		{"TLS 1.1", kafkatest.Broker{TLS: old}, kafka.Cluster{TLS: trusting}, "kafka.tls"},
	}
	for _, mechanism := range kafkatest.Mechanisms {
		wrong := login(mechanism)
		wrong.Password = "wr0ng"
		all = append(all, refusal{
			"wrong password with " + mechanism,
			kafkatest.Broker{TLS: server, Logins: true, Refuses: true},
			kafka.Cluster{TLS: trusting, SASL: wrong},
			"kafka.sasl",
		})
	}
	return all
}

// Whoever is refused learns it soon, from all three, with the key to look at and
// without the password.
func TestRefusals(t *testing.T) {
	for _, tt := range refusals(t) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.cluster.Brokers = []string{tt.broker.Start(t)}
			for what, err := range attempts(t, tt.cluster) {
				var refused *kafka.RefusedError
				if !errors.As(err, &refused) || refused.Key != tt.key || !strings.Contains(err.Error(), tt.key+": ") {
					t.Errorf("%s: %v; want a refusal that names %s", what, err, tt.key)
				}
				if err != nil && (strings.Contains(err.Error(), "wr0ng") || strings.Contains(err.Error(), kafkatest.Password)) {
					t.Errorf("%s: the password shows: %v", what, err)
				}
			}
		})
	}
}

// attempts asks the cluster in all ways there are, bounded, and returns the errors.
func attempts(t *testing.T, cluster kafka.Cluster) map[string]error {
	t.Helper()
	begin := time.Now()
	errs := make(map[string]error)
	client, err := kafka.NewClient(cluster)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	errs["ping"] = client.Ping(ctx)
	_, errs["list"] = client.TopicPartitions(ctx)
	pub, err := kafka.NewPublisher(cluster, 1<<20, quiet())
	if err == nil {
		_ = pub.Close()
	}
	errs["publisher"] = err
	sub, err := kafka.NewSubscriber(cluster, "group", quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Close() }()
	_, errs["subscriber"] = sub.Subscribe(ctx, "topic")
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	return errs
}

// sarama keeps this reason to itself, but the client is what the service asks first.
func TestAMechanismNotOffered(t *testing.T) {
	broker := kafkatest.Broker{Logins: true, Offers: "SCRAM-SHA-512"}.Start(t)
	client, err := kafka.NewClient(kafka.Cluster{Brokers: []string{broker}, SASL: login("PLAIN")})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var refused *kafka.RefusedError
	if err := client.Ping(t.Context()); !errors.As(err, &refused) || refused.Key != "kafka.sasl.mechanism" {
		t.Errorf("got %v", err)
	}
}

// A broker that closes the connection may only be starting: that is no refusal,
// but the error says what to look at if it stays so.
func TestClosedConnections(t *testing.T) {
	authority := kafkatest.NewAuthority(t)
	server := authority.Server("127.0.0.1")
	wrong := login("PLAIN")
	wrong.Password = "wr0ng"
	for _, tt := range []struct {
		name    string
		broker  kafkatest.Broker
		cluster kafka.Cluster
		key     string
	}{
		{"no TLS to TLS", kafkatest.Broker{TLS: server}, kafka.Cluster{}, "kafka.tls"},
		{"no login", kafkatest.Broker{Logins: true}, kafka.Cluster{}, "kafka.sasl"},
		{"a login that the broker closes on", kafkatest.Broker{Logins: true}, kafka.Cluster{SASL: wrong}, "kafka.sasl"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.cluster.Brokers = []string{tt.broker.Start(t)}
			for what, err := range attempts(t, tt.cluster) {
				if err == nil || !strings.Contains(err.Error(), tt.key) {
					t.Errorf("%s: %v; want an error that names %s", what, err, tt.key)
				}
			}
		})
	}
}

// answering listens until the test ends, and gives every connection one answer
// to whatever it says first.
func answering(t *testing.T, answer []byte) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4<<10))
			_, _ = conn.Write(answer)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return listener.Addr().String()
}

// One side talks TLS, the other doesn't. A broker without takes the beginning of
// a handshake for the length of a request: it waits for the rest, or closes the
// connection, as Apache Kafka does. Apache Kafka with TLS answers with an alert.
func TestTLSOnOneSide(t *testing.T) {
	for _, tt := range []struct {
		name, address string
		tls           *tls.Config
		refused       bool
	}{
		{"waiting", kafkatest.Broker{}.Start(t), &tls.Config{MinVersion: tls.VersionTLS12}, false},
		{"closing", answering(t, nil), &tls.Config{MinVersion: tls.VersionTLS12}, false},
		{"no TLS at all", answering(t, []byte("HTTP/1.1 400 Bad Request")), &tls.Config{MinVersion: tls.VersionTLS12}, true},
		{"an alert", answering(t, []byte{21, 3, 3, 0, 2, 2, 80}), nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client, err := kafka.NewClient(kafka.Cluster{Brokers: []string{tt.address}, TLS: tt.tls})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			err = client.Ping(ctx)
			var refused *kafka.RefusedError
			if errors.As(err, &refused) != tt.refused || err == nil || !strings.Contains(err.Error(), "kafka.tls") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestALoginNeverShowsItsPassword(t *testing.T) {
	sasl := kafka.SASL{Mechanism: "PLAIN", Username: "me", Password: "s3cret"}
	cluster := kafka.Cluster{SASL: &sasl}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		fmt.Fprintf(&out, verb+verb+verb+"\n", sasl, &sasl, cluster)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("text", "sasl", sasl, "cluster", cluster)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "sasl", sasl, "pointer", &sasl)
	if text := out.String(); strings.Contains(text, "s3cret") || strings.Contains(text, "733363726574") || !strings.Contains(text, "PLAIN as me") {
		t.Error(text)
	}
}
