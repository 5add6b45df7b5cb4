package expr_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/handlers/expr"
)

func TestTemplate(t *testing.T) {
	tests := []struct{ src, want string }{
		{"", ""},
		{"no holes", "no holes"},
		{"{actor.name} started following you.", "Bruno started following you."},
		{"{ actor.name }", "Bruno"},
		{"{{{actor.id}}} {{x}}", "{2} {x}"},
		{`{data["a}b"]}`, "brace"},
		{`{data['a}b']}`, "brace"},
		{`{data["quote\"d"]}!`, "quote!"},
		{`{data['''a}b''']}`, "brace"},
		{`{r"\" + "}"}`, `\}`},
		{`{ {"a": {"b": actor.name}}.a.b }`, "Bruno"},
		{"{data.text // a } in a comment\n}", "hello"},
		{`{"http://x"}`, "http://x"},
		{"{data.n} {data.n + 1}", "1000000 1000001"},
		{"{data.f} {data.f * 1.0} {data.tiny} {data.frac}", "1000000 1000000 0.0000001 19.9"},
		{"{data.big} {data.max}", "9007199254740993 18446744073709551615"},
		{"{data.huge} {data['huge'] + '!'}", "123456789012345678901234567890 123456789012345678901234567890!"},
		{"{data.yes} {1 > 2}", "true false"},
		{"{event.time} {string(event.time)}", "2026-01-02T14:04:05.12Z 2026-01-02T14:04:05.12Z"},
		{"{duration('90s')} {b'abc'} {7u}", "90s abc 7"},
		{"{data.list[1]}{data.map.k}{data.map.n}", "bv99999999999999999999"},
		{"{has(data.nick) ? data.nick : actor.name}", "Bruno"},
		{"{data.empty}", ""},
		{"Ünïcödé {actor.name} 🎉", "Ünïcödé Bruno 🎉"},
	}
	for _, tt := range tests {
		tmpl, err := env().Template(tt.src)
		if err != nil {
			t.Errorf("%s: %v", tt.src, err)
			continue
		}
		got, err := tmpl.Eval(values())
		if err != nil {
			t.Errorf("%s: %v", tt.src, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.src, diff)
		}
		if tmpl.Source() != tt.src {
			t.Errorf("source of %q: %q", tt.src, tmpl.Source())
		}
	}
}

func TestTemplateErrors(t *testing.T) {
	tests := []struct {
		src     string
		offset  int
		message string
	}{
		{"Hi {actor.name", 3, "this brace is never closed: write {{ for a brace in the text"},
		{"Hi {'}", 3, "this brace is never closed: write {{ for a brace in the text"},
		{"Hi {}", 3, "there is no expression between these braces"},
		{"Hi { }", 3, "there is no expression between these braces"},
		{"Hi } there", 3, "this brace closes nothing: write }} for a brace in the text"},
		{"Ü {actr.name}", 4, `unknown name "actr"`},
		{"{actor.name} and {  recipeint.name}", 20, `unknown name "recipeint"`},
		{"{[1]}", 1, "a hole prints text, a number, a time or true and false; this is of type list(int)"},
		{"a {{'b': 1}}{null}", 13, "a hole prints text, a number, a time or true and false; this is of type null_type"},
		{"{actor.name +}", 13, "the expression ends too early"},
	}
	for _, tt := range tests {
		_, err := env().Template(tt.src)
		if err == nil {
			t.Errorf("%s: compiled", tt.src)
			continue
		}
		got := asError(t, err)
		if got.Offset != tt.offset || got.Message != tt.message {
			t.Errorf("%s: got %d: %s, want %d: %s", tt.src, got.Offset, got.Message, tt.offset, tt.message)
		}
	}
}

// Whether a hole is a plain path or computed, its failures read alike and name it.
func TestTemplateEvalErrors(t *testing.T) {
	tests := []struct{ src, want string }{
		{"Hi {actor.nick}!", "{actor.nick}: no such key: nick"},
		{"Hi {actor['nick']}!", "{actor['nick']}: no such key: nick"},
		{"Hi {actor.nick + '!'}", "{actor.nick + '!'}: no such key: nick"},
		{"{recipient.id}", "{recipient.id}: no such attribute(s): recipient"},
		{"{data.nil}", "{data.nil}: is null, which has no text"},
		{"{data.list} ", "{data.list}: is list, which has no text"},
		{"{data.map}", "{data.map}: is map, which has no text"},
		{"{data.text.x}", "{data.text.x}: no such key: x"},
		{"{1.0 / 0.0}", "{1.0 / 0.0}: is not a finite number"},
		{"{data.n / 0}", "{data.n / 0}: division by zero"},
		{`{b'\xff'}`, `{b'\xff'}: is bytes that are no text`},
		{"{data." + strings.Repeat("x", 300) + "}", "{data." + strings.Repeat("x", 195) + "…}: no such key: " + strings.Repeat("x", 300)},
	}
	for _, tt := range tests {
		tmpl, err := env().Template(tt.src)
		if err != nil {
			t.Errorf("%s: %v", tt.src, err)
			continue
		}
		got, err := tmpl.Eval(values())
		if err == nil {
			t.Errorf("%s: got %q, want an error", tt.src, got)
		} else if err.Error() != tt.want {
			t.Errorf("%s: got error %s, want %s", tt.src, err, tt.want)
		}
	}
}

