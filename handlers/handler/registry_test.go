package handler_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trieungochai/kafka-notify/handlers/handler"
	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

// Each fault is "line:column message (hint)".
func TestChainFaults(t *testing.T) {
	tests := map[string]struct {
		yaml string
		want []string
	}{
		"unknown type": {
			yaml: "- kep: {when: 'true'}",
			want: []string{`1:3 unknown handler type "kep" (did you mean "keep"?)`},
		},
		"unknown key":  {yaml: "- keep: {wen: 'true'}", want: []string{`1:10 unknown key "wen"`}},
		"missing key":  {yaml: "- keep:", want: []string{`1:3 missing key "when"`}},
		"not a string": {yaml: "- keep: {when: [1]}", want: []string{"1:16 must be a string, not a list"}},
		"place of an unknown name": {
			yaml: "- send:\n    to: 'Ünal {itt}'",
			want: []string{`2:16 unknown name "itt" (did you mean "it"?)`},
		},
		"all at once": {
			yaml: "- keep: {when: '1'}\n- send: {to: '{', topic: 'X'}",
			want: []string{"1:17 a condition is true or false, this is of type int", "2:15 this brace is never closed", "2:27 a topic's name has lower-case"},
		},
		"names of a faulty handler": {
			yaml: "- names: {a: {when: '1'}}\n- keep: {when: 'a == 1 && b == 1'}",
			want: []string{"1:22 a condition is true", `2:27 unknown name "b"`},
		},
		"names of an unknown type": {
			yaml: "- nmes: {a: {when: 'true'}}\n- keep: {when: a == 1}\n- every: {as: a}\n- keep: {when: '1 +'}",
			want: []string{`1:3 unknown handler type "nmes" (did you mean "names"?)`, "4:20 the expression ends too early"},
		},
		"names that can't be": {
			yaml: "- names: {in: {when: 'true'}, a-b: {when: 'true'}, data: {when: 'true'}}",
			want: []string{"1:11 \"in\" can't be used as a name", "1:31 \"a-b\" can't be used as a name", `1:52 the name "data" is taken already`},
		},
		"nothing": {yaml: "- names: {}", want: []string{"1:3 names: names nothing"}},
		"kinds": {
			yaml: "- send: {to: a}\n- every: {as: itt, mode: medium, ask: user, value: ['{', {a: '{itt}'}]}",
			want: []string{`2:15 unknown name "itt" (did you mean "it"?)`, `2:26 "medium" is not possible here (valid: fast, slow)`, "2:54 this brace is never closed", `2:64 unknown name "itt"`},
		},
		"lookup":          {yaml: "- send: {to: a}\n- every: {ask: user}", want: []string{`2:16 unknown lookup "user" (did you mean "users"?)`}},
		"no notification": {yaml: "- every: {}", want: []string{"1:3 every needs a notification, and none is composed before it"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			faults := handlertest.Faults(t, tt.yaml, handlertest.Registry(registry()), handlertest.Names("it"),
				handlertest.With("users", handlertest.Users()))
			text := faults.Error()
			for _, want := range tt.want {
				place, message, _ := strings.Cut(want, " ")
				found := false
				for line := range strings.SplitSeq(text, "\n") {
					found = found || strings.HasPrefix(line, "test.yaml:"+place+": ") && strings.Contains(line, message)
				}
				if !found {
					t.Errorf("want %s, got:\n%s", want, text)
				}
			}
			if len(faults) != len(tt.want) {
				t.Errorf("got %d faults, want %d:\n%s", len(faults), len(tt.want), text)
			}
		})
	}
}

