package config

import (
	"maps"
	"slices"
	"time"
)

// Test is a test of pipelines: events in, and what is to become of them. It runs without a broker,
// on a clock that stands still.
type Test struct {
	Name     Text            `yaml:"name,required" doc:"what is tested, in a sentence"`
	Pipeline Text            `yaml:"pipeline" ref:"pipelines" doc:"which one is meant, where several read an event type"`
	Now      Timestamp       `yaml:"now" doc:"what the clock shows when the first event is accepted; 2026-01-02T15:04:05Z unless set"`
	Lookups  map[string]Node `yaml:"lookups" doc:"what lookups answer: key to record, or {unavailable: true}; files that are not named here are read as they are"`
	Events   []TestEvent     `yaml:"events,required" doc:"what is submitted, one after the other"`
	Node     Node            `yaml:",self"`
}

// TestEvent is an event of a test, and what is to become of it.
type TestEvent struct {
	Type   Text           `yaml:"type,required" ref:"events" doc:"the event type"`
	ID     Node           `yaml:"id" doc:"the event's id; event-1, event-2, … unless set"`
	Source Node           `yaml:"source" doc:"the event's source; /kafka-notify/<type> unless set"`
	Time   Timestamp      `yaml:"time" doc:"when it happened; what the clock shows unless set"`
	After  *time.Duration `yaml:"after" doc:"how far the clock goes on before it is submitted"`
	Data   Node           `yaml:"data" doc:"the event's data"`
	Record Node           `yaml:"record" doc:"instead of data: the text of a record of the event's topic, as another producer may write it, where nothing refuses it"`
	Expect []Outcome      `yaml:"expect,required" doc:"what becomes of it: an entry for each notification, in their order, and for each message that is dropped"`
	Node   Node           `yaml:",self"`
}

// Outcome is one thing that becomes of an event: a notification, of which only what is given is
// compared, or a drop, or poison, or that the event is refused. Recipient and Actor are ids.
type Outcome struct {
	Pipeline  Text `yaml:"pipeline" ref:"pipelines" doc:"which one is meant, where several read the event type"`
	Topic     Text `yaml:"topic" doc:"of a notification: where it goes"`
	Recipient Node `yaml:"recipient" doc:"of a notification: the id of the person who gets it"`
	Actor     Node `yaml:"actor" doc:"of a notification: the id of the person who did it, or null"`
	Text      Node `yaml:"text" doc:"of a notification: its text"`
	Data      Node `yaml:"data" doc:"of a notification: its data, as a whole"`
	Dropped   Text `yaml:"dropped" doc:"the reason why a message is dropped, such as duplicate or filtered"`
	Poisoned  Text `yaml:"poisoned" one_of:"decode,schema,lookup_missing,lookup_unavailable,expression,publish,timeout,panic,other" doc:"the class of the failure that brings the message to the poison topic, such as lookup_missing; what may heal counts as well"`
	Refused   Text `yaml:"refused" one_of:"event,schema,key" doc:"why the event is not accepted: event, schema or key"`
	By        Text `yaml:"by" doc:"of a drop or a failure: the type of the handler"`
	Reason    Node `yaml:"reason" doc:"of a failure or a refusal: a part of its text"`
	Node      Node `yaml:",self"`
}

// Why an event of a test is refused: what it says about itself, its data against the schema, or its
// key.
const (
	RefusedEvent  = "event"
	RefusedSchema = "schema"
	RefusedKey    = "key"
)

// IsNotification tells whether a notification is expected.
func (o Outcome) IsNotification() bool {
	return !o.Topic.Node.IsZero() || !o.Recipient.IsZero() || !o.Actor.IsZero() || !o.Text.IsZero() || !o.Data.IsZero()
}

// Reads tells whether the pipeline reads events of that type.
func (p Pipeline) Reads(eventType string) bool { return slices.Contains(p.EventTypes(), eventType) }

// Readers are the names of the pipelines that read events of that type, sorted.
func (c *Config) Readers(eventType string) []string {
	names := slices.Sorted(maps.Keys(c.Pipelines))
	return slices.DeleteFunc(names, func(name string) bool { return !c.Pipelines[name].Reads(eventType) })
}

// PipelineOf is the name of the pipeline that an outcome is expected of: the one that it names, or
// else its test, or else the only one that reads the event's type; "" where none is meant.
func (c *Config) PipelineOf(t Test, e TestEvent, o Outcome) string {
	readers := c.Readers(e.Type.Value)
	switch {
	case o.Pipeline.Value != "":
		return o.Pipeline.Value
	case t.Pipeline.Value != "":
		return t.Pipeline.Value
	case len(readers) == 1:
		return readers[0]
	}
	return ""
}

// FakeLookup reads what a lookup of a test answers: records by key, or that it can't be asked.
func FakeLookup(n Node) (records map[string]map[string]any, unavailable bool, faults Faults) {
	if n.Kind() != Mapping && n.Kind() != Null {
		return nil, false, Faults{n.Faultf("%s must be a mapping, key to record, or {unavailable: true}, not %s", n.what(), n.describe())}
	}
	if flag := n.Get("unavailable"); flag.Kind() == Bool {
		if len(n.Entries()) > 1 || flag.Text() != "true" {
			return nil, false, Faults{flag.KeyFaultf("%s is either {unavailable: true} or a mapping, key to record", n.what())}
		}
		return nil, true, nil
	}
	records = make(map[string]map[string]any)
	for _, e := range n.Entries() {
		value, found := e.Value.Value()
		faults = append(faults, found...)
		record, ok := value.(map[string]any)
		if !ok {
			faults = append(faults, e.Value.Faultf("the record of key %q must be a mapping, not %s", e.Key.Value, e.Value.describe()))
			continue
		}
		records[e.Key.Value] = record
	}
	return records, false, faults
}

// Timestamp is a point in time as it is written: 2026-01-02T15:04:05Z.
type Timestamp struct{ time.Time }

// DecodeNode implements NodeDecoder.
func (t *Timestamp) DecodeNode(n Node) Faults {
	var text string
	if faults := n.Decode(&text); len(faults) > 0 {
		return faults
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || at.IsZero() {
		return Faults{n.Faultf("%s must be a time such as 2026-01-02T15:04:05Z, not %s", n.what(), n.describe())}
	}
	*t = Timestamp{at}
	return nil
}

func (Timestamp) schema([]string) *JSONSchema {
	return &JSONSchema{
		Type: []string{"string"}, Pattern: `^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]|` + anyVariable,
		PatternErrorMessage: "must be a time such as 2026-01-02T15:04:05Z",
	}
}

func (Test) refine(s *JSONSchema) { s.Properties["events"].MinItems = 1 }

func (TestEvent) refine(s *JSONSchema) {
	s.either("data", "record")
	s.Properties["expect"].MinItems = 1
	s.Properties["id"].Type, s.Properties["source"].Type = wordTypes, wordTypes
	s.Properties["record"].Type = Types{"string"}
}

func (Outcome) refine(s *JSONSchema) {
	s.Properties["recipient"].Type, s.Properties["actor"].Type = wordTypes, append(wordTypes, "null")
	s.Properties["text"].Type, s.Properties["reason"].Type = Types{"string"}, Types{"string"}
	s.MinProperties = 1
}

// wordTypes are those of a text, or of an integer, which counts as its digits.
var wordTypes = Types{"string", "integer"}

// String returns the time as it is written in a file.
func (t Timestamp) String() string { return t.Format(time.RFC3339Nano) }

// isWord tells whether the node is a text, or an integer, which counts as its digits.
func (n Node) isWord() bool { return n.Kind() == String || n.Kind() == Int }
