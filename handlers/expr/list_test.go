package expr_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestList(t *testing.T) {
	values := values()
	values["data"].(map[string]any)["people"] = []any{
		map[string]any{"id": int64(1<<53 + 1), "tags": []any{"x"}}, map[string]any{"id": "b"},
	}
	values["data"].(map[string]any)["words"] = []string{"a", "b"}
	tests := map[string][]any{
		"{data.list}":                          {int64(1), "b", nil},
		"{ data.list }":                        {int64(1), "b", nil},
		"{data.list + [true]}":                 {int64(1), "b", nil, true},
		"{data.words}":                         {"a", "b"},
		"{[]}":                                 nil,
		"{has(data.nick) ? data.nick : []}":    nil,
		"{data.people.filter(p, p.id != 'b')}": {map[string]any{"id": int64(1<<53 + 1), "tags": []any{"x"}}},
		"{data.people.map(p, p.id)}":           {int64(1<<53 + 1), "b"},
		"{data.people.map(p, {'a': p.tags})}":  nil, // the second has no tags
		"{[{'a': [1.5, 2u]}, duration('90s'), b'x', event.time]}": {
			map[string]any{"a": []any{1.5, uint64(2)}}, "90s", "x", values["event"].(map[string]any)["time"],
		},
		"{data.huge == '1' ? [] : [data.huge]}": {"123456789012345678901234567890"},
		"{[data.map]}":                          {map[string]any{"k": "v", "n": json.Number("99999999999999999999")}},
	}
	for src, want := range tests {
		list, err := env().List(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		got, err := list.Eval(values)
		if failed := strings.Contains(src, "p.tags"); failed != (err != nil) {
			t.Errorf("%s: %v", src, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", src, diff)
		}
		if list.Source() != src {
			t.Errorf("source of %q: %q", src, list.Source())
		}
	}
}

func TestListFaults(t *testing.T) {
	for src, want := range map[string]struct {
		offset  int
		message string
	}{
		"":                 {0, "a list is one hole and nothing else, such as {data.ids}"},
		"data.list":        {0, "a list is one hole and nothing else, such as {data.ids}"},
		"{data.list} ":     {0, "a list is one hole and nothing else, such as {data.ids}"},
		"{data.a}{data.b}": {0, "a list is one hole and nothing else, such as {data.ids}"},
		"{'a' + data.b}":   {1, "a list is needed here, this is of type string"},
		"{{'a': 1}":        {8, "this brace closes nothing: write }} for a brace in the text"},
		"{ {'a': 1}}":      {1, "a list is needed here, this is of type map(string, int)"},
		"{dta.list}":       {1, `unknown name "dta"`},
	} {
		_, err := env().List(src)
		if e := asError(t, err); e.Offset != want.offset || e.Message != want.message {
			t.Errorf("%s: got %q at %d, want %q at %d", src, e.Message, e.Offset, want.message, want.offset)
		}
	}
}

func TestListErrors(t *testing.T) {
	for src, want := range map[string]string{
		"{data.text}":      "{data.text}: is string, and no list",
		"{data.map}":       "{data.map}: is map, and no list",
		"{data.nil}":       "{data.nil}: is null, and no list",
		"{data.nick}":      "{data.nick}: no such key: nick",
		"{[type(data.n)]}": "{[type(data.n)]}: element 0 is type, which has no text",
		"{[{1: 2}]}":       "{[{1: 2}]}: element 0 has a int as the key of a map, which is no name",
	} {
		list, err := env().List(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if _, err := list.Eval(values()); err == nil || err.Error() != want {
			t.Errorf("%s: got error %v, want %s", src, err, want)
		}
	}
}
