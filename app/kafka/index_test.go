//go:build kafka

package kafka_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The embedded broker does not know the setting; Apache Kafka takes it.
func TestTopicsWithSmallIndexes(t *testing.T) {
	bs := brokers(t)
	c, small, plain := client(t, bs), name(t, "small"), name(t, "plain")
	indexed := topic(small, 1)
	indexed.IndexBytes = 128 << 10
	create(t, c, indexed)
	create(t, c, topic(plain, 1))
	cl, err := kgo.NewClient(kgo.SeedBrokers(bs...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	configs, err := kadm.NewClient(cl).DescribeTopicConfigs(t.Context(), small, plain)
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range configs {
		for _, entry := range of.Configs {
			ours := entry.Key == "segment.index.bytes" && entry.Source.String() == "DYNAMIC_TOPIC_CONFIG"
			if ours != (of.Name == small && entry.Key == "segment.index.bytes") || ours && entry.MaybeValue() != "131072" {
				t.Errorf("%s: %s = %s (%v)", of.Name, entry.Key, entry.MaybeValue(), entry.Source)
			}
		}
	}
}
