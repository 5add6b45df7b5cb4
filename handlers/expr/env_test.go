package expr_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/handlers/expr"
)

func TestEnvIsImmutable(t *testing.T) {
	base := expr.NewEnv("data")
	wider := base.With("actor", "data")
	if diff := cmp.Diff([]string{"data"}, base.Names()); diff != "" {
		t.Errorf("names of the first (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"data", "actor"}, wider.Names()); diff != "" {
		t.Errorf("names of the second (-want +got):\n%s", diff)
	}
	if _, err := base.Template("{actor.id}"); err == nil {
		t.Error("the first environment knows actor")
	}
	if _, err := wider.Template("{actor.id}"); err != nil {
		t.Errorf("the second environment: %v", err)
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"actor", "_a", "Follower2", "size"} {
		if err := expr.CheckName(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := expr.NewEnv(name).Template("{" + name + ".id}"); err != nil {
			t.Errorf("%s passes the check, but: %v", name, err)
		}
	}
	for _, name := range []string{"", "2nd", "a-b", "a.b", "in", "true", "string", "namespace", "é"} {
		if err := expr.CheckName(name); err == nil {
			t.Errorf("%q passed", name)
		}
	}
}

// An environment with a name that can't be one says so instead of panicking.
func TestBadNameIsReported(t *testing.T) {
	if _, err := expr.NewEnv("data", "int").Condition("true"); err == nil {
		t.Error("a variable called int was accepted")
	}
}

func TestConditionErrors(t *testing.T) {
	tests := []struct {
		src, message, hint string
		offset             int
	}{
		{src: "actr.id == '1'", offset: 0, message: `unknown name "actr"`, hint: `did you mean "actor"?`},
		{src: "data.x == 'ä' && recipeint.id == '1'", offset: 18, message: `unknown name "recipeint"`, hint: `did you mean "recipient"?`},
		{src: "data.a == 'b' ||\n  actro.id == '1'", offset: 19, message: `unknown name "actro"`, hint: `did you mean "actor"?`},
		{src: "zebra == 1", offset: 0, message: `unknown name "zebra"`, hint: "known here: event, data, actor, recipient"},
		{src: "data.name.startWith('a')", offset: 10, message: `unknown function "startWith"`, hint: `did you mean "startsWith"?`},
		{src: "has(actr.x)", offset: 4, message: `unknown name "actr"`, hint: `did you mean "actor"?`},
		{src: "data.x ==", offset: 9, message: "the expression ends too early"},
		{src: " ", offset: 0, message: "the expression is empty"},
		{src: "data.n + 1 - 'a'.size()", offset: 0, message: "a condition is true or false, this is of type int"},
		{src: "'a'", offset: 0, message: "a condition is true or false, this is of type string"},
		{src: "1 + 'a' == 2", offset: 2, message: "found no matching overload for '_+_' applied to '(int, string)'"},
	}
	for _, tt := range tests {
		_, err := env().Condition(tt.src)
		if err == nil {
			t.Errorf("%s: compiled", tt.src)
			continue
		}
		got := asError(t, err)
		want := &expr.Error{Offset: tt.offset, Message: tt.message, Hint: tt.hint, Unknown: got.Unknown}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.src, diff)
		}
		if isUnknown := strings.HasPrefix(tt.message, "unknown name"); isUnknown != (got.Unknown != "") {
			t.Errorf("%s: Unknown = %q", tt.src, got.Unknown)
		}
	}
}

func TestLimits(t *testing.T) {
	tests := map[string]string{
		"size":    strings.Repeat("data.n == 1 && ", expr.MaxExpression/15) + "data.n == 1 && true",
		"nesting": strings.Repeat("(", 200) + "true" + strings.Repeat(")", 200),
		"regex":   `data.text.matches("` + strings.Repeat("(a{50}){20}", 5) + `")`,
	}
	for name, src := range tests {
		if _, err := env().Condition(src); err == nil {
			t.Errorf("%s: no limit", name)
		}
	}
	if _, err := env().Template(strings.Repeat("x", expr.MaxTemplate+1)); err == nil {
		t.Error("template: no limit")
	}
}

