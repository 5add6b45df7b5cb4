package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/app/record"
)

const (
	native     = `{"type":"follow","id":"f-1","data":{"follower_id":"2","followee_id":"1"}}`
	cloudEvent = `{"specversion":"1.0","id":"f-1","source":"/users","type":"follow","data":{"follower_id":"2","followee_id":"1"}}`
	batchType  = "application/cloudevents-batch+json"
)

// ceHeaders are those of an event in binary mode.
var ceHeaders = []string{"ce-specversion", "1.0", "ce-id", "f-1", "ce-source", "/users", "ce-type", "follow"}

func TestSubmitOne(t *testing.T) {
	const followData = `{ "follower_id":"2", "followee_id":9007199254740993 , "n":1.0e+2,"html":"<&>"}`
	tests := map[string]struct {
		contentType, body string
		header            []string
		answer            string
		value             string
	}{
		"native": {
			"application/json", `{"type":"follow","data":` + followData + `}`, nil,
			`{"id":"made-1","type":"follow","status":"accepted"}`,
			`{"specversion":"1.0","id":"made-1","source":"/kafka-notify/follow","type":"follow","datacontenttype":"application/json","time":"2026-01-02T15:04:05.123456789Z","data":` + followData + `}`,
		},
		"native with everything": {
			"application/json; charset=UTF-8",
			` {"time":"2026-01-02T10:00:00+01:00","source":"/app","id":"é","data": ` + followData + ` ,"type":"follow"} `, nil,
			`{"id":"é","type":"follow","status":"accepted"}`,
			`{"specversion":"1.0","id":"é","source":"/app","type":"follow","datacontenttype":"application/json","time":"2026-01-02T09:00:00Z","data":` + followData + `}`,
		},
		"idempotency key": {
			"application/json", `{"type":"follow","data":` + followData + `}`,
			[]string{"Idempotency-Key", "k-1"},
			`{"id":"k-1","type":"follow","status":"accepted"}`,
			`{"specversion":"1.0","id":"k-1","source":"/kafka-notify/follow","type":"follow","datacontenttype":"application/json","time":"2026-01-02T15:04:05.123456789Z","data":` + followData + `}`,
		},
		"idempotency key in quotes": {
			"application/json", `{"type":"follow","data":` + followData + `}`,
			[]string{"Idempotency-Key", `"k-1"`},
			`{"id":"k-1","type":"follow","status":"accepted"}`,
			`{"specversion":"1.0","id":"k-1","source":"/kafka-notify/follow","type":"follow","datacontenttype":"application/json","time":"2026-01-02T15:04:05.123456789Z","data":` + followData + `}`,
		},
		"the event's own id counts": {
			"application/json", `{"id":"own","type":"follow","data":` + followData + `}`,
			[]string{"Idempotency-Key", "k-1"},
			`{"id":"own","type":"follow","status":"accepted"}`,
			`{"specversion":"1.0","id":"own","source":"/kafka-notify/follow","type":"follow","datacontenttype":"application/json","time":"2026-01-02T15:04:05.123456789Z","data":` + followData + `}`,
		},
		"structured": {
			"application/cloudevents+json; charset=utf-8",
			`{"specversion":"1.0","id":"f-1","source":"/users","type":"follow","subject":"s","ext":"<x>","n":1,"data": ` + followData + `}`, nil,
			`{"id":"f-1","type":"follow","status":"accepted"}`,
			`{"specversion":"1.0","id":"f-1","source":"/users","type":"follow","subject":"s","datacontenttype":"application/json","time":"2026-01-02T15:04:05.123456789Z","ext":"<x>","n":1,"data":` + followData + `}`,
		},
		"binary": {
			"application/json", "\n" + followData, append([]string{"ce-ext", "100%25 %41 %C3%A9 50%", "ce-subject", `"a \"b\""`}, ceHeaders...),
			`{"id":"f-1","type":"follow","status":"accepted"}`,
			`{"specversion":"1.0","id":"f-1","source":"/users","type":"follow","subject":"a \"b\"","datacontenttype":"application/json","time":"2026-01-02T15:04:05.123456789Z","ext":"100% A é 50%","data":` + followData + `}`,
		},
		"binary of another JSON type": {
			"application/vnd.x+json", followData, ceHeaders,
			`{"id":"f-1","type":"follow","status":"accepted"}`,
			`{"specversion":"1.0","id":"f-1","source":"/users","type":"follow","datacontenttype":"application/vnd.x+json","time":"2026-01-02T15:04:05.123456789Z","data":` + followData + `}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			got := s.submit(t, tt.contentType, tt.body, append(tt.header, "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")...)
			if got.StatusCode != http.StatusAccepted || strings.TrimSpace(got.body) != tt.answer {
				t.Fatalf("%d %s, want 202 %s", got.StatusCode, got.body, tt.answer)
			}
			if len(s.publisher.records) != 1 {
				t.Fatalf("%d records published", len(s.publisher.records))
			}
			rec := s.publisher.records[0]
			var accepted api.Accept
			if err := json.Unmarshal([]byte(got.body), &accepted); err != nil {
				t.Fatal(err)
			}
			want := &record.Record{
				Topic: "events.follow", Key: []byte("9007199254740993"), Value: []byte(tt.value),
				Headers: []record.Header{
					{Key: "_watermill_message_uuid", Value: []byte(accepted.ID)},
					{Key: "content-type", Value: []byte("application/cloudevents+json")},
					{Key: "event_id", Value: []byte(accepted.ID)},
					{Key: "event_type", Value: []byte("follow")},
					{Key: "traceparent", Value: []byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")},
					{Key: "accepted_at", Value: []byte("2026-01-02T15:04:05.123456789Z")},
				},
			}
			if diff := cmp.Diff(text(want), text(rec)); diff != "" {
				t.Errorf("record (-want +got)\n%s", diff)
			}
		})
	}
}

// text shows a record so that differences can be read.
func text(rec *record.Record) []string {
	lines := []string{rec.Topic, string(rec.Key), string(rec.Value)}
	for _, h := range rec.Headers {
		lines = append(lines, h.Key+": "+string(h.Value))
	}
	return lines
}

func TestInvalidTraceparentIsLeftOut(t *testing.T) {
	for _, traceparent := range []string{
		"", "x", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
		"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
	} {
		s := start(t)
		if got := s.submit(t, "application/json", native, "traceparent", traceparent); got.StatusCode != http.StatusAccepted {
			t.Fatalf("%d %s", got.StatusCode, got.body)
		}
		if got := s.publisher.records[0].Get(record.HeaderTraceparent); got != "" {
			t.Errorf("traceparent %q was carried along as %q", traceparent, got)
		}
	}
}

func TestSubmitSeveral(t *testing.T) {
	follow := func(id string) string {
		return `{"type":"follow","id":"` + id + `","data":{"follower_id":"2","followee_id":"1"}}`
	}
	tests := map[string]struct {
		contentType, body string
		status            int
		answer            string
		published         []string
	}{
		"array": {
			"application/json", `[` + follow("a") + `,` + follow("b") + `]`, 202,
			`{"accepted":2,"rejected":0,"results":[{"index":0,"id":"a","status":"accepted"},{"index":1,"id":"b","status":"accepted"}]}`,
			[]string{"a", "b"},
		},
		"array of one": {
			"application/json", ` [` + follow("a") + `] `, 202,
			`{"accepted":1,"rejected":0,"results":[{"index":0,"id":"a","status":"accepted"}]}`,
			[]string{"a"},
		},
		"ids are made": {
			"application/json", `[{"type":"open","data":1}]`, 202,
			`{"accepted":1,"rejected":0,"results":[{"index":0,"id":"made-1","status":"accepted"}]}`,
			[]string{"made-1"},
		},
		"ndjson with empty lines": {
			"application/x-ndjson", follow("a") + "\r\n\n \n" + follow("b"), 202,
			`{"accepted":2,"rejected":0,"results":[{"index":0,"id":"a","status":"accepted"},{"index":1,"id":"b","status":"accepted"}]}`,
			[]string{"a", "b"},
		},
		"ndjson of one": {
			"application/x-ndjson", follow("a"), 202,
			`{"accepted":1,"rejected":0,"results":[{"index":0,"id":"a","status":"accepted"}]}`,
			[]string{"a"},
		},
		"CloudEvents": {
			batchType, `[` + cloudEvent + `]`, 202,
			`{"accepted":1,"rejected":0,"results":[{"index":0,"id":"f-1","status":"accepted"}]}`,
			[]string{"f-1"},
		},
		"some refused": {
			"application/json", `[` + follow("a") + `,1,{"type":"follow","id":"c","data":{"followee_id":"1"}},{"type":"folow","id":"d","data":1},{"id":"e","data":1},` + follow("f") + `]`, 207,
			`{"accepted":2,"rejected":4,"results":[{"index":0,"id":"a","status":"accepted"},` +
				`{"index":1,"id":"","status":"rejected","problem":{"type":"urn:kafka-notify:problem:invalid-event","title":"The event is not valid","status":400,"detail":"the event has a fault: is no JSON object but a number","errors":[{"pointer":"","detail":"is no JSON object but a number"}]}},` +
				`{"index":2,"id":"c","status":"rejected","problem":{"type":"urn:kafka-notify:problem:invalid-event","title":"The event is not valid","status":400,"detail":"the event has a fault: /data/follower_id is missing","errors":[{"pointer":"/data/follower_id","detail":"is missing"}]}},` +
				`{"index":3,"id":"d","status":"rejected","problem":{"type":"urn:kafka-notify:problem:unknown-event-type","title":"There is no such event type","status":404,"detail":"unknown event type \"folow\" (did you mean \"follow\"?): this service knows follow, message, open","errors":[{"pointer":"/type","detail":"is not in the configuration"}]}},` +
				`{"index":4,"id":"e","status":"rejected","problem":{"type":"urn:kafka-notify:problem:invalid-event","title":"The event is not valid","status":400,"detail":"the event has a fault: /type is missing","errors":[{"pointer":"/type","detail":"is missing"}]}},` +
				`{"index":5,"id":"f","status":"accepted"}]}`,
			[]string{"a", "f"},
		},
		"no id is made for what is refused": {
			"application/json", `[{"type":"follow","data":{"follower_id":"2"}}]`, 207,
			`{"accepted":0,"rejected":1,"results":[{"index":0,"id":"","status":"rejected","problem":{"type":"urn:kafka-notify:problem:invalid-event","title":"The event is not valid","status":400,"detail":"the event has a fault: /data/followee_id is missing","errors":[{"pointer":"/data/followee_id","detail":"is missing"}]}}]}`,
			[]string{},
		},
		"all refused": {
			batchType, `[{"id":"x"}]`, 207,
			`{"accepted":0,"rejected":1,"results":[{"index":0,"id":"x","status":"rejected","problem":{"type":"urn:kafka-notify:problem:invalid-event","title":"The event is not valid","status":400,"detail":"the event has 4 faults","errors":[{"pointer":"/specversion","detail":"is missing"},{"pointer":"/source","detail":"is missing"},{"pointer":"/type","detail":"is missing"},{"pointer":"/data","detail":"is missing"}]}}]}`,
			[]string{},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			got := s.submit(t, tt.contentType, tt.body)
			if got.StatusCode != tt.status {
				t.Errorf("status %d, want %d", got.StatusCode, tt.status)
			}
			if diff := cmp.Diff(tt.answer, strings.TrimSpace(got.body)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.published, s.publisher.ids()); diff != "" {
				t.Errorf("published (-want +got)\n%s", diff)
			}
		})
	}
}

func TestSubmitAsManyAsAllowed(t *testing.T) {
	s := start(t)
	line := `{"type":"open","data":1}`
	for contentType, body := range map[string]string{
		"application/json":     `[` + strings.Repeat(line+",", 999) + line + `]`,
		"application/x-ndjson": strings.Repeat(line+"\n", 1000),
	} {
		var answer api.BatchAccept
		got := s.submit(t, contentType, body)
		if err := json.Unmarshal([]byte(got.body), &answer); err != nil {
			t.Fatal(err)
		}
		if got.StatusCode != http.StatusAccepted || answer.Accepted != 1000 {
			t.Errorf("%s: %d, %d accepted", contentType, got.StatusCode, answer.Accepted)
		}
	}
	if got := len(s.publisher.ids()); got != 2000 {
		t.Errorf("%d records published", got)
	}
}

// A body of exactly the limit is taken, and its record stays below what its
// topic takes, however much it is escaped.
func TestSubmitAsLargeAsAllowed(t *testing.T) {
	s := start(t)
	frame := `{"type":"open","data":"%s"}`
	fill := api.DefaultMaxBytes - len(frame) + len("%s")
	for name, data := range map[string]string{
		"plain":   strings.Repeat("x", fill),
		"escaped": strings.Repeat(`\"`, fill/2),
		"html":    strings.Repeat("<", fill),
	} {
		if got := s.submit(t, "application/json", fmt.Sprintf(frame, data)); got.StatusCode != http.StatusAccepted {
			t.Errorf("%s: %d %.200s", name, got.StatusCode, got.body)
		}
	}
	for _, rec := range s.publisher.records {
		if len(rec.Value) > api.DefaultMaxBytes+4096 {
			t.Errorf("a value has %d bytes", len(rec.Value))
		}
	}
}
