package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/trieungochai/kafka-notify/config"
)

// fileSchema compiles the schema of a file in which every handler will do.
func fileSchema(t *testing.T, names config.Names) *jsonschema.Schema {
	t.Helper()
	s := config.FileSchema(names)
	anything := config.Map(&config.JSONSchema{})
	anything.Type, anything.MinProperties, anything.MaxProperties = config.Types{"object"}, 1, 1
	s.Definitions = map[string]*config.JSONSchema{config.HandlerDefinition: anything, config.InnerDefinition: anything}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("file:///schema.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("file:///schema.json") // which checks it against draft 7
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// asEdited reads a file as an editor does, to which a variable is a text. False
// is one that is no YAML.
func asEdited(t *testing.T, file string, data []byte) (any, bool) {
	t.Helper()
	node, faults := config.Parse(file, data, nil)
	if node.IsZero() || len(faults) > 0 {
		return nil, false
	}
	value, _ := node.Value()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc, true
}

func readEdited(t *testing.T, file string) any {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	doc, ok := asEdited(t, file, data)
	if !ok {
		t.Fatalf("%s is no YAML", file)
	}
	return doc
}

func TestFileSchemaAccepts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("no cases found: %v, %v", files, err)
	}
	s := fileSchema(t, nil)
	for _, file := range append(files, "kafka-notify.yaml", "docker.yaml") {
		if err := s.Validate(readEdited(t, file)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// structural are the faults of testdata/faults that lie in the structure of the
// file, or in a value that can be told from a good one by itself. What is wrong
// with the others only Load can see, or YAML itself.
var structural = []string{
	"crlf", "delivery-bounds", "duration-in-days", "duration-nonsense", "duration-without-unit",
	"duration-zero", "event-key-missing", "event-name", "everything-at-once", "handler-a-word",
	"handler-bad-indent", "handler-two-keys", "handlers-empty", "integer-where-string", "kafka-both",
	"kafka-brokers-empty", "kafka-neither", "kafka-sasl", "kafka-sasl-missing", "kafka-tls", "kafka-tls-key",
	"kafka-tls-scalar", "list-document", "list-where-mapping", "log", "long-line", "lookup-both", "lookup-http",
	"lookup-neither", "lookup-url", "mapping-where-list", "mapping-where-scalar", "missing-subscribe",
	"null-where-scalar", "pipeline-name", "pipeline-start", "quoted-boolean", "quoted-integer", "retry-bounds",
	"scalar-document", "scalar-where-list", "scalar-where-mapping", "schema-no-schema", "secret-in-a-list",
	"secret-in-line", "secret-of-digits", "store-both", "store-neither", "store-redis", "store-redis-no-url",
	"string-where-integer", "subscribe-list", "tab-in-line", "tests", "unknown-key", "unknown-key-far-off", "unknown-key-top-level",
	"unquoted-template", "variable-in-key", "wide-characters", "yes-is-no-boolean",
}

func TestFileSchemaRefuses(t *testing.T) {
	s := fileSchema(t, nil)
	for _, name := range structural {
		if err := s.Validate(readEdited(t, filepath.Join("testdata/faults", name+".yaml"))); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	files, err := filepath.Glob("testdata/faults/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if doc, ok := asEdited(t, file, data); ok && !slices.Contains(structural, name) && s.Validate(doc) != nil {
			t.Errorf("%s is refused and not in the list: %v", name, s.Validate(doc))
		}
	}
}

// What values can refer to is what the file declares.
func TestFileSchemaNames(t *testing.T) {
	const file = "test.yaml"
	load := func(text string) *config.Config {
		c, err := config.Load(testEnv, write(t, file, text))
		var faults config.Faults
		if err != nil && !errors.As(err, &faults) {
			t.Fatal(err)
		}
		return c
	}
	c := load(`
events: {like: {key: k}, share: {key: k}}
pipelines: {like: {subscribe: events.like, handlers: [{a: {}}]}}
`)
	s := fileSchema(t, c.Names())
	for topic, valid := range map[string]bool{
		"events.like": true, "events.share": true, "events.lik": false, "like": false, "${TOPIC}": true,
	} {
		doc, _ := asEdited(t, file, []byte(`pipelines: {p: {subscribe: "`+topic+`", handlers: [{a: {}}]}}`))
		if err := s.Validate(doc); (err == nil) != valid {
			t.Errorf("subscribe: %s: %v", topic, err)
		}
	}
	if err := fileSchema(t, load(`pipelines: {}`).Names()).Validate(readEdited(t, "kafka-notify.yaml")); err != nil {
		t.Errorf("nothing is declared, so that any topic may be: %v", err)
	}
}

// Every key tells what it is for, and no secret has a default.
func TestFileSchemaTells(t *testing.T) {
	var walk func(path string, s *config.JSONSchema)
	walk = func(path string, s *config.JSONSchema) {
		for name, p := range s.Properties {
			if p.Description == "" {
				t.Errorf("%s.%s has no doc", path, name)
			}
			walk(path+"."+name, p)
		}
		if s.Items != nil {
			walk(path+"[]", s.Items)
		}
		if s.Additional != nil {
			walk(path+".*", s.Additional)
		}
	}
	s := config.FileSchema(nil)
	walk("", s)
	if len(s.Required) > 0 {
		t.Errorf("a file of several must not need %v", s.Required)
	}
	for path, want := range map[string]any{"log.level": "info", "retry.timeout": "10s", "http.max_events": 1000, "kafka.sasl.password": nil, "kafka.embedded.listen": "127.0.0.1:9092"} {
		at := s
		for _, key := range strings.Split(path, ".") {
			at = at.Properties[key]
		}
		if at.Default != want {
			t.Errorf("the default of %s is %v, want %v", path, at.Default, want)
		}
	}
}

// write makes a file for a test.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