// Nothing that an event brings may hold a pipeline up or fill its memory.
func TestCostLimit(t *testing.T) {
	list := make([]any, 2_000)
	for i := range list {
		list[i] = int64(i)
	}
	v := vars{"data": map[string]any{"list": list, "text": strings.Repeat("a", 1<<20)}}
	tests := []struct{ src, want string }{
		{"data.list.all(a, data.list.all(b, data.list.all(c, c >= 0)))", "cost limit"},
		{"data.list.all(i, data.text.reverse() != '')", "cost limit"},
		{"data.list.all(i, data.text.contains('b') == false)", "cost limit"},
		{"data.list.all(i, data.text.lowerAscii().size() > 0)", "cost limit"},
		{"data.text.replace('a', data.text).size() > 0", "longer than 1048576 bytes"},
		{"data.list.map(i, data.text).join('').size() > 0", "longer than 1048576 bytes"},
	}
	for _, tt := range tests {
		c, err := env().Condition(tt.src)
		if err != nil {
			t.Fatalf("%s: %v", tt.src, err)
		}
		start := time.Now()
		if _, err = c.Eval(v); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want %s", tt.src, err, tt.want)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s: took %s", tt.src, took)
		}
	}
	c, err := env().Condition("data.text.indexOf(data.text.substring(524288) + 'b') == -1")
	if err != nil {
		t.Fatal(err)
	}
	if found, err := c.Eval(v); err != nil || !found {
		t.Errorf("indexOf: %t, %v", found, err)
	}
}

func TestCondition(t *testing.T) {
	tests := []struct {
		src     string
		want    bool
		wantErr string
	}{
		{src: "actor.id != recipient_id", wantErr: "unknown name"},
		{src: "actor.id == '2'", want: true},
		{src: "data.n > 1u && data.n < 1e7 && data.n == 1000000.0", want: true},
		{src: "data.big == 9007199254740993 && data.big != 9007199254740992", want: true},
		{src: "data.max == 18446744073709551615u", want: true},
		{src: "data.huge == '123456789012345678901234567890'", want: true},
		{src: "data.yes", want: true},
		{src: "has(data.text) && !has(data.nothing)", want: true},
		{src: "data.nil == null", want: true},
		{src: "event.time < timestamp('2026-01-02T14:04:06Z')", want: true},
		{src: "data.list.exists(x, x == 'b')", want: true},
		{src: "data.text.upperAscii() == 'HELLO'", want: true},
		{src: "data.text.replace('l', 'L') == 'heLLo' && ''.replace('', 'x') == 'x'", want: true},
		{src: "data.list.filter(x, x != null).join(', ') == '1, b' && [1.0, true].join() == '1true'", want: true},
		{src: "'äbäb'.indexOf('b') == 1 && 'äbäb'.lastIndexOf('b') == 3 && 'ä'.indexOf('b') == -1", want: true},
		{src: "'%.2f'.format([data.frac]) == '19.90' && 'a,b'.split(',').size() == 2", want: true},
		{src: "data.list.join() == ''", wantErr: "join: element 2 is null, which has no text"},
		{src: "data.n.replace('a', 'b') == ''", wantErr: "no such overload"},
		{src: "data.text", wantErr: "data.text: is neither true nor false but a string"},
		{src: "data.nil", wantErr: "data.nil: is neither true nor false but a null"},
		{src: "data.nothing == 1", wantErr: "data.nothing == 1: no such key: nothing"},
		{src: "data.text > 1", wantErr: "data.text > 1: no such overload"},
	}
	for _, tt := range tests {
		c, err := env().Condition(tt.src)
		var got bool
		if err == nil {
			got, err = c.Eval(values())
			if c.Source() != tt.src {
				t.Errorf("source of %s: %s", tt.src, c.Source())
			}
		}
		switch {
		case tt.wantErr == "" && err != nil:
			t.Errorf("%s: %v", tt.src, err)
		case tt.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tt.wantErr)):
			t.Errorf("%s: got error %v, want %s", tt.src, err, tt.wantErr)
		case got != tt.want:
			t.Errorf("%s: got %t", tt.src, got)
		}
	}
}
