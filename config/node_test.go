package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/trieungochai/kafka-notify/config"
)

func parse(t *testing.T, text string) config.Node {
	t.Helper()
	n, faults := config.Parse("test.yaml", []byte(text), testEnv)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return n
}

func TestValue(t *testing.T) {
	for text, want := range map[string]any{
		"":                            nil,
		"~":                           nil,
		"true":                        true,
		"yes":                         "yes",
		"12":                          int64(12),
		"-12":                         int64(-12),
		"+12":                         int64(12),
		"0123":                        int64(123),
		"0x1F":                        int64(31),
		"0o17":                        int64(15),
		"1_000":                       "1_000",
		"18446744073709551615":        uint64(18446744073709551615),
		"1.50":                        1.5,
		"1e3":                         1000.0,
		"2026-01-02":                  "2026-01-02",
		"'it''s'":                     "it's",
		`"\u00e9\n\x41"`:              "é\nA",
		"|\n  a\n   b\n":              "a\n b\n",
		">-\n  a\n  b\n":              "a b",
		"${PORT}":                     int64(8081),
		"'${PORT}'":                   "8081",
		"${PORT}0":                    "80810",
		"${YES}":                      true,
		"${EMPTY}":                    "",
		"${EMPTY:-7}":                 int64(7),
		"${NOT_SET:-}":                "",
		"${NOT_SET:-a b}":             "a b",
		"$${PORT}":                    "${PORT}",
		"a $PORT $$ $":                "a $PORT $$ $",
		"{1: a, 007: b}":              map[string]any{"1": "a", "007": "b"},
		"{p: ${PORT}, q: [${YES}]}":   map[string]any{"p": int64(8081), "q": []any{true}},
		"a: &x [1]\nb: *x\n":          map[string]any{"a": []any{int64(1)}, "b": []any{int64(1)}},
		"- &x {a: 1}\n- {<<: *x}":     []any{map[string]any{"a": int64(1)}, map[string]any{"a": int64(1)}},
		"a: {<<: {b: 1, c: 2}, b: 3}": map[string]any{"a": map[string]any{"b": int64(3), "c": int64(2)}},
		"a: {<<: [{b: 1}, {b: 2}]}":   map[string]any{"a": map[string]any{"b": int64(1)}},
		"\uFEFF{\"a\": [1, 2.5, null, \"\\ud83d\\ude00\"]}\r\n": map[string]any{"a": []any{int64(1), 2.5, nil, "😀"}},
	} {
		got, faults := parse(t, text).Value()
		if len(faults) > 0 {
			t.Errorf("%q: %s", text, faults)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

// TestFaultAt looks for the @ of every text and expects the fault under it.
func TestFaultAt(t *testing.T) {
	for _, text := range []string{
		"k: plain @ text",
		"k: '日本''s @'",
		`k: "tab\t quote\" \u00e9\x41\U0001F600 \N\_\L @"`,
		"k: \"$${ and $${ @\"",
		"k: |\n    one\n      two @\n",
		"k: |2-\n    one\n      日本 @",
		"k:\n  - |+\n   one\n\n   @\n\n",
		"{k: [\"@\"]}",
	} {
		k := parse(t, text).Get("k")
		if items := k.Items(); items != nil {
			k = items[0]
		}
		if items := k.Items(); items != nil {
			k = items[0]
		}
		value, _ := k.Value()
		f := k.FaultAt(strings.Index(value.(string), "@"), "here")
		line, col := 1, 0
		for _, r := range text[:strings.Index(text, "@")+1] {
			if col++; r == '\n' {
				line, col = line+1, 0
			}
		}
		if f.Pos.Line != line || f.Pos.Col != col {
			t.Errorf("%q: fault at %d:%d, want %d:%d", text, f.Pos.Line, f.Pos.Col, line, col)
		}
	}
}

// Without an environment ${NAME} is a text like any other.
func TestParseWithoutEnvironment(t *testing.T) {
	n, faults := config.Parse("users.yaml", []byte("a: ${PORT}\nb: $${\n"), nil)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	got, _ := n.Value()
	if diff := cmp.Diff(any(map[string]any{"a": "${PORT}", "b": "$${"}), got); diff != "" {
		t.Errorf("value (-want +got):\n%s", diff)
	}
}

// A text that cannot be followed into the file is blamed where it begins.
func TestFaultAtFallsBack(t *testing.T) {
	for _, text := range []string{"k: >\n  one\n  two\n", "k: one\n  two\n", "k: \"one\n  two\"\n"} {
		if f := parse(t, text).Get("k").FaultAt(5, "here"); f.Pos.Line != 1 || f.Pos.Col != 4 {
			t.Errorf("%q: fault at %s", text, f.Pos)
		}
	}
}

func TestFaultsHideVariables(t *testing.T) {
	n := parse(t, "a: \"x ${SECRET} y\"\nb: ${NEGATIVE_DURATION}\n")
	a, b := n.Get("a"), n.Get("b")
	value, _ := a.Value()
	for _, f := range []config.Fault{
		a.Faultf("%q is wrong", value),
		a.Faultf("%v, %s, %d: no", value, strings.ToUpper("ok"), 5),
		a.FaultAt(0, "%s", value),
		a.FaultAt(4, "undeclared name hunter2"),
		b.Faultf("%s is negative", -4711*time.Second),
	} {
		if strings.Contains(f.String(), "hunter2") || strings.Contains(f.String(), "4711") || strings.Contains(f.String(), "1h18m") {
			t.Errorf("the secret shows: %s", f)
		}
	}
	if got, want := a.Faultf("%q has %d", value, 5).Message, `"x ${SECRET} y" has 5`; got != want {
		t.Errorf("message = %s, want %s", got, want)
	}
	if got, want := a.FaultAt(4, "undeclared").Message, "a is not valid with the value of ${SECRET}"; got != want {
		t.Errorf("message = %s, want %s", got, want)
	}
}

func TestNode(t *testing.T) {
	n := parse(t, "list:\n  - a.b: {c: 1}\n")
	c := n.Get("list").Items()[0].Get("a.b").Get("c")
	if got, want := c.Path(), `list[0]."a.b".c`; got != want {
		t.Errorf("Path = %s, want %s", got, want)
	}
	if got, want := c.Pos().String(), "test.yaml:2:14"; got != want {
		t.Errorf("Pos = %s, want %s", got, want)
	}
	if e := n.Entries(); len(e) != 1 || e[0].Key.Value != "list" || e[0].Value.Kind() != config.Sequence {
		t.Errorf("Entries = %v", e)
	}
	var zero config.Node
	if !zero.IsZero() || !c.Get("x").IsZero() || c.IsZero() || zero.Kind() != config.Absent {
		t.Error("IsZero does not tell absent nodes from others")
	}
	if got := zero.Faultf("a %s", "fault").String(); !strings.Contains(got, "a fault") {
		t.Errorf("fault at an absent node: %s", got)
	}
	same := parse(t, `{"list": [{"a.b": {"c": 0x1}}]}`)
	if !n.Equal(same) || n.Equal(parse(t, `{"list": [{"a.b": {"c": "1"}}]}`)) || n.Equal(zero) {
		t.Error("Equal does not compare values")
	}
}

func TestParseLimits(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"a: " + strings.Repeat("x", 9<<20), "the file is larger than 8 MiB"},
		{strings.Repeat("a:\n", 25_000), "more than 20000 keys"},
		{"[" + strings.Repeat("1, ", 200_000) + "}", "this is not YAML: sequence end token ']' not found"},
		{strings.Repeat("{a: ", 50_000), "nested more than 100 deep"},
		{strings.Repeat("- ", 50_000), "nested more than 100 deep"},
		{nested(150), "nested more than 100 deep"},
		{nested(1_000), "nested more than 100 deep"},
		{"- &a0 [1]\n" + chain(200), "nested more than 100 deep"},
		{strings.Repeat("&a ", 50_000), "nested more than 100 deep"},
		{strings.Repeat("!!str ", 50_000), "nested more than 100 deep"},
	} {
		start := time.Now()
		_, faults := config.Parse("test.yaml", []byte(test.text), testEnv)
		if len(faults) == 0 || faults[0].Message != test.want {
			t.Errorf("%.20q…: %.200s, want %s", test.text, faults, test.want)
		}
		// Without the limits these take minutes, or all memory there is.
		if took := time.Since(start); took > time.Minute {
			t.Errorf("%.20q… took %s", test.text, took)
		}
	}
}

func nested(depth int) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func chain(length int) string {
	var b strings.Builder
	for i := range length {
		b.WriteString("- &a" + string(rune('0'+(i+1)%10)) + " [*a" + string(rune('0'+i%10)) + "]\n")
	}
	return b.String()
}

func TestFaultString(t *testing.T) {
	for _, test := range []struct {
		source    string
		col       int
		want, pad string
	}{
		{"key: x", 6, "key: x", "     "},
		{"\tkey:\tx", 7, "\tkey:\tx", "\t    \t"},
		{"日本: x", 5, "日本: x", "      "},
		{"e\u0301: x", 5, "e\u0301: x", "   "},
		{"key:", 5, "key:", "    "},
	} {
		f := config.Fault{Pos: config.Pos{File: "f", Line: 3, Col: test.col}, Message: "m", Hint: "h", Source: test.source}
		want := f.Pos.String() + ": m (h)\n  " + test.want + "\n  " + test.pad + "^"
		if diff := cmp.Diff(want, f.String()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.source, diff)
		}
	}
}

