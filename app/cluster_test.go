//go:build kafka

package app_test

import (
	"os"
	"strings"
	"testing"
)

// kafkaAt is the `kafka:` of a test's configuration: the cluster that
// make test-kafka names, wherever the embedded broker would listen.
func kafkaAt(t *testing.T, _ string) string {
	t.Helper()
	if os.Getenv("KAFKA_BROKERS") == "" {
		t.Fatal("KAFKA_BROKERS names no cluster: run make test-kafka KAFKA_BROKERS=host:port")
	}
	return "{brokers: [" + os.Getenv("KAFKA_BROKERS") + "], single_instance: true}"
}

// brokersAt is that cluster.
func brokersAt(string) []string { return strings.Split(os.Getenv("KAFKA_BROKERS"), ",") }

// brokerDiesToo says that a killed service takes its broker along.
const brokerDiesToo = false
