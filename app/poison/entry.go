// Package poison reads what pipelines gave up on, and sends it back.
package poison

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"
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

	// Record is where the entry itself stands.
	Record Place `json:"record"`
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

// Receipt says where a redrive has put a message.
type Receipt struct {
	ID       string `json:"id"`
	Pipeline string `json:"pipeline"`
	// Topic is the retry topic that it was written to.
	Topic string `json:"topic"`
	// Redrives counts this one too.
	Redrives int `json:"redrives"`
}

// Query selects entries, newest first.
type Query struct {
	// Pipeline and Class select where they are not empty.
	Pipeline, Class string
	// Limit is the most entries a page has.
	Limit int
	// Cursor is the one the page before ended with, empty for the first page.
	Cursor string
}

// ErrNotFound says that there is no entry of that id.
var ErrNotFound = errors.New("no such poison entry")

// RefusedError says why an entry cannot be sent back: its value is lost, or no
// pipeline of its name runs any more.
type RefusedError struct {
	Reason string
}

// Error implements error.
func (e *RefusedError) Error() string { return "redrive refused: " + e.Reason }

// MarshalJSON writes the value as the members that Value describes, with no
// character of it escaped that need not be.
func (e Entry) MarshalJSON() ([]byte, error) {
	type plain Entry // without this method
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(struct {
		plain
		wireValue
	}{plain(e), e.Value.wire()})
	return bytes.TrimRight(out.Bytes(), "\n"), err
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (e *Entry) UnmarshalJSON(text []byte) error {
	type plain Entry
	wire := struct {
		*plain
		wireValue
	}{plain: (*plain)(e)}
	if err := json.Unmarshal(text, &wire); err != nil {
		return err
	}
	e.Value = wire.value()
	return nil
}