func TestFaultsErr(t *testing.T) {
	if err := (config.Faults{}).Err(); err != nil {
		t.Errorf("no faults are the error %v", err)
	}
	a := config.Fault{Pos: config.Pos{File: "f", Line: 2, Col: 1}, Message: "second"}
	b := config.Fault{Pos: config.Pos{File: "f", Line: 1, Col: 9}, Message: "first"}
	if got, want := (config.Faults{a, b, a}).Err().Error(), "f:1:9: first\nf:2:1: second"; got != want {
		t.Errorf("Err = %q, want %q", got, want)
	}
}

func TestSuggest(t *testing.T) {
	valid := []string{"handlers", "retry", "subscribe"}
	for word, want := range map[string]string{
		"hadlers": `did you mean "handlers"?`,
		"Retry":   `did you mean "retry"?`,
		"zzz":     "valid: handlers, retry, subscribe",
	} {
		if got := config.Suggest(word, valid); got != want {
			t.Errorf("Suggest(%q) = %s, want %s", word, got, want)
		}
	}
	if got := config.Suggest("x", nil); got != "" {
		t.Errorf("Suggest without candidates = %s", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-z]{4,12}`).Draw(t, "word")
		at := rapid.IntRange(0, len(word)-1).Draw(t, "at")
		typo := word[:at] + word[at+1:]
		if got, want := config.Suggest(typo, []string{word, "#################"}), `did you mean "`+word+`"?`; got != want {
			t.Fatalf("Suggest(%q) = %s, want %s", typo, got, want)
		}
	})
}

// Whatever a text holds, a quoted scalar gives it back.
func TestParseText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune("ab'{}[]:#,&*!|>%@` \n-?é日😀"))).Draw(t, "text")
		n, faults := config.Parse("f", []byte("k: '"+strings.ReplaceAll(strings.ReplaceAll(text, "\n", "_"), "'", "''")+"'"), testEnv)
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		if got, _ := n.Get("k").Value(); got != strings.ReplaceAll(text, "\n", "_") {
			t.Fatalf("got %q, want %q", got, text)
		}
	})
}
