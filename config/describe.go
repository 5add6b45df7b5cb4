package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"
)

// Definitions that the schema of a file refers to: a handler in a pipeline, and
// one of those that a declared type is made of. Package config does not know
// what there is to choose from.
const (
	HandlerDefinition = "handler"
	InnerDefinition   = "inner_handler"
)

// Names are what a configuration declares by name, by the word that the tag ref
// of a field has for them: lookups, events, topics and pipelines. What is not
// there is not known, and any text is possible.
type Names map[string][]string

// Names returns what the configuration declares. It may have faults.
func (c *Config) Names() Names {
	if c == nil {
		return nil
	}
	names := Names{
		"lookups":   slices.Sorted(maps.Keys(c.Lookups)),
		"events":    slices.Sorted(maps.Keys(c.Events)),
		"pipelines": slices.Sorted(maps.Keys(c.Pipelines)),
	}
	for _, event := range names["events"] {
		names["topics"] = append(names["topics"], eventTopics+event)
	}
	return names
}

// FileSchema returns the JSON Schema of a configuration file. It may be one of
// several, so that no section must be there. The definitions are up to those
// who know the handler types.
func FileSchema(names Names) *JSONSchema {
	c := new(Config)
	c.setDefaults()
	s := describer{names}.structure(reflect.ValueOf(*c))
	s.Schema = Draft7
	return s
}

// SchemaOf returns the JSON Schema of what Decode accepts for a value of that
// type.
func SchemaOf[T any]() *JSONSchema {
	return describer{}.value(newValue(reflect.TypeFor[T]()).Elem(), field{})
}

// describer makes the schema of what a decoder accepts.
type describer struct{ names Names }

// described is a NodeDecoder that says what it decodes. names are those that
// its texts may be; without any, all are possible.
type described interface {
	schema(names []string) *JSONSchema
}

// refined is a struct that says of itself what tags can't.
type refined interface{ refine(s *JSONSchema) }

// value describes a value that holds its defaults, of a field.
func (d describer) value(v reflect.Value, f field) *JSONSchema {
	names := append(slices.Clone(f.oneOf), d.names[f.ref]...)
	switch x := v.Interface().(type) {
	case described:
		return x.schema(names)
	case interface{ Values() []string }:
		return Either(x.Values()...)
	case Node:
		return &JSONSchema{}
	case Text:
		return Either(names...)
	case time.Duration:
		return duration()
	}
	switch v.Kind() {
	case reflect.String:
		return Either(names...)
	case reflect.Bool:
		return scalar("boolean", "must be true or false")
	case reflect.Float32, reflect.Float64:
		return scalar("number", "must be a number")
	case reflect.Pointer:
		return d.value(newValue(v.Type().Elem()).Elem(), f)
	case reflect.Slice:
		return List(d.value(newValue(v.Type().Elem()).Elem(), f))
	case reflect.Map:
		return d.mapping(v, f)
	case reflect.Struct:
		return d.structure(v)
	case reflect.Int, reflect.Int64:
		return scalar("integer", "must be an integer")
	}
	panic(fmt.Sprintf("config: no schema of a %s", v.Type()))
}

func (d describer) mapping(v reflect.Value, f field) *JSONSchema {
	s := Map(d.value(newValue(v.Type().Elem()).Elem(), f))
	if pattern, ok := keyPatterns[f.keys]; ok {
		s.PropertyNames = &JSONSchema{Pattern: pattern.String()}
	}
	return s
}

func (d describer) structure(v reflect.Value) *JSONSchema {
	properties := make(map[string]*JSONSchema)
	var required []string
	for _, f := range fieldsOf(v.Type()) {
		if f.self {
			continue
		}
		s := d.value(v.FieldByIndex(f.index), f)
		byDefault := s.Default
		if set := Plain(v.FieldByIndex(f.index).Interface()); set != nil && !f.secret {
			byDefault = set
		}
		s.Describe(f.doc, byDefault)
		if f.required {
			required = append(required, f.name)
		}
		properties[f.name] = s
	}
	s := Object(properties, required)
	if r, ok := v.Interface().(refined); ok {
		r.refine(s)
	}
	return s
}

// Plain returns a default as it would be written: a scalar, or a list of them.
// Nil is one that says nothing.
func Plain(value any) any {
	v := reflect.ValueOf(value)
	if !v.IsValid() || v.IsZero() {
		return nil
	}
	if d, ok := value.(time.Duration); ok {
		return shortDuration(d)
	}
	switch v.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64:
		return value
	case reflect.Slice:
		items := make([]any, v.Len())
		for i := range items {
			items[i] = Plain(v.Index(i).Interface())
		}
		return items
	}
	return nil
}

// scalar describes what may come from a variable as well. An editor has no
// type for one that is not in quotes but text.
func scalar(kind, message string) *JSONSchema {
	s := (&JSONSchema{Type: []string{kind}}).OrText(anyVariable)
	s.PatternErrorMessage = message
	return s
}

func duration() *JSONSchema {
	return &JSONSchema{
		Type:                []string{"string"},
		Pattern:             `^\+?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$|` + anyVariable,
		PatternErrorMessage: "must be a duration such as 10s, 5m or 24h",
	}
}

func (Start) schema([]string) *JSONSchema {
	s := Either("now", "oldest").OrText(`^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]`)
	s.Default = "now"
	return s
}

func (Step) schema([]string) *JSONSchema {
	return &JSONSchema{Ref: "#/definitions/" + HandlerDefinition}
}

func (Kafka) refine(s *JSONSchema) {
	s.either("embedded", "brokers")
	s.Properties["brokers"].MinItems = 1
}

func (KafkaTLS) refine(s *JSONSchema) {
	s.Dependencies = map[string]*JSONSchema{"cert": {Required: []string{"key"}}, "key": {Required: []string{"cert"}}}
}

func (Store) refine(s *JSONSchema)    { s.either("embedded", "redis") }
func (Lookup) refine(s *JSONSchema)   { s.either("file", "http") }
func (Event) refine(s *JSONSchema)    { s.Properties["schema"].Type = Types{"object", "boolean"} }
func (Pipeline) refine(s *JSONSchema) { s.Properties["handlers"].MinItems = 1 }

func (HandlerType) refine(s *JSONSchema) {
	parts := s.Properties["handlers"]
	parts.MinItems, parts.Items = 1, &JSONSchema{Ref: "#/definitions/" + InnerDefinition}
}

func (Parameter) refine(s *JSONSchema) { s.Properties["one_of"].MinItems = 1 }

// marshal leaves < and > as they are, for people.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
