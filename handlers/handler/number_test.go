package handler_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// An integer is the same integer however it is written: one that a float64
// can't hold would reach the wrong person.
func TestIntegersStayExactHoweverTheyAreWritten(t *testing.T) {
	for text, want := range map[string]any{
		"9007199254740993":                int64(9007199254740993),
		"9007199254740993.0":              int64(9007199254740993),
		"9.007199254740993e15":            int64(9007199254740993),
		"18446744073709551615.00":         uint64(18446744073709551615),
		"18446744073709551617.0":          json.Number("18446744073709551617"),
		"-9007199254740993e0":             int64(-9007199254740993),
		"1e300":                           1e300,
		"1.5":                             1.5,
		"1e6":                             1e6,
		"9007199254740993.5":              9007199254740993.5,
		"0.00000000000000000000000000001": 1e-29,
	} {
		e := handler.Event{Data: []byte(text)}
		got, err := e.Value()
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", text, err, diff)
		}
	}
}
