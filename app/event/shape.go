package event

import (
	"reflect"
	"slices"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// shape is a JSON Schema of nothing but the keywords that most schemas are made
// of. It says yes ten times as fast as the library, to whom everything else is
// left: other schemas, and what is wrong with data.
type shape struct {
	types                jsonTypes
	required             []string
	properties           []property
	closed               bool // No other properties.
	items                *shape
	minLength, maxLength *int
}

type property struct {
	name  string
	value *shape
}

// jsonTypes is a set of JSON types; none stands for any.
type jsonTypes uint8

const (
	typeNull jsonTypes = 1 << iota
	typeBoolean
	typeNumber
	typeInteger
	typeString
	typeArray
	typeObject
)

// typeNames are the names of the types, in their order.
var typeNames = []string{"null", "boolean", "number", "integer", "string", "array", "object"}

// shapeKeywords are the fields of a schema that a shape knows, and those that
// say nothing about data.
var shapeKeywords = []string{
	"Bool", "Types", "Required", "Properties", "AdditionalProperties", "Items2020", "MinLength", "MaxLength",
	"DraftVersion", "Location", "ID", "Title", "Description", "Default", "Comment", "ReadOnly", "WriteOnly", "Examples", "Deprecated",
}

// shapeOf returns the shape of a schema, nil where it has none.
func shapeOf(schema *jsonschema.Schema) *shape {
	if schema == nil || !isSimple(schema) {
		return nil
	}
	if schema.Bool != nil && !*schema.Bool {
		return nil
	}
	s := &shape{required: schema.Required, minLength: schema.MinLength, maxLength: schema.MaxLength}
	if schema.Types != nil {
		for _, name := range schema.Types.ToStrings() {
			s.types |= 1 << slices.Index(typeNames, name)
		}
	}
	switch additional := schema.AdditionalProperties.(type) {
	case nil:
	case bool:
		s.closed = !additional
	default:
		return nil
	}
	if schema.Items2020 != nil {
		if s.items = shapeOf(schema.Items2020); s.items == nil {
			return nil
		}
	}
	for name, schema := range schema.Properties {
		value := shapeOf(schema)
		if value == nil {
			return nil
		}
		s.properties = append(s.properties, property{name, value})
	}
	return s
}

// isSimple reports whether a schema has no other keywords than shapeKeywords.
func isSimple(schema *jsonschema.Schema) bool {
	value := reflect.ValueOf(schema).Elem()
	for i := range value.NumField() {
		field := value.Type().Field(i)
		if field.IsExported() && !slices.Contains(shapeKeywords, field.Name) && !value.Field(i).IsZero() {
			return false
		}
	}
	return true
}

// accepts reports whether data, as Event.Value returns it, surely fulfils the
// schema. No means nothing: ask the library.
func (s *shape) accepts(data any) bool {
	if s == nil {
		return false
	}
	switch v := data.(type) {
	case nil:
		return s.is(typeNull)
	case bool:
		return s.is(typeBoolean)
	case int64, uint64:
		return s.is(typeNumber | typeInteger)
	case float64:
		return s.is(typeNumber)
	case string:
		return s.is(typeString) && s.acceptsLength(v)
	case []any:
		return s.is(typeArray) && s.acceptsItems(v)
	case map[string]any:
		return s.is(typeObject) && s.acceptsMembers(v)
	default:
		return false
	}
}

// is reports whether the schema allows one of the types.
func (s *shape) is(types jsonTypes) bool { return s.types == 0 || s.types&types != 0 }

func (s *shape) acceptsLength(text string) bool {
	if s.minLength == nil && s.maxLength == nil {
		return true
	}
	n := utf8.RuneCountInString(text)
	return (s.minLength == nil || n >= *s.minLength) && (s.maxLength == nil || n <= *s.maxLength)
}

func (s *shape) acceptsItems(items []any) bool {
	if s.items == nil {
		return true
	}
	for _, item := range items {
		if !s.items.accepts(item) {
			return false
		}
	}
	return true
}

func (s *shape) acceptsMembers(members map[string]any) bool {
	for _, name := range s.required {
		if _, ok := members[name]; !ok {
			return false
		}
	}
	known := 0
	for _, p := range s.properties {
		value, ok := members[p.name]
		if !ok {
			continue
		}
		known++
		if !p.value.accepts(value) {
			return false
		}
	}
	return !s.closed || known == len(members)
}
