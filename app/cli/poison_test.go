package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/poison"
)

func TestPayload(t *testing.T) {
	for _, tt := range []struct {
		name  string
		entry poison.Entry
		want  string
	}{
		{"JSON", poison.Entry{Value: poison.Value(`{"n":9007199254740993,"t":"<\u001b"}`)}, "  {\n    \"n\": 9007199254740993,\n    \"t\": \"<\\u001b\"\n  }"},
		{"text", poison.Entry{Value: poison.Value("no\n{json\x1b[2J")}, "  no\n  {json\\x1b[2J"},
		{"bytes", poison.Entry{Value: poison.Value{0xff, 'a'}}, "  00000000  ff 61                                             |.a|"},
		{"none", poison.Entry{}, "  (empty)"},
		{"lost", poison.Entry{Truncated: true}, "  (the broker refused it as too large for the poison topic, so it is lost)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, payload(&tt.entry)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("many bytes", func(t *testing.T) {
		got := payload(&poison.Entry{Value: bytes.Repeat([]byte{0xff}, shownBytes+5)})
		if !strings.HasSuffix(got, "\n  (5 bytes more: --output json has them all)") {
			t.Errorf("no word of what is left out:\n%s", got)
		}
	})
}

func TestWriteEntry(t *testing.T) {
	var out strings.Builder
	at := time.Date(2026, 1, 2, 15, 4, 5, 6, time.UTC)
	writeEntry(&out, &poison.Entry{
		ID: "p1", State: poison.Redriven, Fate: action.Delivered, Pipeline: "follow", Class: "decode", Step: "decode c.yaml:7", Reason: "decode c.yaml:7: invalid\x1b JSON",
		Topic: "events.follow", Partition: 3, Offset: 42, Key: "a\nb", Value: poison.Value("{"),
		Headers:  []poison.Header{{Key: "k", Value: "1"}, {Key: "k", Value: "2\x1b"}},
		Attempts: 1, Redrives: 2, FirstFailedAt: at, LastFailedAt: at.Add(time.Minute), Fingerprint: "f00d",
		Record: poison.Place{Topic: "notifications.poison", Offset: 9},
	})
	want := `id            p1
state         redriven, delivered
reason        invalid\x1b JSON
class         decode
pipeline      follow
failed in     decode c.yaml:7
event         
origin        events.follow/3/42
attempts      1
first failed  2026-01-02T15:04:05Z
last failed   2026-01-02T15:05:05Z
redrives      2
fingerprint   f00d
record        notifications.poison/0/9
key           a\nb

Headers:
  k: 1
  k: 2\x1b

Payload:
  {
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWriteTimeline(t *testing.T) {
	var out strings.Builder
	at := time.Date(2026, 1, 2, 15, 4, 5, 6, time.UTC)
	rick := &action.By{Name: "rick\x1b", Address: "127.0.0.1", Front: "cli"}
	writeTimeline(&out, []poison.Event{
		{At: at, What: "failed", Class: "decode", Step: "decode c.yaml:7", Reason: "decode c.yaml:7: invalid\x1b JSON", Attempts: 1},
		{At: at, What: "archive", By: rick, Reason: "test data"},
		{At: at, What: "archive", By: &action.By{Front: "api"}, Refused: "it is archived"},
		{At: at, What: "redrive", By: rick, Job: "j", Edited: true, Diff: "-a\x1b\n+b\n"},
		{At: at, What: "delivered", By: &action.By{Name: "follow", Front: "pipeline"}},
	})
	want := `
Timeline:
  2026-01-02T15:04:05Z  failed (decode, decode c.yaml:7): invalid\x1b JSON
  2026-01-02T15:04:05Z  archive by rick\x1b (127.0.0.1): test data
  2026-01-02T15:04:05Z  archive by api; refused: it is archived
  2026-01-02T15:04:05Z  redrive, edited, by rick\x1b (127.0.0.1) (job j)
    -a\x1b
    +b
  2026-01-02T15:04:05Z  delivered by follow
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStateExpires(t *testing.T) {
	soon, late := time.Now().Add(time.Hour), time.Now().Add(30*24*time.Hour)
	for _, tt := range []struct {
		expires *time.Time
		want    string
	}{{nil, "open"}, {&late, "open"}, {&soon, "open, expires " + clock(soon)}} {
		if got := state(&poison.Entry{State: poison.Open, ExpiresAt: tt.expires}); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// An editor gets JSON with a line for each member, and what it leaves is JSON in
// one line again.
func TestEditedPayload(t *testing.T) {
	const old = `{"n":9007199254740993,"t":"<"}`
	if got := string(laidOut([]byte(old))); got != "{\n  \"n\": 9007199254740993,\n  \"t\": \"<\"\n}\n" {
		t.Errorf("laid out: %q", got)
	}
	for _, tt := range []struct{ name, old, written, want string }{
		{"JSON", old, "{\n  \"n\": 9007199254740994,\n  \"t\": \"<\"\n}\n", `{"n":9007199254740994,"t":"<"}`},
		{"unchanged", old, string(laidOut([]byte(old))), old},
		{"no JSON any more", old, "{\n", "{"},
		{"no JSON before", "{", "{}\n", "{}"},
		{"text with an end", "a\n", "b\n", "b\n"},
		{"text without", "a", "b\n", "b"},
		{"JSON in lines", "{\n \"a\": 1\n}\n", "{\n \"a\": 2\n}\n", "{\n \"a\": 2\n}\n"},
		{"nothing", "", "", ""},
	} {
		if got := string(packed([]byte(tt.written), []byte(tt.old))); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestJSONLines(t *testing.T) {
	var out strings.Builder
	lines := &jsonLines{w: &out}
	for _, part := range []string{"{\"a\":\"\u202e\xe2\x80", "\xae\"}\n{}\n", "{", "}\n", `{"part":`} {
		if n, err := lines.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	if got, want := out.String(), "{\"a\":\"\\u202e\\u202e\"}\n{}\n{}\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestBar(t *testing.T) {
	var out strings.Builder
	job := &poison.Job{ID: "j", State: poison.Running, Total: 4, Sent: 2, Failed: 1}
	b := newBar(&out)
	b.show(job)
	b.end()
	if out.Len() > 0 {
		t.Errorf("beyond a terminal: %q", out.String())
	}
	b.width = 70
	b.show(job)
	b.show(&poison.Job{ID: "j"})
	b.end()
	b.end()
	want := "\r\x1b[K[" + strings.Repeat("█", 15) + strings.Repeat("░", 15) + "] job j is running: 2 of 4 messages s…" +
		"\r\x1b[K[" + strings.Repeat("░", 30) + "] job j is : 0 of 0 messages sent" + "\r\x1b[K"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
