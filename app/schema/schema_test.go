package schema_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/trieungochai/kafka-notify/app"
	"github.com/trieungochai/kafka-notify/app/schema"
	"github.com/trieungochai/kafka-notify/config"
	_ "github.com/trieungochai/kafka-notify/handlers"
	"github.com/trieungochai/kafka-notify/handlers/expr"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// compile compiles the schema of a configuration, which checks it against draft 7.
func compile(t *testing.T, registry *handler.Registry, cfg *config.Config) *jsonschema.Schema {
	t.Helper()
	text, err := json.Marshal(schema.Of(registry, cfg))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("file:///schema.json", decode(t, text)); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("file:///schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func decode(t *testing.T, text []byte) any {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// edited is YAML as an editor reads it, to which a variable is a text.
func edited(t *testing.T, yaml string) any {
	t.Helper()
	node, faults := config.Parse("test.yaml", []byte(yaml), nil)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	value, _ := node.Value()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, text)
}

// variable is what scripts and files expect of the environment.
func variable(name string) (string, bool) {
	value, ok := map[string]string{"HTTP": "127.0.0.1:0", "KAFKA": "127.0.0.1:0", "SECRET": "s3cr3t"}[name]
	return value, ok
}

// load reads a configuration that may have faults.
func load(t *testing.T, path string) (cfg *config.Config, ok bool) {
	t.Helper()
	cfg, err := config.Load(variable, path)
	var faults config.Faults
	if err != nil && !errors.As(err, &faults) {
		t.Fatal(err)
	}
	return cfg, err == nil
}

// What the service would start with is what an editor finds nothing wrong with: every file of the repository, those in
// scripts included.
func TestGoodFiles(t *testing.T) {
	good := 0
	check := func(name, path string) {
		cfg, ok := load(t, path)
		if !ok {
			return
		}
		if faults, err := app.Check(t.Context(), cfg, handler.Default()); err != nil || faults.Err() != nil {
			return
		}
		good++
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		doc := edited(t, string(text))
		if err := compile(t, handler.Default(), cfg).Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := compile(t, handler.Default(), nil).Validate(doc); err != nil && len(cfg.HandlerTypes) == 0 {
			t.Errorf("%s, of which nothing is known: %v", name, err)
		}
	}
	for _, root := range []string{"../../config", "../../app"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case filepath.Ext(path) == ".yaml":
				check(path, path)
			case filepath.Ext(path) == ".txtar":
				for file, at := range unpack(t, path) {
					check(path+": "+file, at)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if good < 6 {
		t.Errorf("only %d files are good", good)
	}
}

// unpack writes the files of a script, and those that every script has, into a folder of their own, and returns where
// its configurations lie.
func unpack(t *testing.T, script string) map[string]string {
	t.Helper()
	archive, err := txtar.ParseFile(script)
	if err != nil {
		t.Fatal(err)
	}
	dir, found := t.TempDir(), make(map[string]string)
	if err := os.CopyFS(dir, os.DirFS("../cli/testdata/service")); err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		at := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(f.Name) == ".yaml" {
			found[f.Name] = at
		}
	}
	return found
}

// pace is an Enum.
type pace string

func (pace) Values() []string { return []string{"slow", "fast"} }

// everything is a configuration of a handler type with all that one can have.
type everything struct {
	When   *expr.Condition           `yaml:"when,required" doc:"a condition"`
	Pace   pace                      `yaml:"pace" doc:"an enum"`
	Wait   time.Duration             `yaml:"wait" doc:"a duration"`
	Count  int                       `yaml:"count" doc:"an integer"`
	Loud   bool                      `yaml:"loud" doc:"a boolean"`
	Share  *float64                  `yaml:"share" doc:"a number"`
	Ask    []handler.Text            `yaml:"ask" ref:"lookups" doc:"lookups"`
	Blocks map[string]*handler.Block `yaml:"blocks" doc:"handlers by name"`
	Data   *handler.Object           `yaml:"data" doc:"templates"`
}

const declaring = `
lookups: {users: {file: u.yaml}, teams: {file: t.yaml}}
handler_types:
  tell:
    summary: Tells a person.
    parameters:
      text: {type: template, doc: what to say}
      from: {type: lookup, default: users, doc: where people are found}
      tone: {type: string, one_of: [plain, loud], default: plain, doc: how}
      n: {type: integer, default: 3, doc: how often}
      first: {type: handlers, default: [], doc: what before}
    handlers:
      - every: {when: "true"}
`

func TestHandlers(t *testing.T) {
	registry := handler.NewRegistry()
	handler.Add(registry, handler.Type[everything]{
		Name: "every", Summary: "Takes everything.", Example: "- every: {when: 'true'}",
		Default: func() everything { return everything{Pace: "slow", Count: 3} },
		New:     func(everything, *handler.Build) (handler.Handler, error) { return nil, nil },
	})
	path := filepath.Join(t.TempDir(), "test.yaml")
	if err := os.WriteFile(path, []byte(declaring), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _ := load(t, path)
	s := compile(t, registry, cfg)
	for step, valid := range map[string]bool{
		`every: {when: "true"}`: true, `every: null`: false, `every: {}`: false, `every: {whem: "true", when: "true"}`: false,
		`every: {when: true}`: false, `every: {when: ["true"]}`: false, `evry: {when: "true"}`: false, `filter: {when: "true"}`: false,
		`every: {when: "true"}, tell: {text: a}`: false, ``: false, `every`: false,
		`every: {when: "true", pace: fast, wait: 1h30m, count: 7, loud: true, share: 0.5}`:  true,
		`every: {when: "true", pace: "${PACE}", wait: "${W}", count: "${N}", loud: "${L}"}`: true,
		`every: {when: "true", pace: quick}`:                                                false, `every: {when: "true", wait: 10}`: false, `every: {when: "true", wait: 1d}`: false,
		`every: {when: "true", count: many}`: false, `every: {when: "true", count: 1.5}`: false, `every: {when: "true", loud: "yes"}`: false,
		`every: {when: "true", share: half}`:         false,
		`every: {when: "true", ask: [users, teams]}`: true, `every: {when: "true", ask: [user]}`: false, `every: {when: "true", ask: users}`: false,
		`every: {when: "true", blocks: {a: [tell: {text: a}], b: []}}`: true, `every: {when: "true", blocks: {a: [tel: {text: a}]}}`: false,
		`every: {when: "true", blocks: {a: [every: {when: "true", blocks: {b: [tell: {}]}}]}}`: false,
		`every: {when: "true", data: {a: [1, {b: null}]}}`:                                     true, `every: {when: "true", data: 7}`: true,
		`tell: {text: "Hi"}`: true, `tell: {}`: false, `tell: {text: a, n: 4, tone: loud, from: teams, first: [tell: {text: b}]}`: true,
		`tell: {text: a, from: people}`: false, `tell: {text: a, tone: rude}`: false, `tell: {text: a, n: x}`: false,
		`tell: {text: a, first: [tell: {}]}`: false, `tell: {text: a, txt: b}`: false,
		`every: {when: "true", count: "{params.n}"}`: false,
	} {
		doc := edited(t, "pipelines: {p: {subscribe: events.e, handlers: [{"+step+"}]}}")
		if err := s.Validate(doc); (err == nil) != valid {
			t.Errorf("%s: %v, want %t", step, err, valid)
		}
	}
	// In the body of a declared type, parameters may stand in the place of values.
	for step, valid := range map[string]bool{
		`every: {when: "true", count: "{params.n}", wait: "{ params.w }", loud: "{params.l}", pace: "{params.p}", share: "{params.s}"}`: true,
		`every: {when: "true", ask: ["{params.from}"], blocks: {a: "{params.first}"}}`:                                                  true,
		`every: {when: "true", blocks: {a: [every: {when: "true", count: "{params.n}"}]}}`:                                              true,
		`every: {when: "true", blocks: "{params.b}", ask: "{params.all}"}`:                                                              true,
		`every: {when: "true", count: "{data.n}"}`:                                                                                      false,
		`tell: {text: a, n: "{params.n}", tone: "{params.tone}", from: "{params.from}", first: "{params.first}"}`:                       true,
		`tell: {text: a, tone: rude}`: false,
	} {
		doc := edited(t, "handler_types: {a: {summary: A., handlers: [{"+step+"}]}}")
		if err := s.Validate(doc); (err == nil) != valid {
			t.Errorf("body: %s: %v, want %t", step, err, valid)
		}
	}
}

// People are told what a type does and takes, and what counts when they say nothing.
func TestTexts(t *testing.T) {
	step := schema.Of(handler.Default(), nil).Definitions[config.HandlerDefinition]
	enrich := step.Properties["enrich"]
	for _, want := range []string{"Looks up records", "- `lookup` (string, required)", "```yaml\n- enrich:"} {
		if !strings.Contains(enrich.MarkdownDescription, want) {
			t.Errorf("no %q in\n%s", want, enrich.MarkdownDescription)
		}
	}
	missing := enrich.Additional.Properties["missing"]
	if !strings.HasSuffix(missing.Description, "Default: poison") {
		t.Errorf("got %q", missing.Description)
	}
	if when := step.Properties["filter"].Properties["when"]; !strings.Contains(when.Description, "CEL") {
		t.Errorf("got %q", when.Description)
	}
}

// The examples of the handler types are right by the schema.
func TestExamples(t *testing.T) {
	s := compile(t, handler.Default(), nil)
	for _, name := range handler.Default().Names() {
		d, _ := handler.Default().Describe(name)
		example := "pipelines:\n  p:\n    subscribe: events.e\n    handlers:\n" + strings.ReplaceAll("\n"+strings.Trim(d.Example, "\n"), "\n", "\n      ")[1:]
		if err := s.Validate(edited(t, example)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
