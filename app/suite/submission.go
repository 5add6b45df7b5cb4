package suite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// submission is an event on its way to its topic, or the reason why the service
// would refuse it.
type submission struct {
	record  *record.Record
	refusal *refusal
}

// refusal is why an event is not accepted: a 400 over HTTP.
type refusal struct {
	kind string // config.RefusedEvent, …
	err  error
}

// outcomes are those of a submission that reaches no pipeline, or is thought to.
func (s submission) outcomes() []outcome {
	if s.refusal == nil {
		return []outcome{{accepted: true}}
	}
	return []outcome{{refused: s.refusal.kind, reason: s.refusal.err.Error()}}
}

// submission submits the event of a test with that index.
func (s *Suite) submission(e config.TestEvent, i int) submission {
	t, _ := s.types.Get(e.Type.Value)
	if !e.Record.IsZero() {
		return submission{record: s.place(&record.Record{Topic: t.Topic(), Value: []byte(e.Record.Text())})}
	}
	parsed, err := event.ParseNative(native(e, i))
	if err != nil {
		return submission{refusal: &refusal{config.RefusedEvent, err}}
	}
	if !e.Time.IsZero() {
		parsed.Time = e.Time.UTC()
	}
	rec, refused := accept(parsed, t, s.stage.now)
	if refused != nil {
		return submission{refusal: refused}
	}
	return submission{record: s.place(rec)}
}

// place gives a record the next offset of its topic.
func (s *Suite) place(rec *record.Record) *record.Record {
	rec.Offset, rec.Timestamp = s.stage.offset, s.stage.now
	s.stage.offset++
	return rec
}

// native is the event as it would be posted. Times that no text can tell apart
// are set by the caller.
func native(e config.TestEvent, i int) []byte {
	id, source := e.ID.Text(), e.Source.Text()
	if e.ID.IsZero() {
		id = fmt.Sprintf("event-%d", i+1)
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, `{"type":%s,"id":%s`, quoted(e.Type.Value), quoted(id))
	if !e.Source.IsZero() {
		fmt.Fprintf(&text, `,"source":%s`, quoted(source))
	}
	fmt.Fprintf(&text, `,"data":%s}`, e.Data.JSON())
	return text.Bytes()
}

// quoted is a text as JSON.
func quoted(text string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil { // cannot happen: it is a string
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// accept does with an event what the service does when it is posted: it
// completes and checks it, and makes the record of its topic.
func accept(e *handler.Event, t *event.Type, now time.Time) (*record.Record, *refusal) {
	if e.Time.IsZero() {
		e.Time = now
	}
	if err := event.Validate(e); err != nil {
		return nil, &refusal{config.RefusedEvent, err}
	}
	if faults := t.Check(e); len(faults) > 0 {
		return nil, &refusal{config.RefusedSchema, event.Problems(faults)}
	}
	key, err := t.Key(e)
	if err != nil {
		return nil, &refusal{config.RefusedKey, err}
	}
	value, err := event.Encode(e)
	if err != nil {
		return nil, &refusal{config.RefusedEvent, err}
	}
	rec := &record.Record{Topic: t.Topic(), Key: []byte(key), Value: value, Timestamp: now}
	rec.Set(record.HeaderContentType, event.ContentType)
	rec.Set(record.HeaderAcceptedAt, now.UTC().Format(time.RFC3339Nano))
	return rec, nil
}

// parse reads an event as it is posted: native JSON, or a CloudEvent.
func parse(text []byte) (*handler.Event, error) {
	var members struct {
		SpecVersion json.RawMessage `json:"specversion"`
	}
	if err := json.Unmarshal(text, &members); err == nil && members.SpecVersion != nil {
		return event.Decode(nil, text)
	}
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		return nil, errors.New("this is a list of events: give one of them")
	}
	return event.ParseNative(text)
}
