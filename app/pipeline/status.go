package pipeline

import "time"

// State says what a pipeline is doing.
type State string

// The states of a pipeline.
const (
	// Running takes messages.
	Running State = "running"
	// Waiting pauses because the broker or the store is out of reach, or because
	// a transactional session has ended and its successor has not begun.
	Waiting State = "waiting"
	// Paused lets its messages wait, because too many of them were poisoned.
	Paused State = "paused"
	// Stopped takes no messages any more.
	Stopped State = "stopped"
)

// Status is what a pipeline is and does. The counts are of this process, since
// its start.
type Status struct {
	Name string `json:"name"`
	// ID is the name that group, claims and notification ids are made from.
	ID string `json:"id"`
	// Subscribe and Group are those of its sources, with ", " between them.
	Subscribe string         `json:"subscribe"`
	Group     string         `json:"group"`
	Sources   []SourceStatus `json:"sources"`
	State     State          `json:"state"`
	// Delivery is exactly_once or at_least_once.
	Delivery string `json:"delivery"`
	// Error is why the pipeline does not read its topics, "" when it does.
	Error string `json:"error,omitempty"`
	// Breaker is there while the pipeline is paused.
	Breaker  *BreakerStatus `json:"breaker,omitempty"`
	Handlers []string       `json:"handlers"`
	// Steps are the handlers as they are nested in the file.
	Steps []StepStatus `json:"steps"`

	Delivered int64 `json:"delivered"`
	Dropped   int64 `json:"dropped"`
	Retried   int64 `json:"retried"`
	Poisoned  int64 `json:"poisoned"`
	// Drops are the dropped ones by handler and reason; handlers of declared types by their whole name.
	Drops []DropStatus `json:"drops"`
	Rates Rates        `json:"rates"`
	// DeliveredBySecond is how many notifications were delivered in each second of
	// the last minute, the oldest first.
	DeliveredBySecond []int `json:"-"`

	// Lag is how many records its groups have not finished, −1 when unknown.
	Lag int64 `json:"lag"`
	// OldestUnprocessedSeconds is the age of the oldest of them, 0 without one.
	OldestUnprocessedSeconds float64 `json:"oldest_unprocessed_seconds"`
	// Tiers are the retry topics: that of redrives, then those of each source in
	// the order a message takes them, then those that are only drained.
	Tiers []TierStatus `json:"tiers"`
}

// SourceStatus is one source topic of a pipeline.
type SourceStatus struct {
	Topic string `json:"topic"`
	Group string `json:"group"`
	// Lag is how many records the group has not finished, −1 when unknown.
	Lag int64 `json:"lag"`
	// OldestUnprocessedSeconds is the age of the oldest of them, 0 without one.
	OldestUnprocessedSeconds float64 `json:"oldest_unprocessed_seconds"`
}

// BreakerStatus says why a pipeline has paused itself, and when it tries to go
// on. A message finished is one delivered, dropped or poisoned.
type BreakerStatus struct {
	Since time.Time `json:"since"`
	// Share is how many of the messages finished in the window before the pause
	// were poisoned, 0 to 1.
	Share         float64 `json:"share"`
	Poisoned      int     `json:"poisoned"`
	Finished      int     `json:"finished"`
	WindowSeconds float64 `json:"window_seconds"`
	// Class, Step and Reason are those of the most frequent failure.
	Class  string `json:"class"`
	Step   string `json:"step"`
	Reason string `json:"reason"`
	// NextTrial is when one message is tried; if it passes, the pipeline goes on.
	// In the past, it means with the next message.
	NextTrial time.Time `json:"next_trial"`
}

// TierStatus is one retry topic of a pipeline.
type TierStatus struct {
	Topic string `json:"topic"`
	// DelaySeconds is how long a message waits there; 0 is the tier of redrives.
	DelaySeconds float64 `json:"delay_seconds"`
	Lag          int64   `json:"lag"`
}
