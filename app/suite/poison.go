package suite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// written is a test as it is written out of a failure, in the order of a file.
type written struct {
	Name     string                    `json:"name"`
	Pipeline string                    `json:"pipeline"`
	Now      string                    `json:"now,omitempty"`
	Lookups  map[string]map[string]any `json:"lookups,omitempty"`
	Events   [1]writtenEvent           `json:"events"`
}

type writtenEvent struct {
	Type   string           `json:"type"`
	ID     string           `json:"id,omitempty"`
	Source string           `json:"source,omitempty"`
	Time   string           `json:"time,omitempty"`
	Data   json.RawMessage  `json:"data,omitempty"`
	Record *string          `json:"record,omitempty"`
	Expect []writtenOutcome `json:"expect"`
}

type writtenOutcome struct {
	Topic    string `json:"topic,omitempty"`
	Text     string `json:"text,omitempty"`
	Dropped  string `json:"dropped,omitempty"`
	Poisoned string `json:"poisoned,omitempty"`
}

// FromPoison writes a test out of a message that a pipeline gave up on, as a
// whole YAML document. trial is what the pipeline would make of it today, nil
// where that is unknown: then untried says why. The test expects what would
// become of the message today, for somebody to change.
func FromPoison(m poison.Entry, trial *action.Trial, untried error) ([]byte, error) {
	e, err := writtenOf(m)
	if err != nil {
		return nil, err
	}
	test := written{
		Name: fmt.Sprintf("%s in %s, poison id %s", m.Class, m.Pipeline, m.ID), Pipeline: m.Pipeline, Events: [1]writtenEvent{e},
	}
	at := m.LastFailedAt
	for _, h := range m.Headers {
		if accepted, err := time.Parse(time.RFC3339Nano, h.Value); err == nil && h.Key == record.HeaderAcceptedAt {
			at = accepted
		}
	}
	if !at.IsZero() {
		test.Now = at.UTC().Format(time.RFC3339Nano)
	}
	if trial != nil && trial.Outcome == string(action.Superseded) {
		trial, untried = nil, errors.New(trial.Reason)
	}
	notes := []string{fmt.Sprintf("It failed at %s: %s", m.Step, m.Reason)}
	if trial == nil {
		test.Events[0].Expect = []writtenOutcome{{Poisoned: m.Class}}
		notes = append(notes, fmt.Sprintf("What the lookups answered is unknown (%v): say it under lookups.", untried))
	} else {
		test.Lookups, test.Events[0].Expect = lookupsOf(*trial), expectationsOf(*trial)
		if trial.Class != m.Class {
			notes = append(notes, "Today it would not fail like that: expect says what the pipeline would make of it.")
		}
		if len(test.Lookups) > 0 {
			notes = append(notes, "The lookups answer as they did when this was written; of a record only id and name are known here.")
		}
	}
	return document(test, append(notes, "Change expect to what should become of it."))
}

// document is the test as YAML, behind its notes.
func document(test written, notes []string) ([]byte, error) {
	text, err := json.Marshal(test)
	if err != nil {
		return nil, fmt.Errorf("write the test: %w", err)
	}
	node, faults := config.Parse("test", text, nil)
	if len(faults) > 0 {
		return nil, fmt.Errorf("the message can't be written in YAML: %s", faults[0].Message)
	}
	var out bytes.Buffer
	out.WriteString("tests:\n")
	for _, n := range notes {
		fmt.Fprintf(&out, "  # %s\n", record.Text(n, 1<<10))
	}
	out.WriteString(node.YAML(1))
	return out.Bytes(), nil
}

// writtenOf is the event of a poisoned message: as it would be posted, or, where
// that could not be or would not be the same, as its record.
func writtenOf(m poison.Entry) (writtenEvent, error) {
	if m.Truncated {
		return writtenEvent{}, errors.New("its payload is lost: the broker refused it")
	}
	w := writtenEvent{Type: m.EventType}
	if name, ok := strings.CutPrefix(m.Topic, event.TopicPrefix); ok {
		w.Type = name
	}
	headers := make([]record.Header, len(m.Headers))
	for i, h := range m.Headers {
		headers[i] = record.Header{Key: h.Key, Value: []byte(h.Value)}
	}
	e, err := event.Decode(headers, m.Value)
	switch {
	case err != nil && !utf8.Valid(m.Value):
		return w, errors.New("its payload is no text, and a test can't be written of it")
	case err != nil:
		text := string(m.Value)
		w.Record = &text
		return w, nil
	case m.Class == string(handler.ClassSchema) || len(e.Extensions) > 0 || !survives(e.Data):
		return w, w.asRecord(e)
	}
	w.ID, w.Source, w.Data = e.ID, e.Source, e.Data
	if !e.Time.IsZero() {
		w.Time = e.Time.Format(time.RFC3339Nano)
	}
	if e.Source == event.DefaultSource(e.Type) {
		w.Source = ""
	}
	return w, nil
}

func (w *writtenEvent) asRecord(e *handler.Event) error {
	value, err := event.Encode(e)
	if err != nil {
		return err
	}
	text := string(value)
	w.Record = &text
	return nil
}

// survives tells whether data is the same after a way through YAML, but for
// space.
func survives(data []byte) bool {
	var compact bytes.Buffer
	if json.Compact(&compact, data) != nil {
		return false
	}
	node, faults := config.Parse("data", data, nil)
	return len(faults) == 0 && canonical(node.JSON()) == canonical(data)
}

// lookupsOf are what lookups answered in a trial.
func lookupsOf(t action.Trial) map[string]map[string]any {
	fakes := make(map[string]map[string]any)
	for _, s := range t.Steps {
		for _, asked := range s.Asked {
			if fakes[asked.Lookup] == nil {
				fakes[asked.Lookup] = make(map[string]any)
			}
			switch {
			case asked.Error != "":
				fakes[asked.Lookup] = map[string]any{"unavailable": true}
			case asked.Record != nil && fakes[asked.Lookup]["unavailable"] != true:
				fakes[asked.Lookup][asked.Key] = withoutID(asked.Record, asked.Key)
			}
		}
	}
	return fakes
}

// withoutID is a record without an id that is its key: it gets that anyway.
func withoutID(record map[string]any, key string) map[string]any {
	short := make(map[string]any, len(record))
	for name, value := range record {
		if name != "id" || value != key {
			short[name] = value
		}
	}
	return short
}

// expectationsOf are the outcomes of a trial as a test expects them.
func expectationsOf(t action.Trial) []writtenOutcome {
	var list []writtenOutcome
	for _, o := range outcomesOf(t) {
		w := writtenOutcome{Dropped: o.dropped, Poisoned: o.poisoned}
		if o.output != nil {
			w.Topic, w.Text = o.output.Topic, o.output.Notification.Text
		}
		list = append(list, w)
	}
	return list
}
