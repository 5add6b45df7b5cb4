package handlers_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/handlers/expr"
	"github.com/trieungochai/kafka-notify/handlers/handler"
	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

func TestSplit(t *testing.T) {
	tests := map[string]struct{ split, data, want string }{
		"text":           {`{over: "{data.to}", as: p}`, `{"to":["b","a"]}`, "b a"},
		"one":            {`{over: "{data.to}", as: p}`, `{"to":["a"]}`, "a"},
		"once":           {`{over: "{data.to}", as: p}`, `{"to":["2",3,2,"3","2",3.0]}`, "2 3"},
		"2^53+1":         {`{over: "{data.to}", as: p}`, `{"to":[9007199254740993,9007199254740992,99999999999999999999]}`, "9007199254740993 9007199254740992 99999999999999999999"},
		"records":        {`{over: "{data.to}", as: p}`, `{"to":[{"id":1,"n":"x"},{"id":"1"},{"id":"2"}]}`, "map[id:1 n:x] map[id:2]"},
		"without":        {`{over: "{data.to}", as: p, without: "{data.by}"}`, `{"to":["1",2,"3"],"by":"2"}`, "1 3"},
		"without number": {`{over: "{data.to}", as: p, without: "{data.by}"}`, `{"to":["1","2",3],"by":3}`, "1 2"},
		"by":             {`{over: "{data.to}", as: p, by: "{p.user}"}`, `{"to":[{"user":1,"id":7},{"user":"1","id":8},{"user":2}]}`, "map[id:7 user:1] map[user:2]"},
		"by of others":   {`{over: "{data.to}", as: p, by: "{data.room}/{p}", without: "r/2"}`, `{"to":[1,2],"room":"r"}`, "1"},
		"computed":       {`{over: "{data.to.filter(x, x.ok).map(x, x.id)}", as: p}`, `{"to":[{"ok":true,"id":1},{"ok":false,"id":2}]}`, "1"},
		"by first":       {`{by: "{p.user}", as: p, over: "{data.to}"}`, `{"to":[{"user":1}]}`, "map[user:1]"},
	}
	for name, tt := range tests {
		m := handlertest.Message(tt.data)
		result, err := handlertest.Handler(t, "split: "+tt.split).Handle(t.Context(), m)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, one := range result.Messages() {
			got = append(got, fmt.Sprint(one.Values["p"]))
			if one == m || one.Event != m.Event {
				t.Errorf("%s: the messages are no copies with the same event", name)
			}
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSplitNobody(t *testing.T) {
	for _, data := range []string{`{"to":[]}`, `{"to":["1"]}`, `{"to":[1,"1"]}`} {
		h := handlertest.Handler(t, `split: {over: "{data.to}", as: p, without: "1"}`)
		if result, err := h.Handle(t.Context(), handlertest.Message(data)); err != nil || result.Reason() != "nobody" {
			t.Errorf("%s: got reason %q, %v", data, result.Reason(), err)
		}
	}
}

// Each gets one notification, and what another gets has no part in its id.
func TestSplitDelivers(t *testing.T) {
	chain := handlertest.Chain(t, `
- split: {over: "{data.to}", as: p}
- filter: {when: 'p != "b"'}
- compose: {to: "{p}", text: "to {p}"}
- route: {topic: "notifications.user.{p}"}
`)
	ids := func(data string) map[string]string {
		outputs, _, err := chain.Run(t.Context(), handlertest.Message(data), nil)
		if err != nil {
			t.Fatal(err)
		}
		ids := make(map[string]string)
		for _, o := range outputs {
			ids[o.Topic+" "+o.Key+" "+o.Notification.Text] = o.Notification.ID
		}
		return ids
	}
	all, some := ids(`{"to":["a","b","c"]}`), ids(`{"to":["c"]}`)
	c := "notifications.user.c c to c"
	if len(all) != 2 || all["notifications.user.a a to a"] == "" || all[c] != some[c] {
		t.Errorf("got %v, and %v with c alone", all, some)
	}
}

func TestSplitErrors(t *testing.T) {
	tests := map[string]struct {
		split, data, want string
		class             handler.Class
	}{
		"no list":       {`{over: "{data.to}", as: p}`, `{"to":"a"}`, "over: {data.to}: is string, and no list", handler.ClassExpression},
		"missing":       {`{over: "{data.to}", as: p}`, `{}`, "over: {data.to}: no such key: to", handler.ClassExpression},
		"null":          {`{over: "{data.to}", as: p}`, `{"to":["a",null]}`, "over: element 1 of {data.to}: is null", handler.ClassExpression},
		"null, by":      {`{over: "{data.to}", as: p, by: "x"}`, `{"to":[null]}`, "over: element 0 of {data.to}: is null", handler.ClassExpression},
		"no id":         {`{over: "{data.to}", as: p}`, `{"to":[{"id":null}]}`, "over: element 0 of {data.to}: has no id: by says what its id is", handler.ClassExpression},
		"empty id":      {`{over: "{data.to}", as: p}`, `{"to":[""]}`, "over: element 0 of {data.to}: has no id", handler.ClassExpression},
		"list":          {`{over: "{data.to}", as: p}`, `{"to":[["a"]]}`, "over: element 0 of {data.to}: has no id", handler.ClassExpression},
		"by":            {`{over: "{data.to}", as: p, by: "{p.user}"}`, `{"to":[{"user":1},{}]}`, "over: element 1 of {data.to}: by: {p.user}: no such key: user", handler.ClassExpression},
		"by is empty":   {`{over: "{data.to}", as: p, by: "{p.user}"}`, `{"to":[{"user":""}]}`, "over: element 0 of {data.to}: by: the id is empty", handler.ClassExpression},
		"without":       {`{over: "{data.to}", as: p, without: "{data.by}"}`, `{"to":[]}`, "without: {data.by}: no such key: by", handler.ClassExpression},
		"more than max": {`{over: "{data.to}", as: p, max: 2}`, `{"to":[1,1,1]}`, "over: {data.to} has 3 elements, more than the 2 of max: raise max, or send several events", handler.ClassOther},
	}
	for name, tt := range tests {
		_, err := handlertest.Handler(t, "split: "+tt.split).Handle(t.Context(), handlertest.Message(tt.data))
		if err == nil || handler.ClassOf(err) != tt.class || !handler.IsPermanent(err) || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want a permanent one of class %s: %s", name, err, tt.class, tt.want)
		}
	}
}

func TestSplitFaults(t *testing.T) {
	tests := map[string][]string{
		`- split: {over: data.to, as: p}`:                                      {"test.yaml:1:17: a list is one hole and nothing else"},
		`- split: {over: "{size(data.to)}", as: p}`:                            {"test.yaml:1:19: a list is needed here, this is of type int"},
		`- split: {over: "{data.to}", as: data}`:                               {`test.yaml:1:34: the name "data" is taken already`},
		`- split: {over: "{data.to}", as: a-b, by: "{x}"}`:                     {`test.yaml:1:45: unknown name "x"`, `test.yaml:1:34: "a-b" can't be used as a name`},
		`- split: {over: "{data.to}", as: p, max: 0}`:                          {"test.yaml:1:42: max must be at least 1"},
		`- split: {over: "{p.to}", as: p, without: "{p}"}`:                     {`test.yaml:1:19: unknown name "p"`, `test.yaml:1:45: unknown name "p"`},
		`- split: {as: p}`:                                                     {`missing key "over"`},
		"- split: {over: '{data.to}'}\n- filter: {when: p.ok}\n":               {`missing key "as"`},
		"- split: {over: '{data.to}', as: p}\n- filter: {when: 'q.ok'}\n":      {`test.yaml:2:19: unknown name "q"`},
		"- split: {over: '{data.to}', as: p}\n- split: {over: '{p}', as: p}\n": {`test.yaml:2:28: the name "p" is taken already`},
	}
	for yaml, want := range tests {
		faults := handlertest.Faults(t, yaml)
		for i := range min(len(want), len(faults)) {
			if !strings.Contains(faults[i].String(), want[i]) {
				t.Errorf("%s: got %s, want %s", yaml, faults[i], want[i])
			}
		}
		if len(faults) != len(want) {
			t.Errorf("%s: got\n%s\nwant %d faults", yaml, faults, len(want))
		}
	}
}

// A post to all followers has one message for each of them, and does not take long: the work for one
// grows with the list by nothing.
func TestSplitOverMany(t *testing.T) {
	const people = 10_000
	var ids []any
	for i := range people {
		ids = append(ids, int64(i))
	}
	followers := &handlertest.Lookup{Records: map[string]map[string]any{"1": {"ids": ids}}}
	chain := handlertest.Chain(t, `
- enrich: {followers: {lookup: followers, key: "1"}}
- split: {over: "{followers.ids}", as: p, by: "{p}"}
- compose: {to: "{p}", text: "to {p}"}
- route: {topic: "notifications.user.{p}"}
`, handlertest.With("followers", followers))
	outputs, _, err := chain.Run(t.Context(), handlertest.Message(`{}`), nil)
	if err != nil || len(outputs) != people {
		t.Fatalf("%d outputs, %v", len(outputs), err)
	}
	if last, _ := expr.Text(ids[people-1]); outputs[people-1].Key != last {
		t.Errorf("the last is for %s", outputs[people-1].Key)
	}
}
