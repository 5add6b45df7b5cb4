// Package record is what travels on Kafka: keys, values and headers, kept as
// they are. Watermill's metadata is a map and loses repeated headers and
// their order, so a record travels beside the message, in its context.
package record

import "time"

// Names of the headers the service writes.
const (
	// HeaderUUID is the notification's id in a delivery record and the
	// event's id in an event record. Watermill's own name for it.
	HeaderUUID = "_watermill_message_uuid"
	// HeaderContentType is the media type of the value.
	HeaderContentType = "content-type"
	// HeaderEventID and HeaderEventType name the event a record descends from.
	HeaderEventID   = "event_id"
	HeaderEventType = "event_type"
	// HeaderTraceparent is the W3C trace context of the submission.
	HeaderTraceparent = "traceparent"
	// HeaderAcceptedAt is when the event was accepted, RFC 3339 with
	// nanoseconds, UTC.
	HeaderAcceptedAt = "accepted_at"
	// HeaderOrigin is <topic>/<partition>/<offset> of the event record.
	HeaderOrigin = "origin"
	// HeaderRetryTier is the number of the retry topic a record stands in.
	HeaderRetryTier = "retry_tier"
	// HeaderRetryDue is when a record may be tried again, RFC 3339, UTC.
	HeaderRetryDue = "retry_due"
	// HeaderAttempts counts the attempts made so far.
	HeaderAttempts = "attempts"
	// HeaderClaim names a claim that a retry record's message holds: the type of
	// the handler that took it, or "event", and the key. It stands once for each.
	HeaderClaim = "claim"
	// HeaderRedrive says of which redrive job a record is, and which of its
	// messages: <job>/<place>.
	HeaderRedrive = "redrive"
)

// Header is one header of a record. Names may repeat.
type Header struct {
	Key   string
	Value []byte
}

// Record is one Kafka record.
type Record struct {
	Topic     string
	Partition int32
	Offset    int64
	// Timestamp is the moment of writing, never the event's time: an old
	// timestamp makes a broker delete data early.
	Timestamp time.Time
	Key       []byte
	Value     []byte
	Headers   []Header
}

// Get returns the value of the last header with that name, "" without one.
func (r *Record) Get(name string) string {
	for i := len(r.Headers) - 1; i >= 0; i-- {
		if r.Headers[i].Key == name {
			return string(r.Headers[i].Value)
		}
	}
	return ""
}

// Set replaces every header of that name by one, in the place of the first.
func (r *Record) Set(name, value string) {
	kept := r.Headers[:0:0]
	found := false
	for _, h := range r.Headers {
		switch {
		case h.Key != name:
			kept = append(kept, h)
		case !found:
			kept = append(kept, Header{Key: name, Value: []byte(value)})
			found = true
		}
	}
	if !found {
		kept = append(kept, Header{Key: name, Value: []byte(value)})
	}
	r.Headers = kept
}

// Delete removes every header of that name.
func (r *Record) Delete(name string) {
	kept := r.Headers[:0:0]
	for _, h := range r.Headers {
		if h.Key != name {
			kept = append(kept, h)
		}
	}
	r.Headers = kept
}

// Copy returns a record whose headers can be changed without changing r's.
// Key and value are shared: nothing writes into them.
func (r *Record) Copy() *Record {
	c := *r
	c.Headers = append([]Header(nil), r.Headers...)
	return &c
}

// Size is about how many bytes the record takes in a batch.
func (r *Record) Size() int {
	n := len(r.Key) + len(r.Value) + 100
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value) + 10
	}
	return n
}
