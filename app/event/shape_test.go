package event

import (
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// compileSchema compiles a schema as that of an event type is. JSON is YAML.
func compileSchema(t rapid.TB, schema string) *jsonschema.Schema {
	t.Helper()
	node, faults := config.Parse("test.yaml", []byte(schema), func(string) (string, bool) { return "", false })
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	compiled, faults := config.Event{Schema: node}.CompileSchema()
	if len(faults) > 0 {
		t.Fatalf("%s: %v", schema, faults)
	}
	return compiled
}

func valueOf(t rapid.TB, data string) any {
	t.Helper()
	value, err := (&handler.Event{Data: []byte(data)}).Value()
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func drawJSON(t *rapid.T, label string, from *rapid.Generator[any]) string {
	text, err := json.Marshal(from.Draw(t, label))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var someName = rapid.SampledFrom([]string{"a", "b", "é", "$ref"})

// simpleSchemas generates schemas of the keywords that a shape knows, and, with
// others, of some that it doesn't.
func simpleSchemas(depth int, others bool) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		s := map[string]any{}
		with := func(keyword string, value func() any) {
			if rapid.IntRange(0, 2).Draw(t, keyword) == 0 {
				s[keyword] = value()
			}
		}
		with("type", func() any {
			return rapid.SliceOfNDistinct(rapid.SampledFrom(typeNames), 1, 2, rapid.ID).Draw(t, "types")
		})
		with("required", func() any { return rapid.SliceOfNDistinct(someName, 0, 2, rapid.ID).Draw(t, "names") })
		with("minLength", func() any { return rapid.IntRange(0, 3).Draw(t, "least") })
		with("maxLength", func() any { return rapid.IntRange(0, 3).Draw(t, "most") })
		with("additionalProperties", func() any { return rapid.Bool().Draw(t, "additional") })
		with("title", func() any { return "x" })
		if depth > 0 {
			below := simpleSchemas(depth-1, others)
			with("properties", func() any { return rapid.MapOfN(someName, below, 0, 3).Draw(t, "schemas") })
			with("items", func() any { return below.Draw(t, "item") })
		}
		if others && rapid.IntRange(0, 3).Draw(t, "other") == 0 {
			other := rapid.SampledFrom([]string{
				`"enum":["a",1]`, `"const":null`, `"minimum":2`, `"pattern":"^a"`, `"format":"email"`, `"$ref":"#"`, `"not":{}`,
				`"anyOf":[{"type":"string"}]`, `"minItems":1`, `"maxProperties":1`, `"prefixItems":[false]`, `"propertyNames":{"maxLength":0}`,
				`"patternProperties":{"a":false}`, `"unevaluatedProperties":false`, `"dependentRequired":{"a":["b"]}`, `"if":true,"then":false`,
				`"additionalProperties":{"type":"null"}`, `"properties":{"a":false}`, `"$schema":"http://json-schema.org/draft-07/schema#"`,
			}).Draw(t, "keyword")
			if err := json.Unmarshal([]byte("{"+other+"}"), &s); err != nil {
				t.Fatal(err)
			}
		}
		return s
	})
}

// someData generates data that such schemas say something about.
func someData(depth int, numbers ...string) *rapid.Generator[any] {
	scalar := rapid.OneOf(
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.StringOfN(rapid.RuneFrom([]rune("aé𝄞")), 0, 4, -1).AsAny(),
		rapid.Map(rapid.SampledFrom(numbers), func(n string) any { return json.Number(n) }),
	)
	if depth == 0 {
		return scalar
	}
	below := someData(depth-1, numbers...)
	return rapid.OneOf(scalar, rapid.SliceOfN(below, 0, 3).AsAny(), rapid.MapOfN(someName, below, 0, 4).AsAny())
}

// A shape may leave anything to the library; what it accepts, the library must.
func TestShapeAcceptsNothingThatTheSchemaDoesNot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		schema := drawJSON(t, "schema", simpleSchemas(2, true))
		compiled := compileSchema(t, schema)
		for range 20 {
			data := drawJSON(t, "data", someData(2, "1", "-0", "1.0", "0.5", "18446744073709551615", "123456789012345678901234567890"))
			value := valueOf(t, data)
			if err := compiled.Validate(value); err != nil && shapeOf(compiled).accepts(value) {
				t.Fatalf("%s is accepted against %s: %v", data, schema, err)
			}
		}
	})
}

// Where a schema has a shape, data without fractions and huge numbers needs no
// library.
func TestShapeAcceptsWhatTheSchemaDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		schema := drawJSON(t, "schema", simpleSchemas(2, false))
		compiled := compileSchema(t, schema)
		for range 20 {
			data := drawJSON(t, "data", someData(2, "1", "-7", "18446744073709551615"))
			value := valueOf(t, data)
			if valid, accepted := compiled.Validate(value) == nil, shapeOf(compiled).accepts(value); valid != accepted {
				t.Fatalf("%s against %s: valid %t, accepted %t", data, schema, valid, accepted)
			}
		}
	})
}
