// Package poison reads what pipelines gave up on, and sends it back.
package poison

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/trieungochai/kafka-notify/app/action"
)

// Entry is one message that a pipeline gave up on, with all that is needed to
// repair it.
type Entry struct {
	// ID is the poison_id: the same for a record written twice.
	ID       string `json:"id"`
	Pipeline string `json:"pipeline"`
	// Class is the kind of failure: decode, schema, lookup_missing,
	// lookup_unavailable, expression, publish, timeout, panic or other.
	Class string `json:"class"`
	// Step is the handler type that failed and the place in the configuration
	// that declares it.
	Step   string `json:"step"`
	Reason string `json:"reason"`

	// Topic, Partition and Offset are those of the event record: its origin.
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`

	// Key, Value and Headers are those of the failed message, untouched.
	Key     string   `json:"key"`
	Value   Value    `json:"-"`
	Headers []Header `json:"headers"`

	EventID   string `json:"event_id"`
	EventType string `json:"event_type"`

	Attempts      int       `json:"attempts"`
	Redrives      int       `json:"redrives"`
	FirstFailedAt time.Time `json:"first_failed_at"`
	LastFailedAt  time.Time `json:"last_failed_at"`
	// Fingerprint is the same for failures of one cause.
	Fingerprint string `json:"fingerprint"`
	// Truncated says that the broker refused the value, so that it is lost.
	Truncated bool `json:"truncated"`

	// State is where the message stands, Job the redrive job that has it, Fate
	// what became of it since it was sent back: delivered, dropped or superseded.
	State State       `json:"state"`
	Job   string      `json:"job,omitempty"`
	Fate  action.Kind `json:"fate,omitempty"`

	// Record is where the entry itself stands.
	Record Place `json:"record"`
	// ExpiresAt is when Kafka may delete it; nil: never.
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

// Header is one header of a record. Names may repeat.
type Header struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Place is a record of the poison topic.
type Place struct {
	Topic     string    `json:"topic"`
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	Timestamp time.Time `json:"timestamp"`
}

// Query selects entries, newest first.
type Query struct {
	// State, Pipeline and Class select where they are not empty.
	State           State
	Pipeline, Class string
	// OlderThan selects what failed last so long ago or longer; 0: all.
	OlderThan time.Duration
	// Filter is a condition in CEL, Words are plain words that a message has to
	// hold, in any case; empty: all.
	Filter, Words string
	// Limit is the most entries a page has.
	Limit int
	// Cursor is the one the page before ended with, empty for the first page.
	Cursor string
}

// plain reports whether anything is asked for besides filter and words.
func (q *Query) plain() bool {
	return q.State != "" || q.Pipeline != "" || q.Class != "" || q.OlderThan > 0
}

// all reports whether nothing is asked for, and so everything selected.
func (q *Query) all() bool {
	return !q.plain() && strings.TrimSpace(q.Filter) == "" && strings.TrimSpace(q.Words) == ""
}

// ErrNotFound says that there is no entry of that id.
var ErrNotFound = errors.New("no such poison entry")

// RefusedError says why something cannot be done.
type RefusedError struct {
	Reason string
}

// Error implements error.
func (e *RefusedError) Error() string { return "refused: " + e.Reason }

// plainEntry is an Entry without its methods.
type plainEntry Entry

// MarshalJSON writes the value as the members that Value describes, with no
// character of it escaped that need not be.
func (e Entry) MarshalJSON() ([]byte, error) {
	return marshal(struct {
		plainEntry
		wireValue
	}{plainEntry(e), e.Value.wire()})
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (e *Entry) UnmarshalJSON(text []byte) error {
	wire := struct {
		*plainEntry
		wireValue
	}{plainEntry: (*plainEntry)(e)}
	if err := json.Unmarshal(text, &wire); err != nil {
		return err
	}
	e.Value = wire.value()
	return nil
}

// marshal writes a value as JSON in which nothing is escaped for HTML.
func marshal(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimRight(out.Bytes(), "\n"), err
}
