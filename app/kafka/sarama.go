package kafka

import (
	"time"

	"github.com/IBM/sarama"
)

// baseConfig is what consumers and producers share.
func baseConfig() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.V2_8_0_0
	c.MetricRegistry = newNoMetrics()
	// Topics are created explicitly, with declared partitions and retention.
	c.Metadata.AllowAutoTopicCreation = false
	// watermill-kafka's 2 s stall the first publish to every new topic.
	c.Metadata.Retry.Backoff = 100 * time.Millisecond
	c.Metadata.Retry.Max = 5
	c.Metadata.RefreshFrequency = time.Minute
	c.Net.ReadTimeout = 15 * time.Second
	c.Net.WriteTimeout = 15 * time.Second
	return c
}

// producerConfig is an idempotent producer: a send repeated after a lost
// answer is written once, and in order. It wants acknowledgement by all
// in-sync replicas and one request in flight.
func producerConfig(maxBytes int) *sarama.Config {
	c := baseConfig()
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Idempotent = true
	c.Net.MaxOpenRequests = 1
	c.Producer.Return.Successes = true
	c.Producer.Return.Errors = true
	c.Producer.MaxMessageBytes = maxBytes
	c.Producer.Retry.Max = 20
	c.Producer.Retry.Backoff = 100 * time.Millisecond
	c.Producer.Partitioner = newPartitioner
	return c
}

// consumerConfig is a member of a consumer group.
func consumerConfig() *sarama.Config {
	c := baseConfig()
	c.Consumer.Return.Errors = true
	// The default, the newest offset, would lose what arrived before the first join.
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	// What is processed but not committed when the process is killed comes again.
	c.Consumer.Offsets.AutoCommit.Interval = 250 * time.Millisecond
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	c.Consumer.Retry.Backoff = 500 * time.Millisecond
	c.Consumer.Group.Session.Timeout = sessionTimeout
	c.Consumer.Group.Heartbeat.Interval = 2 * time.Second
	c.Consumer.Group.Rebalance.Retry.Backoff = 500 * time.Millisecond
	c.Consumer.Group.Rebalance.Retry.Max = 20
	c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategySticky()}
	return c
}

// sessionTimeout is how long a member may be silent before its partitions go
// to the others.
const sessionTimeout = 10 * time.Second
