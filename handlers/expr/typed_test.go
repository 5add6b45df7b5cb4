package expr_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/trieungochai/kafka-notify/handlers/expr"
)

var typed = expr.NewTypedEnv(map[string]expr.Type{
	"class": expr.String, "attempts": expr.Int, "failed_at": expr.Timestamp, "now": expr.Timestamp,
	"headers": expr.Strings, "data": expr.Any,
})

func TestTypedConditions(t *testing.T) {
	now := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	message := vars{
		"class": "lookup_missing", "attempts": int64(3), "failed_at": now.Add(-time.Minute), "now": now,
		"headers": map[string]any{"x": "1"}, "data": map[string]any{"n": int64(7)},
	}
	for src, want := range map[string]bool{
		`class == "lookup_missing" && failed_at > now - duration("1h")`: true,
		`failed_at > now - duration("1s")`:                              false,
		`attempts >= 3 && headers["x"] == "1"`:                          true,
		`"y" in headers || data.n == 7`:                                 true,
		`class.startsWith("lookup") && !(attempts in [1, 2])`:           true,
	} {
		c, err := typed.Condition(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got, err := c.Eval(message); err != nil || got != want {
			t.Errorf("%s: %v, %v", src, got, err)
		}
	}
}

func TestTypedMistakes(t *testing.T) {
	for src, want := range map[string]struct {
		offset int
		text   string
	}{
		`attempts == "3"`:                  {9, "no matching overload"},
		`class == "a" && clas == "b"`:      {16, `did you mean "class"`},
		`failed_at > duration("1h")`:       {10, "no matching overload"},
		`attempts`:                         {0, "a condition is true or false, this is of type int"},
		`class == "a" && attempts > class`: {25, "no matching overload"},
	} {
		_, err := typed.Condition(src)
		var at *expr.Error
		if !errors.As(err, &at) || at.Offset != want.offset || !strings.Contains(err.Error(), want.text) {
			t.Errorf("%s: got %v (%+v), want %q at %d", src, err, at, want.text, want.offset)
		}
	}
}
