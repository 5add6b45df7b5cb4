// Package event knows the event types of the configuration, checks events
// against them, and turns events into CloudEvents and back.
package event

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/expr"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// TopicPrefix and the name of an event type make the name of its topic.
const TopicPrefix = "events."

// MaxKey is the longest key, in bytes, written as a part of a topic name: Kafka
// allows topic names of 249 bytes.
const MaxKey = 230

// maxListed bounds how many names an error message lists.
const maxListed = 20

// Types are the event types of a configuration.
type Types struct {
	byName map[string]*Type
	names  []string // sorted
}

// Type is one event type.
type Type struct {
	Name string
	// Partitions is how many the topic has when the service creates it.
	Partitions int

	key    *expr.Template
	schema *jsonschema.Schema // nil: any data will do
	shape  *shape             // What schema says, where that is simple.
}

// Compile builds the event types: their key expressions and JSON Schemas. It
// reports every fault.
func Compile(events map[string]config.Event) (*Types, config.Faults) {
	types := &Types{byName: map[string]*Type{}, names: slices.Sorted(maps.Keys(events))}
	env := expr.NewEnv(handler.EventNames()...)
	var faults config.Faults
	for _, name := range types.names {
		declared := events[name]
		t := &Type{Name: name, Partitions: declared.Partitions}
		var err error
		if t.key, err = env.Template(declared.Key.Value); err != nil {
			faults = append(faults, expressionFault(declared.Key, err))
		}
		var wrong config.Faults
		if t.schema, wrong = declared.CompileSchema(); len(wrong) > 0 {
			faults = append(faults, wrong...)
		}
		t.shape = shapeOf(t.schema)
		types.byName[name] = t
	}
	return types, faults
}

// expressionFault places an error of the expression at its character.
func expressionFault(text config.Text, err error) config.Fault {
	var at *expr.Error
	if errors.As(err, &at) {
		return text.Node.FaultAt(at.Offset, "%s", at.Message).WithHint("%s", at.Hint)
	}
	return text.Node.Faultf("%v", err)
}

// Get returns the event type of that name.
func (t *Types) Get(name string) (*Type, bool) {
	found, ok := t.byName[name]
	return found, ok
}

// Names returns the names of all event types, sorted.
func (t *Types) Names() []string { return slices.Clone(t.names) }

// Unknown says that there is no such event type, which one may have been meant,
// and which ones there are.
func (t *Types) Unknown(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "unknown event type %s", quote(name))
	if near := config.Nearest(name, t.names); near != "" {
		fmt.Fprintf(&b, " (did you mean %q?)", near)
	}
	switch {
	case len(t.names) == 0:
		b.WriteString(": the configuration has no event types")
	case len(t.names) > maxListed:
		fmt.Fprintf(&b, ": this service knows %s and %d more", strings.Join(t.names[:maxListed], ", "), len(t.names)-maxListed)
	default:
		b.WriteString(": this service knows " + strings.Join(t.names, ", "))
	}
	return b.String()
}

// Topic is the Kafka topic of the events of this type.
func (t *Type) Topic() string { return TopicPrefix + t.Name }

// Check holds the data of e against the JSON Schema of the type, and returns
// all faults, each with a pointer seen from the event. Without a schema any
// data will do.
func (t *Type) Check(e *handler.Event) []Problem {
	data, err := e.Value()
	if err != nil {
		return []Problem{{"/data", "cannot be read: " + shorten(err.Error(), 300)}}
	}
	if faults := checkNumbers(data); len(faults) > 0 {
		return faults
	}
	if t.schema == nil || t.shape.accepts(data) {
		return nil
	}
	return check(t.schema, data)
}

// Key evaluates the key expression of the type. It is an error when the key
// would not fit into the name of a topic, or when there is none.
func (t *Type) Key(e *handler.Event) (string, error) {
	key, err := t.key.Eval(e.Vars())
	if err != nil {
		return "", fmt.Errorf("the key %s of event type %s: %w", t.key.Source(), t.Name, err)
	}
	if key == "" {
		return "", fmt.Errorf("the key %s of event type %s is empty: it decides the partition, and with it the order", t.key.Source(), t.Name)
	}
	if n := len(expr.EscapeTopic(key)); n > MaxKey {
		return "", fmt.Errorf("the key %s of event type %s takes %d bytes in a topic name: at most %d fit", t.key.Source(), t.Name, n, MaxKey)
	}
	return key, nil
}
