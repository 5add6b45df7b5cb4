//go:build kafka

package kafka_test

import (
	"os"
	"strings"
	"testing"
)

// givenBrokers is the cluster that `make test-kafka` runs the suites against.
func givenBrokers(t *testing.T) []string {
	t.Helper()
	given := os.Getenv("KAFKA_BROKERS")
	if given == "" {
		t.Fatal("KAFKA_BROKERS names no cluster: run make test-kafka KAFKA_BROKERS=host:port")
	}
	return strings.Split(given, ",")
}
