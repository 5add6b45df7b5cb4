package record_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/trieungochai/kafka-notify/app/record"
)

func headers(pairs ...string) (list []record.Header) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, record.Header{Key: pairs[i], Value: []byte(pairs[i+1])})
	}
	return list
}

func TestSetReplacesAndNeverAppends(t *testing.T) {
	original := headers("a", "1", "b", "2", "a", "3")
	r := &record.Record{Headers: original}
	c := r.Copy()
	c.Set("a", "4")
	c.Set("c", "5")
	c.Delete("b")
	if diff := cmp.Diff(headers("a", "4", "c", "5"), c.Headers); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(headers("a", "1", "b", "2", "a", "3"), r.Headers); diff != "" {
		t.Errorf("the copied record changed: %s", diff)
	}
	if r.Get("a") != "3" || r.Get("none") != "" {
		t.Errorf("Get: %q, %q", r.Get("a"), r.Get("none"))
	}
}

func TestOwnHeadersAreNotCarriedAlong(t *testing.T) {
	for name, own := range map[string]bool{
		"x": false, "traceparent": false, "poisonous": false, "cesium": false,
		record.HeaderOrigin: true, "poison_anything": true, "ce_specversion": true, record.ReasonPoisoned: true,
	} {
		if record.Own(name) != own {
			t.Errorf("Own(%q) = %v", name, !own)
		}
	}
	for _, name := range append(record.PoisonHeaders, record.RetryHeaders...) {
		if !record.Own(name) {
			t.Errorf("%s would reach a delivery topic", name)
		}
	}
}

// Whatever an error says, its text fits a header.
func TestTextFitsAHeader(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		limit := rapid.IntRange(8, 64).Draw(t, "limit")
		out := record.Text(in, limit)
		if len(out) > limit || !utf8.ValidString(out) || strings.ContainsFunc(out, unicode.IsControl) {
			t.Fatalf("%q", out)
		}
		if plain := strings.Map(func(r rune) rune {
			if unicode.IsControl(r) || r == utf8.RuneError {
				return -1
			}
			return r
		}, in); plain == in && len(in) <= limit && out != in {
			t.Fatalf("%q became %q", in, out)
		}
	})
}
