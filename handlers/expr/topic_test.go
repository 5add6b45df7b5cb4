package expr_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/trieungochai/kafka-notify/handlers/expr"
)

func TestTopic(t *testing.T) {
	long := strings.Repeat("a", 230)
	tests := []struct{ src, id, want, wantErr string }{
		{src: "notifications.user.{recipient.id}", id: "1", want: "notifications.user.1"},
		{src: "notifications.user.{recipient.id}", id: "Ünal.1_x", want: "notifications.user._c3_9cnal_2e1_5fx"},
		{src: "{recipient.id}.inbox", id: "..", want: "_2e_2e.inbox"},
		{src: "fixed", want: "fixed"},
		{src: "notifications.user.{recipient.id}", id: "", wantErr: "{recipient.id}: is empty"},
		{src: "notifications.user.{recipient.id}", id: long, want: "notifications.user." + long},
		{src: "notifications.user.{recipient.id}", id: long + "a", wantErr: "would be 250 bytes long"},
		{src: "notifications.user.{recipient.nick}", wantErr: "{recipient.nick}: no such key: nick"},
	}
	for _, tt := range tests {
		topic, err := env().Topic(tt.src)
		if err != nil {
			t.Errorf("%s: %v", tt.src, err)
			continue
		}
		got, err := topic.Eval(vars{"recipient": map[string]any{"id": tt.id}})
		switch {
		case tt.wantErr == "" && err != nil:
			t.Errorf("%s: %v", tt.src, err)
		case tt.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tt.wantErr)):
			t.Errorf("%s: got error %v, want %s", tt.src, err, tt.wantErr)
		case got != tt.want:
			t.Errorf("%s: got %s, want %s", tt.src, got, tt.want)
		}
		if topic.Source() != tt.src {
			t.Errorf("source of %s: %s", tt.src, topic.Source())
		}
	}
}

func TestTopicErrors(t *testing.T) {
	tests := []struct {
		src     string
		offset  int
		message string
	}{
		{"", 0, "needs a part of its own"},
		{"{recipient.id}", 0, "needs a part of its own"},
		{"notifications.User.{recipient.id}", 14, "not 'U'"},
		{"n_{recipient.id}", 1, "not '_'"},
		{"n.{recipient.id}.ü", 17, "not 'ü'"},
		{"n{{", 1, "not '{'"},
		{"..", 0, "begins with a letter or a digit"},
		{"-a", 0, "begins with a letter or a digit"},
		{strings.Repeat("a", 250), 0, "at most 249 bytes"},
		{"n.{recipeint.id}", 3, `unknown name "recipeint"`},
	}
	for _, tt := range tests {
		_, err := env().Topic(tt.src)
		if err == nil {
			t.Errorf("%s: compiled", tt.src)
			continue
		}
		if got := asError(t, err); got.Offset != tt.offset || !strings.Contains(got.Message, tt.message) {
			t.Errorf("%s: got %d: %s, want %d: %s", tt.src, got.Offset, got.Message, tt.offset, tt.message)
		}
	}
}

func TestEscapeTopicIsInjective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.OneOf(rapid.String(), rapid.StringMatching(`[_0-9a-fA-F.]{0,8}`)).Draw(t, "id")
		escaped := expr.EscapeTopic(id)
		if strings.Trim(escaped, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Fatalf("%q is written %q, which is no part of a topic's name", id, escaped)
		}
		back, err := expr.UnescapeTopic(escaped)
		if err != nil || back != id {
			t.Fatalf("%q is written %q, which reads %q, %v", id, escaped, back, err)
		}
	})
}

// What UnescapeTopic accepts is exactly what EscapeTopic writes, so that no two topics are one
// person's.
func TestUnescapeTopicAcceptsOneSpelling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		escaped := rapid.StringMatching(`([a-c0-9_.A-]|_[0-9a-fA-F]{2}){0,6}`).Draw(t, "escaped")
		id, err := expr.UnescapeTopic(escaped)
		if err == nil && expr.EscapeTopic(id) != escaped {
			t.Fatalf("%q reads %q, which is written %q", escaped, id, expr.EscapeTopic(id))
		}
	})
	for _, escaped := range []string{"_", "a_2", "_2E", "_61", "_zz", "A", "a.b", "_2e_"} {
		if id, err := expr.UnescapeTopic(escaped); err == nil {
			t.Errorf("%q was read as %q", escaped, id)
		}
	}
}
