package handlers_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/handlers/handler"
	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

var sentence = regexp.MustCompile(`^[A-Z][^\n]*[a-z0-9]\.$`)

// TestConformance holds every registered handler type to the contract: what is shown about it is
// complete, and its example works.
func TestConformance(t *testing.T) {
	r := handler.Default()
	for _, name := range []string{"compose", "deduplicate", "enrich", "filter", "log", "map", "route", "split", "switch", "throttle"} {
		if d, ok := r.Describe(name); !ok || strings.Count(d.Doc, ". ") < 2 {
			t.Errorf("%s is not registered, or its documentation says little: %q", name, d.Doc)
		}
	}
	for _, name := range r.Names() {
		t.Run(name, func(t *testing.T) {
			d, _ := r.Describe(name)
			if !sentence.MatchString(d.Summary) {
				t.Errorf("the summary is no sentence: %q", d.Summary)
			}
			checkParams(t, name, d.Params)
			if !strings.Contains(d.Example, "- "+name+":") {
				t.Errorf("the example does not show the type:\n%s", d.Example)
			}
			runExample(t, name, d.Example)
		})
	}
}

func checkParams(t *testing.T, path string, params []handler.Param) {
	t.Helper()
	if len(params) == 0 {
		t.Errorf("%s has no parameters: their fields need yaml tags", path)
	}
	for _, p := range params {
		path := path + "." + p.Name
		if p.Doc == "" && p.Name != "<name>" {
			t.Errorf("%s has no doc", path)
		}
		if p.Kind == "" {
			t.Errorf("%s has no kind", path)
		}
		if p.Params != nil {
			checkParams(t, path, p.Params)
		}
	}
}

// runExample builds an example and runs two events through it.
func runExample(t *testing.T, name, example string) {
	t.Helper()
	followers := &handlertest.Lookup{Records: map[string]map[string]any{"1": {"ids": []any{"2", "3", "4"}}}}
	chain := handlertest.Chain(t, example, handlertest.With("users", handlertest.Users()), handlertest.With("followers", followers))
	if !slices.ContainsFunc(chain.Steps(), func(s handler.Step) bool { return s.Type == name }) {
		t.Errorf("the example builds %v", chain.Steps())
	}
	for _, data := range []string{`{"follower_id":"2","followee_id":"1"}`, `{"follower_id":"1","followee_id":"1"}`} {
		m := handlertest.Message(data)
		first, dropped, err := chain.Run(t.Context(), m, nil)
		if err != nil {
			t.Fatalf("the example fails on %s: %v", data, err)
		}
		for _, d := range dropped {
			if !slices.Contains(d.Step.Drops, d.Reason) {
				t.Errorf("%s drops a message with the reason %q, of which it says nothing: call Build.Drops", d.Step, d.Reason)
			}
		}
		again, _, err := chain.Run(t.Context(), m, nil)
		if err != nil || len(again) != len(first) {
			t.Fatalf("%s: the same event again gives %d outputs, %v, instead of %d", data, len(again), err, len(first))
		}
		for i := range first {
			if first[i].Notification.ID != again[i].Notification.ID {
				t.Errorf("%s: the same event again has another notification id", data)
			}
		}
	}
}

// A handler may use a name that one declares which can't be built. Nothing is said of that, and
// nothing is made of it.
func TestFaultsDoNotBreedOthers(t *testing.T) {
	for _, yaml := range []string{
		"- fitler: {}\n- deduplicate: {key: '{who.id}', window: 1h}",
		"- enrich: {who: {lookup: usrs, key: x}}\n- switch: {cases: [{when: who.x, handlers: []}]}\n- route: {topic: 'x.{who.id}'}",
	} {
		if faults := handlertest.Faults(t, yaml); len(faults) != 1 {
			t.Errorf("%s: got\n%s\nwant one fault", yaml, faults)
		}
	}
}

// What people see of a handler at a glance has the names of variables in it, and not their values.
func TestBriefsKeepSecrets(t *testing.T) {
	const yaml = `
- note: {when: "data.x == '${SECRET}'"}
- filter: {when: "data.y == '${SECRET}'"}
- split: {over: "{data.${SECRET}}", as: one}
`
	types := handlertest.Types("note: {summary: Notes., parameters: {when: {type: condition, doc: when}}, handlers: [filter: {when: '{params.when}'}]}")
	chain := handlertest.Chain(t, yaml, types, handlertest.Env(map[string]string{"SECRET": "hunter2"}))
	want := []string{"data.x == '${SECRET}'", "data.y == '${SECRET}'", "{data.${SECRET}} as one"}
	for i, s := range chain.Steps() {
		handlertest.NoSecret(t, s.Brief, "hunter2")
		if s.Brief != want[i] {
			t.Errorf("step %d: %q, want %q", i, s.Brief, want[i])
		}
	}
}