// A plain path takes a way past CEL. It must give the same text, or the same failure.
func TestPathIsLikeCEL(t *testing.T) {
	for name := range values()["data"].(map[string]any) {
		path := "data[" + quote(name) + "]"
		plain, err := env().Template("{" + path + "}")
		if err != nil {
			t.Fatal(err)
		}
		computed, err := env().Template("{[" + path + "][0]}")
		if err != nil {
			t.Fatal(err)
		}
		got, gotErr := plain.Eval(values())
		want, wantErr := computed.Eval(values())
		if got != want || (gotErr == nil) != (wantErr == nil) {
			t.Errorf("%s: got %q, %v, want %q, %v", path, got, gotErr, want, wantErr)
		}
	}
}

func quote(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }

func TestValue(t *testing.T) {
	tests := []struct{ src, want string }{
		{"{actor.id}", `"2"`},
		{"{actor.age}", `41`},
		{"{actor.age + 1}", `42`},
		{"is {actor.age}", `"is 41"`},
		{"plain", `"plain"`},
		{"", `""`},
		{"{data.nil}", `null`},
		{"{null}", `null`},
		{"{data.yes}", `true`},
		{"{data.frac}", `19.9`},
		{"{data.frac * 2.0}", `39.8`},
		{"{data.max} ", `"18446744073709551615 "`},
		{"{data.max}", `18446744073709551615`},
		{"{data.huge}", `123456789012345678901234567890`},
		{"{data.list}", `[1,"b",null]`},
		{"{data.map}", `{"k":"v","n":99999999999999999999}`},
		{"{[data.map, data.text]}", `[{"k":"v","n":99999999999999999999},"hello"]`},
		{"{data.list.filter(x, x == 'b')}", `["b"]`},
		{"{ {'b': actor.name, 'a': [1, 2.5]} }", `{"a":[1,2.5],"b":"Bruno"}`},
		{"{event.time}", `"2026-01-02T14:04:05.12Z"`},
		{"{[event.time, duration('1s')]}", `["2026-01-02T14:04:05.12Z","1s"]`},
		{`{'"<&>'}`, `"\"<&>"`},
	}
	for _, tt := range tests {
		value, err := env().Value(tt.src)
		if err != nil {
			t.Errorf("%s: %v", tt.src, err)
			continue
		}
		got, err := value.AppendJSON([]byte("x"), values())
		if err != nil {
			t.Errorf("%s: %v", tt.src, err)
		}
		if diff := cmp.Diff("x"+tt.want, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.src, diff)
		}
		if value.Source() != tt.src {
			t.Errorf("source of %q: %q", tt.src, value.Source())
		}
	}
	for _, src := range []string{"{data.nothing}", "{ {1: 2} }", "{1.0 / 0.0}", "x {data.list}", "{[b'\\xff']}"} {
		value, err := env().Value(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got, err := value.AppendJSON(nil, values()); err == nil {
			t.Errorf("%s: got %s, want an error", src, got)
		}
	}
}

// FuzzTemplate looks for templates that panic: one that compiles gives a text or an error.
func FuzzTemplate(f *testing.F) {
	for _, src := range []string{
		"", "{", "}", "{{", "}}", "{}", "{{}}", "{actor.name} started following you.", `{data["a}b"]}`,
		"{'''}'''}", `{r"\"}`, `{b"\x"}`, "{actr}", "{ {'a': 1}.a }", "{data.list.map(x, x)}", "{// }\n1}",
		"{data.text.replace('', 'x')}", "{1/0}", "{data.nil}", "{string(data)}", "{'\\ud800'}", "\xff{data}\xff",
		"{timestamp(data.n)}", "{-data.max}", "{data.text.substring(-1)}", "{'%d'.format([data.f])}",
	} {
		f.Add(src)
	}
	e := env()
	f.Fuzz(func(t *testing.T, src string) {
		if tmpl, err := e.Template(src); err == nil {
			if text, err := tmpl.Eval(values()); err != nil && text != "" {
				t.Errorf("%q: text %q with error %v", src, text, err)
			}
		} else if at := asError(t, err); at.Offset < 0 || at.Offset > len(src) {
			t.Errorf("%q: offset %d is outside", src, at.Offset)
		}
		if topic, err := e.Topic(src); err == nil {
			name, err := topic.Eval(values())
			if err == nil && (name == "" || name == "." || name == ".." || len(name) > expr.MaxTopic) {
				t.Errorf("%q: %q is no topic", src, name)
			}
		}
		if value, err := e.Value(src); err == nil {
			_, _ = value.AppendJSON(nil, values())
		}
		if condition, err := e.Condition(src); err == nil {
			_, _ = condition.Eval(values())
		}
	})
}