func TestAddPanics(t *testing.T) {
	ok := handler.Type[struct{}]{
		Name: "ok", Summary: "Is fine.", Example: "- ok:",
		New: func(struct{}, *handler.Build) (handler.Handler, error) { return nil, nil },
	}
	tests := map[string]func(t *handler.Type[struct{}]){
		"taken":      func(*handler.Type[struct{}]) {},
		"name":       func(t *handler.Type[struct{}]) { t.Name = "Not-ok" },
		"no summary": func(t *handler.Type[struct{}]) { t.Name, t.Summary = "b", "" },
		"no example": func(t *handler.Type[struct{}]) { t.Name, t.Example = "b", "" },
		"no New":     func(t *handler.Type[struct{}]) { t.Name, t.New = "b", nil },
	}
	for name, change := range tests {
		r := handler.NewRegistry()
		handler.Add(r, ok)
		bad := ok
		change(&bad)
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: Add did not panic", name)
				}
			}()
			handler.Add(r, bad)
		}()
	}
}

func TestDescribe(t *testing.T) {
	r := registry()
	if diff := cmp.Diff([]string{"claim", "every", "keep", "names", "send", "split"}, r.Names()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	send := []handler.Param{
		{Name: "to", Kind: "template", Type: "string", Required: true, Doc: "the recipient"},
		{Name: "topic", Kind: "topic template", Type: "string", Doc: "the topic"},
	}
	tests := map[string][]handler.Param{
		"split": nil,
		"send":  send,
		"names": {{Name: "<name>", Kind: "mapping", Type: "mapping", Required: true, Params: []handler.Param{
			{Name: "when", Kind: "condition", Type: "string", Required: true, Doc: "what to keep"},
		}}},
		"every": {
			{Name: "value", Kind: "mapping of templates", Type: "any", Doc: "a value"},
			{Name: "as", Kind: "name that an earlier handler declares", Type: "string", Doc: "a name"},
			{Name: "mode", Kind: "one of fast, slow", Type: "string", Default: "slow", Doc: "a mode", Enum: []string{"fast", "slow"}},
			{Name: "wait", Kind: "duration", Type: "duration", Default: "1m", Doc: "a wait"},
			{Name: "ask", Kind: "string", Type: "string", Doc: "a lookup"},
			{Name: "count", Kind: "integer", Type: "integer", Default: "3", Doc: "a count"},
			{Name: "sub", Kind: "list of mapping", Type: "list", Doc: "more", Params: send},
			{Name: "flag", Kind: "true or false", Type: "boolean", Doc: "a flag"},
			{Name: "rate", Kind: "number", Type: "number", Doc: "a rate"},
			{Name: "any", Kind: "any value", Type: "any", Doc: "anything"},
		},
	}
	for name, want := range tests {
		d, ok := r.Describe(name)
		if diff := cmp.Diff(want, d.Params, cmpopts.IgnoreUnexported(handler.Param{})); !ok || diff != "" {
			t.Errorf("%s: %t (-want +got):\n%s", name, ok, diff)
		}
	}
	if d, ok := r.Describe("nobody"); ok {
		t.Errorf("an unknown type is described: %v", d)
	}
}

func TestObject(t *testing.T) {
	yaml := `
- send: {to: a}
- every:
    value:
      who: "{it.name}"
      count: "{it.n}"
      text: "{it.n} <b>"
      deep: {list: [1, 2.5, true, null, "x", "{it.list}"], empty: {}, none: []}
      "a\"b": 18446744073709551615
`
	var data []byte
	r := registry()
	add(r, "see", func(_ context.Context, m *handler.Message) (handler.Result, error) {
		data = m.Notification.Data
		return handler.Drop("seen"), nil
	})
	c := chain(t, yaml+"- see:\n", handlertest.Registry(r))
	m := handlertest.Message(`{}`)
	m.Set("it", map[string]any{"name": "Emma", "n": int64(7), "list": []any{int64(1)}})
	if _, _, err := c.Run(t.Context(), m, nil); err != nil {
		t.Fatal(err)
	}
	want := `{"who":"Emma","count":7,"text":"7 <b>","deep":{"list":[1,2.5,true,null,"x",[1]],"empty":{},"none":[]},"a\"b":18446744073709551615}`
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	m.Set("it", map[string]any{})
	_, _, err := c.Run(t.Context(), m, nil)
	if err == nil || !strings.Contains(err.Error(), "{it.name}: no such key: name") {
		t.Errorf("got error %v", err)
	}
}
