package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
		ID: "p1", Pipeline: "follow", Class: "decode", Step: "decode c.yaml:7", Reason: "decode c.yaml:7: invalid\x1b JSON",
		Topic: "events.follow", Partition: 3, Offset: 42, Key: "a\nb", Value: poison.Value("{"),
		Headers:  []poison.Header{{Key: "k", Value: "1"}, {Key: "k", Value: "2\x1b"}},
		Attempts: 1, Redrives: 2, FirstFailedAt: at, LastFailedAt: at.Add(time.Minute), Fingerprint: "f00d",
		Record: poison.Place{Topic: "notifications.poison", Offset: 9},
	})
	want := `id            p1
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
