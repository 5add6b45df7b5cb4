package config

import (
	"fmt"
	"slices"
	"strings"
)

// Draft7 is the version of all JSON Schemas of the file: the last one that the
// editors' yaml-language-server knows as a whole.
const Draft7 = "http://json-schema.org/draft-07/schema#"

// JSONSchema is a JSON Schema, as far as one of the configuration needs it.
// Its texts are for the people who are shown it while they type.
type JSONSchema struct {
	Schema              string                 `json:"$schema,omitempty"`
	Ref                 string                 `json:"$ref,omitempty"`
	Description         string                 `json:"description,omitempty"`
	MarkdownDescription string                 `json:"markdownDescription,omitempty"` // editors prefer it
	Type                Types                  `json:"type,omitempty"`
	Enum                []string               `json:"enum,omitempty"`
	Pattern             string                 `json:"pattern,omitempty"`
	PatternErrorMessage string                 `json:"patternErrorMessage,omitempty"` // what editors say in place of the pattern
	Default             any                    `json:"default,omitempty"`
	Items               *JSONSchema            `json:"items,omitempty"`
	MinItems            int                    `json:"minItems,omitempty"`
	Properties          map[string]*JSONSchema `json:"properties,omitempty"`
	PropertyNames       *JSONSchema            `json:"propertyNames,omitempty"`
	Additional          *JSONSchema            `json:"additionalProperties,omitempty"`
	Required            []string               `json:"required,omitempty"`
	MinProperties       int                    `json:"minProperties,omitempty"`
	MaxProperties       int                    `json:"maxProperties,omitempty"`
	Dependencies        map[string]*JSONSchema `json:"dependencies,omitempty"`
	AnyOf               []*JSONSchema          `json:"anyOf,omitempty"`
	Definitions         map[string]*JSONSchema `json:"definitions,omitempty"`

	never bool // nothing is possible
}

// never returns a schema of what can't be.
func never() *JSONSchema { return &JSONSchema{never: true} }

// MarshalJSON implements json.Marshaler.
func (s *JSONSchema) MarshalJSON() ([]byte, error) {
	if s.never {
		return []byte("false"), nil
	}
	type plain JSONSchema
	return marshal((*plain)(s))
}

// Types are those that a value may have.
type Types []string

// MarshalJSON implements json.Marshaler.
func (t Types) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return marshal(t[0])
	}
	return marshal([]string(t))
}

// anyVariable finds the ${VARIABLES} of a text.
const anyVariable = `\$\{`

// OrText makes texts that match a pattern possible, too: a variable where a
// number belongs.
func (s *JSONSchema) OrText(pattern string) *JSONSchema {
	text := &JSONSchema{Type: []string{"string"}, Pattern: pattern}
	switch {
	case len(s.AnyOf) > 0:
		s.AnyOf = append(s.AnyOf, text)
	case s.Pattern != "":
		s.Pattern += "|" + pattern
	case s.isAnyText():
	case len(s.Enum) > 0, slices.Contains(s.Type, "array"), slices.Contains(s.Type, "object"):
		own := *s
		own.Default, own.Description, own.MarkdownDescription = nil, "", ""
		*s = JSONSchema{Default: s.Default, Description: s.Description, MarkdownDescription: s.MarkdownDescription}
		s.AnyOf = []*JSONSchema{&own, text}
	default:
		s.Type, s.Pattern = append(slices.Clone(s.Type), "string"), pattern
	}
	return s
}

// isAnyText tells whether every text is possible.
func (s *JSONSchema) isAnyText() bool {
	return s.Ref == "" && len(s.Enum) == 0 && (len(s.Type) == 0 || slices.Contains(s.Type, "string"))
}

// Either returns a schema of what is one of a few texts, or has a variable in
// it. Without any, every text will do.
func Either(texts ...string) *JSONSchema {
	s := &JSONSchema{Type: []string{"string"}, Enum: texts}
	return s.OrText(anyVariable)
}

// object returns a schema of a mapping. A null stands for an empty one.
func object() *JSONSchema { return &JSONSchema{Type: []string{"object", "null"}} }

// List returns a schema of a list.
func List(items *JSONSchema) *JSONSchema {
	return &JSONSchema{Type: []string{"array"}, Items: items}
}

// Map returns a schema of a mapping of which the users choose the keys.
func Map(values *JSONSchema) *JSONSchema {
	s := object()
	s.Additional = values
	return s
}

// Object returns a schema of a mapping with these keys. One that must have
// some of them can't be null.
func Object(properties map[string]*JSONSchema, required []string) *JSONSchema {
	s := object()
	s.Properties, s.Required, s.Additional = properties, required, never()
	if len(required) > 0 {
		s.Type = []string{"object"}
	}
	return s
}

// Describe sets the text that people are shown, with the default behind it,
// which editors don't show by themselves.
func (s *JSONSchema) Describe(text string, byDefault any) {
	s.Description, s.Default = text, byDefault
	if byDefault == nil {
		return
	}
	shown := fmt.Sprint(byDefault)
	if items, ok := byDefault.([]any); ok {
		shown = strings.Trim(fmt.Sprint(items), "[]")
	}
	s.Description = strings.TrimSpace(text + "\n\nDefault: " + shown)
}

// either says that a mapping has one of two keys.
func (s *JSONSchema) either(a, b string) {
	s.Type = Types{"object"}
	s.AnyOf = []*JSONSchema{{Required: []string{a}}, {Required: []string{b}}}
	s.Dependencies = map[string]*JSONSchema{a: {Properties: map[string]*JSONSchema{b: never()}}}
}
