package kafka_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
)

// brokers are those under test: the embedded broker, or the cluster that
// KAFKA_BROKERS names when the tests are built for one.
func brokers(t *testing.T) []string {
	t.Helper()
	if given := givenBrokers(t); given != nil {
		return given
	}
	b, err := kafka.OpenBroker(t.Context(), "127.0.0.1:0", t.TempDir(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return []string{b.Addr()}
}

func quiet() *slog.Logger {
	level := slog.LevelError + 4
	if os.Getenv("KAFKA_NOTIFY_TEST_LOG") != "" {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

// name is a topic or group name of this test run alone: a given cluster keeps
// those of earlier runs.
func name(t *testing.T, what string) string {
	return fmt.Sprintf("%s.%s.%d", strings.ToLower(strings.ReplaceAll(t.Name(), "/", ".")), what, time.Now().UnixNano())
}

func client(t *testing.T, brokers []string) *kafka.Client {
	t.Helper()
	c, err := kafka.NewClient(kafka.Cluster{Brokers: brokers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func publisher(t *testing.T, brokers []string) *kafka.Publisher {
	t.Helper()
	p, err := kafka.NewPublisher(kafka.Cluster{Brokers: brokers}, 1<<20, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func create(t *testing.T, c *kafka.Client, topics ...kafka.Topic) {
	t.Helper()
	if _, err := c.CreateTopics(t.Context(), quiet(), -1, topics...); err != nil {
		t.Fatal(err)
	}
}

func topic(name string, partitions int32) kafka.Topic {
	return kafka.Topic{Name: name, Partitions: partitions, MaxBytes: 1 << 20}
}

func publish(t *testing.T, p *kafka.Publisher, topic, key, value string, headers ...record.Header) {
	t.Helper()
	rec := &record.Record{Topic: topic, Key: []byte(key), Value: []byte(value), Headers: headers}
	if err := p.Publish(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
}

// eventually polls until ok, for what another goroutine or the broker does.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within 30 s: %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
