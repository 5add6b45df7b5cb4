package expr_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/trieungochai/kafka-notify/handlers/expr"
)

// vars are the variables of a test.
type vars map[string]any

func (v vars) ResolveName(name string) (any, bool) {
	value, ok := v[name]
	return value, ok
}

func env() *expr.Env { return expr.NewEnv("event", "data", "actor", "recipient") }

func values() vars {
	return vars{
		"event": map[string]any{"id": "e1", "time": time.Date(2026, 1, 2, 15, 4, 5, 120_000_000, time.FixedZone("", 3600))},
		"actor": map[string]any{"id": "2", "name": "Bruno", "age": int64(41)},
		"data": map[string]any{
			"text": "hello", "empty": "", "a}b": "brace", "quote\"d": "quote", "nil": nil, "null": nil,
			"n": int64(1_000_000), "big": int64(1<<53 + 1), "max": uint64(1<<64 - 1),
			"huge": json.Number("123456789012345678901234567890"),
			"f":    1_000_000.0, "tiny": 0.0000001, "frac": 19.9,
			"yes": true, "list": []any{int64(1), "b", nil}, "map": map[string]any{"k": "v", "n": json.Number("99999999999999999999")},
		},
	}
}

// asError returns the *expr.Error in err.
func asError(t *testing.T, err error) *expr.Error {
	t.Helper()
	var e *expr.Error
	if !errors.As(err, &e) {
		t.Fatalf("got error %v, want an *expr.Error", err)
	}
	return e
}
