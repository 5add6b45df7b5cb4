package config

import "time"

// Values of delivery.
const (
	// ExactlyOnce consumes, publishes and commits in one Kafka transaction.
	ExactlyOnce = "exactly_once"
	// AtLeastOnce publishes first and commits later: what was in flight when a
	// process died is published again.
	AtLeastOnce = "at_least_once"
)

// Values of kafka.auto_offset_reset, named as in Kafka's own clients.
const (
	ResetEarliest = "earliest"
	ResetNone     = "none"
)

// Batch bounds what goes into one transaction of an exactly_once pipeline. A
// batch is never waited for: it is what was finished while the last one was
// committed.
type Batch struct {
	Messages   int `yaml:"messages" doc:"that a transaction takes"`
	Bytes      int `yaml:"bytes" doc:"of the notifications written"`
	Partitions int `yaml:"partitions" doc:"that a transaction writes to; each person's topic has one"`
}

// Breaker pauses a pipeline that poisons too many of its messages, as it does
// after a bad deploy, before it has poisoned everything.
type Breaker struct {
	Share    float64       `yaml:"share" doc:"of the messages of a window that are poisoned, 0 to 1; 0 turns the breaker off"`
	Window   time.Duration `yaml:"window" doc:"how far back the share is measured"`
	Messages int           `yaml:"messages" doc:"in a window below which nothing is concluded"`
	Trial    time.Duration `yaml:"trial" doc:"after which one message is tried; if it passes, the pipeline goes on"`
}
