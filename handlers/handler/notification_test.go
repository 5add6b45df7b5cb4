package handler_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func notification() *handler.Notification {
	return &handler.Notification{
		ID:        "n1",
		Type:      "follow",
		Recipient: handler.Person{ID: "1", Name: "Emma"},
		Actor:     &handler.Person{ID: "2", Name: "Bruno"},
		Text:      "Bruno started following you.",
		Data:      json.RawMessage(`{"follower_id":"2","followee_id":"1"}`),
		CreatedAt: time.Date(2026, 1, 2, 16, 4, 5, 123_000_000, time.FixedZone("", 3600)),
		Event: handler.EventRef{
			ID: "e1", Source: "/kafka-notify/follow", Type: "follow",
			Time: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC),
		},
	}
}

// What stands here is read by other services: it must not change.
func TestNotificationJSON(t *testing.T) {
	full := `{"id":"n1","type":"follow","recipient":{"id":"1","name":"Emma"},"actor":{"id":"2","name":"Bruno"},` +
		`"text":"Bruno started following you.","data":{"follower_id":"2","followee_id":"1"},` +
		`"created_at":"2026-01-02T15:04:05.123Z","event":{"id":"e1","source":"/kafka-notify/follow","type":"follow","time":"2026-01-02T15:04:05Z"}}`
	tests := map[string]struct {
		change func(n *handler.Notification)
		want   string
	}{
		"full": {change: func(*handler.Notification) {}, want: full},
		"empty": {
			change: func(n *handler.Notification) { *n = handler.Notification{} },
			want: `{"id":"","type":"","recipient":{"id":"","name":""},"actor":null,"text":"","data":null,` +
				`"created_at":"0001-01-01T00:00:00.000Z","event":{"id":"","source":"","type":"","time":null}}`,
		},
		"verbatim": {
			change: func(n *handler.Notification) {
				*n = handler.Notification{Text: "<b>&\"\\\u2028\x01\xff", Data: json.RawMessage("{ \"n\": 1e2, \"<\": 9007199254740993 }\n"), CreatedAt: n.CreatedAt, Event: handler.EventRef{Time: n.CreatedAt}}
			},
			want: `{"id":"","type":"","recipient":{"id":"","name":""},"actor":null,"text":"<b>&\"\\` + "\u2028" + `\u0001` + "\ufffd" + `","data":{ "n": 1e2, "<": 9007199254740993 }` +
				"\n" + `,"created_at":"2026-01-02T15:04:05.123Z","event":{"id":"","source":"","type":"","time":"2026-01-02T16:04:05.123+01:00"}}`,
		},
	}
	for name, tt := range tests {
		n := notification()
		tt.change(n)
		if diff := cmp.Diff("x"+tt.want, string(n.AppendJSON([]byte("x")))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		marshaled, err := n.MarshalJSON()
		if err != nil || string(marshaled) != tt.want {
			t.Errorf("%s: MarshalJSON gives %s, %v", name, marshaled, err)
		}
		if name != "full" {
			continue
		}
		// A value in a list is not addressable.
		if listed, err := json.Marshal([]any{*n}); err != nil || string(listed) != "["+tt.want+"]" {
			t.Errorf("%s: json.Marshal gives %s, %v", name, listed, err)
		}
	}
}

func TestNotificationReadsWhatItWrote(t *testing.T) {
	want := notification()
	var got handler.Notification
	if err := json.Unmarshal(want.AppendJSON(nil), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, &got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The ids are how a repeated delivery is recognised, by other versions of the service too: the first
// must never change, and everything that goes in must make a difference.
func TestNotificationID(t *testing.T) {
	first := handler.NotificationID("/s", "e1", "follow", "follow", "1", 3, 0)
	if want := "dafaa1ee-c19f-5d15-9f3c-fc7d876f58e0"; first != want {
		t.Errorf("got %s, want %s", first, want)
	}
	namespace := uuid.MustParse("6f1d6c1e-3a6b-5c0e-9d0a-8f4e2b7c51d3")
	if want := uuid.NewSHA1(namespace, []byte(`["/s","e1","follow","follow","1",3,0]`)).String(); first != want {
		t.Errorf("got %s, want the UUIDv5 of the JSON array, %s", first, want)
	}
	seen := map[string]bool{first: true}
	for _, id := range []string{
		handler.NotificationID("/t", "e1", "follow", "follow", "1", 3, 0),
		handler.NotificationID("/s", "e2", "follow", "follow", "1", 3, 0),
		handler.NotificationID("/s", "e1", "like", "follow", "1", 3, 0),
		handler.NotificationID("/s", "e1", "follow", "digest", "1", 3, 0),
		handler.NotificationID("/s", "e1", "follow", "follow", "2", 3, 0),
		handler.NotificationID("/s", "e1", "follow", "follow", "1", 4, 0),
		handler.NotificationID("/s", "e1", "follow", "follow", "1", 3, 1),
		handler.NotificationID(`/s","e1`, "", "follow", "follow", "1", 3, 0),
		handler.NotificationID("/s", `","e1`, "follow", "follow", "1", 3, 0),
	} {
		if seen[id] {
			t.Errorf("%s is the id of two notifications", id)
		}
		seen[id] = true
	}
}

// created_at is written without package time's formatting of layouts; it must look as if it were.
func TestCreatedAtIsWrittenInMilliseconds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-1e11, 1e12).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		n := handler.Notification{CreatedAt: at}
		if got, want := string(n.AppendJSON(nil)), `"created_at":"`+at.UTC().Format(handler.Milliseconds)+`"`; !strings.Contains(got, want) {
			t.Fatalf("got %s, want %s", got, want)
		}
	})
}

func BenchmarkNotificationJSON(b *testing.B) {
	n := notification()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = n.AppendJSON(buf[:0])
	}
}
