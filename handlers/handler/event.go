package handler

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Event is a CloudEvent. Nobody changes it after it was read; it is not safe for concurrent use,
// because it remembers its decoded data.
type Event struct {
	ID     string
	Source string
	Type   string
	// Time is when the event happened, zero where its producer does not say.
	Time time.Time
	// Data is JSON, byte for byte as it was submitted; empty where there is none.
	Data []byte
	// Extensions are the CloudEvents extension attributes: string, bool, int64, []byte, time.Time.
	Extensions map[string]any

	decoded bool
	value   any
	err     error
	vars    map[string]any
}

// Value returns the data decoded, once for all callers: map[string]any, []any, string, bool, nil;
// integers as int64, as uint64 or, beyond 64 bits, as json.Number; other numbers as float64.
// Duplicate keys, invalid UTF-8, nesting deeper than MaxDepth and anything after the value are
// errors. No data is nil. The value must not be changed.
func (e *Event) Value() (any, error) {
	if !e.decoded {
		e.decoded = true
		if len(e.Data) > 0 {
			e.value, e.err = decodeJSON(e.Data)
		}
	}
	return e.value, e.err
}

// attributes are the event as an expression sees it.
func (e *Event) attributes() map[string]any {
	if e.vars != nil {
		return e.vars
	}
	e.vars = make(map[string]any, len(e.Extensions)+5)
	for name, value := range e.Extensions {
		e.vars[name] = value
	}
	e.vars["id"], e.vars["source"], e.vars["type"] = e.ID, e.Source, e.Type
	if !e.Time.IsZero() {
		e.vars["time"] = e.Time
	}
	if value, err := e.Value(); err == nil {
		e.vars["data"] = value
	}
	return e.vars
}

// Vars returns the variables that an expression about the event alone can use, such as the key of
// an event type: event and data.
func (e *Event) Vars() EventVars { return EventVars{e} }

// EventVars resolves event and data. It implements expr.Vars.
type EventVars struct{ event *Event }

// ResolveName implements expr.Vars.
func (v EventVars) ResolveName(name string) (any, bool) {
	switch name {
	case "event":
		return v.event.attributes(), true
	case "data":
		value, err := v.event.Value()
		return value, err == nil
	default:
		return nil, false
	}
}

// EventNames are the names that every expression can use, those of EventVars.
func EventNames() []string { return []string{"event", "data"} }

// Origin is the place of the event record that a message descends from: the identity of one
// submission's journey, whatever retries and redrives it takes.
type Origin struct {
	Topic     string
	Partition int32
	Offset    int64
}

// String returns "<topic>/<partition>/<offset>".
func (o Origin) String() string { return string(o.Append(make([]byte, 0, len(o.Topic)+24))) }

// Append appends what String returns.
func (o Origin) Append(dst []byte) []byte {
	dst = append(append(dst, o.Topic...), '/')
	dst = append(strconv.AppendInt(dst, int64(o.Partition), 10), '/')
	return strconv.AppendInt(dst, o.Offset, 10)
}

// ParseOrigin reads what String wrote.
func ParseOrigin(s string) (Origin, error) {
	topic, rest, _ := strings.Cut(s, "/")
	partition, offset, _ := strings.Cut(rest, "/")
	p, err := strconv.ParseInt(partition, 10, 32)
	if err != nil || topic == "" {
		return Origin{}, fmt.Errorf("origin %q: want <topic>/<partition>/<offset>", s)
	}
	o, err := strconv.ParseInt(offset, 10, 64)
	origin := Origin{Topic: topic, Partition: int32(p), Offset: o}
	if err != nil || p < 0 || o < 0 || origin.String() != s {
		return Origin{}, fmt.Errorf("origin %q: want <topic>/<partition>/<offset>", s)
	}
	return origin, nil
}
