package expr_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/trieungochai/kafka-notify/handlers/expr"
)

func topicOf(t interface{ Fatal(...any) }, src string) *expr.Topic {
	topic, err := expr.NewEnv("a", "b").Topic(src)
	if err != nil {
		t.Fatal(err)
	}
	return topic
}

func TestTopicsMeet(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"notifications.user.{a}", "notifications.user.{b}", true},
		{"notifications.user.{a}", "notifications.user.all", true},
		{"notifications.user.{a}", "notifications.users.all", false},
		{"notifications.user.{a}", "notifications.user.{a}.digest", false}, // an id's dots are escaped
		{"x-{a}", "{b}-y", true},
		{"x-{a}-y", "x-y", false}, // a hole is never empty
		{"x{a}", "xx{b}x", true},
		{"x.{a}.{b}", "x.{a}{b}", false},
		{"x.{a}{b}", "x.ab", true},
		{"x.{a}{b}", "x.a", false},
	} {
		a, b := topicOf(t, tt.a), topicOf(t, tt.b)
		if got := a.Meets(b); got != tt.want || b.Meets(a) != tt.want {
			t.Errorf("%s and %s: got %t, want %t", tt.a, tt.b, got, tt.want)
		}
	}
	if a := topicOf(t, "n.{a}"); !a.SameShape(topicOf(t, "n.{b.id}")) || a.SameShape(topicOf(t, "n.{a}{b}")) {
		t.Error("the shape is made of more than holes and literals")
	}
}

func TestTopicMeetsPrefix(t *testing.T) {
	for src, want := range map[string]bool{
		"events.like": true, "events.{a}": true, "{a}.like": true, "{a}like": false, "e{a}s.{b}": true, "event.{a}": false,
	} {
		if got := topicOf(t, src).MeetsPrefix("events."); got != want {
			t.Errorf("%s: got %t, want %t", src, got, want)
		}
	}
}

// Whatever name two topics can both have, they meet.
func TestTopicsThatShareANameMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-b][a-b.]{1,8}`).Draw(t, "name")
		draw := func(label string) string {
			src := "n"
			for i := 0; i < len(name); {
				end := rapid.IntRange(i+1, len(name)).Draw(t, label)
				if part := name[i:end]; strings.Contains(part, ".") || rapid.Bool().Draw(t, label) {
					src += part
				} else {
					src += "{a}"
				}
				i = end
			}
			return src
		}
		a, b := topicOf(t, draw("a")), topicOf(t, draw("b"))
		if !a.Meets(b) || !a.MeetsName("n"+name) {
			t.Fatalf("%s and %s can both be n%s", a.Source(), b.Source(), name)
		}
	})
}
