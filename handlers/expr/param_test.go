package expr_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/trieungochai/kafka-notify/handlers/expr"
)

// inner is a body whose parameters were given by outer's, which is a body too.
func inner() *expr.Env {
	outer := expr.Params{"who": {Kind: expr.TextParam, Text: "{actor.name}", Origin: "outer.who"}}
	return expr.NewEnv("data", "actor").In(expr.Params{
		"text":   {Kind: expr.TextParam, Text: "Dear {params.who}", In: outer, Origin: "text"},
		"when":   {Kind: expr.TestParam, Text: "data.n > 1", Origin: "when"},
		"person": {Kind: expr.NameParam, Text: "actor"},
		"n":      {Kind: expr.Constant, Value: int64(3)},
		"rate":   {Kind: expr.Constant, Value: 0.5},
		"word":   {Kind: expr.Constant, Value: "hi"},
		"on":     {Kind: expr.Constant, Value: true},
		"window": {Kind: expr.Constant, Value: time.Minute},
		"body":   {Kind: expr.Opaque},
		"wrong":  {Kind: expr.TextParam, Text: "Dear {actr.name}", Origin: "wrong"},
		"deep":   {Kind: expr.TextParam, Text: "{params.who}", In: expr.Params{"who": {Kind: expr.TextParam, Text: "ab {x}", Origin: "deep"}}, Origin: "middle"},
	})
}

func TestParams(t *testing.T) {
	v := vars{"data": map[string]any{"n": int64(2)}, "actor": map[string]any{"name": "Bruno"}}
	for src, want := range map[string]string{
		"{params.text}!":              "Dear Bruno!",
		"{params.person.name}":        "Bruno",
		"{params.n + 1}":              "4",
		"{params.rate}":               "0.5",
		"{params.word}, {params.on}":  "hi, true",
		"{params.window}":             "60s",
		"{params.when ? 'yes' : ''}":  "yes",
		"{size(params.text)}":         "10",
		"{[params.word].join(',')} x": "hi x",
	} {
		tmpl, err := inner().Template(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got, err := tmpl.Eval(v); got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", src, got, err, want)
		}
	}
	if c, err := inner().Condition("params.when && params.on"); err != nil {
		t.Error(err)
	} else if is, err := c.Eval(v); !is || err != nil {
		t.Errorf("the condition gives %t, %v", is, err)
	}
}

// A failure inside what a parameter stands for is one of the expression that uses it.
func TestParamsFail(t *testing.T) {
	tmpl, err := inner().Template("{params.text}")
	if err != nil {
		t.Fatal(err)
	}
	_, err = tmpl.Eval(vars{"data": map[string]any{}, "actor": map[string]any{}})
	if err == nil || !strings.Contains(err.Error(), "{params.text}: {params.who}: {actor.name}: no such key: name") {
		t.Errorf("got %v", err)
	}
}

func TestParamErrors(t *testing.T) {
	for src, want := range map[string]struct {
		offset  int
		origin  any
		message string
	}{
		"a {params.txt}":   {10, nil, `unknown parameter "txt" (did you mean "text"?)`},
		"a {params.body}":  {3, nil, "it can only stand alone"},
		"a {params}":       {3, nil, "params needs the name of a parameter"},
		"a {params.wrong}": {6, "wrong", `unknown name "actr" (did you mean "actor"?)`},
		"a {params.deep}":  {4, "deep", `unknown name "x"`},
	} {
		_, err := inner().Template(src)
		var at *expr.Error
		if !errors.As(err, &at) || at.Offset != want.offset || at.Origin != want.origin || !strings.Contains(err.Error(), want.message) {
			t.Errorf("%s: got %+v, want %+v", src, err, want)
		}
	}
	if _, err := expr.NewEnv("data").Template("{params.text}"); err == nil || !strings.Contains(err.Error(), `unknown name "params"`) {
		t.Errorf("outside of a body: %v", err)
	}
}

func TestWholeParam(t *testing.T) {
	for src, want := range map[string]string{
		"{params.text}": "text", "{ params.a_1 }": "a_1", "{params.text}!": "", "{params.text.size()}": "", "params.text": "",
	} {
		if name, at, ok := expr.WholeParam(src); name != want || ok != (want != "") || ok && !strings.HasPrefix(src[at:], want) {
			t.Errorf("%s: got %q at %d, %t", src, name, at, ok)
		}
	}
}
