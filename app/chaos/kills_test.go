//go:build kafka

package chaos_test

import (
	"os"
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/app/chaos"
)

// Two instances on the cluster of make test-kafka, killed ten times.
func TestPromisesHoldWhenInstancesAreKilled(t *testing.T) {
	if os.Getenv("KAFKA_BROKERS") == "" {
		t.Fatal("KAFKA_BROKERS names no cluster: run make test-kafka KAFKA_BROKERS=host:port")
	}
	o := options(t)
	o.Brokers = strings.Split(os.Getenv("KAFKA_BROKERS"), ",")
	o.Instances, o.People, o.Rate = 2, 24, 60
	o.KillsAtOnce = 5
	o.Faults = map[chaos.Fault]int{chaos.Nothing: 1, chaos.KillInstance: 2}
	run(t, o)
}
