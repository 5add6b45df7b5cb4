package handler_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func TestEventValue(t *testing.T) {
	deep := strings.Repeat("[", handler.MaxDepth) + strings.Repeat("]", handler.MaxDepth)
	tests := []struct {
		data string
		want any
		err  string
	}{
		{data: "", want: nil},
		{data: "null", want: nil},
		{data: `{"a":[1,"ü\n",true,null,{}]}`, want: map[string]any{"a": []any{int64(1), "ü\n", true, nil, map[string]any{}}}},
		{data: ` [] `, want: []any{}},
		{data: `[9007199254740993,-9223372036854775808]`, want: []any{int64(9007199254740993), int64(-1 << 63)}},
		{data: `[9223372036854775808,18446744073709551615]`, want: []any{uint64(1 << 63), uint64(1<<64 - 1)}},
		{data: `[18446744073709551616]`, want: []any{json.Number("18446744073709551616")}},
		{data: `[1.0,1e3,-0.5,1e400]`, want: []any{1.0, 1000.0, -0.5, json.Number("1e400")}},
		{data: `{"a":1,"a":2}`, err: `duplicate object member name "a"`},
		{data: `{"a":{"b":1,"\u0062":2}}`, err: `duplicate object member name "b"`},
		{data: "\"\xff\"", err: "invalid UTF-8"},
		{data: `"\ud800"`, err: "surrogate"},
		{data: `{} {}`, err: "something follows the value"},
		{data: `{}]`, err: "invalid character"},
		{data: `{"a":`, err: "unexpected EOF"},
		{data: `[1,`, err: "unexpected EOF"},
		{data: " ", err: "unexpected EOF"},
		{data: `{"a":01}`, err: "invalid character"},
		{data: "[" + deep + "]", err: "nested deeper than 100"},
	}
	for _, tt := range tests {
		e := &handler.Event{Data: []byte(tt.data)}
		got, err := e.Value()
		switch {
		case tt.err == "" && err != nil:
			t.Errorf("%.40s: %v", tt.data, err)
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%.40s: got error %v, want %s", tt.data, err, tt.err)
		case tt.err != "" && got != nil:
			t.Errorf("%.40s: got a value with the error: %v", tt.data, got)
		}
		if diff := cmp.Diff(tt.want, got); tt.err == "" && diff != "" {
			t.Errorf("%.40s (-want +got):\n%s", tt.data, diff)
		}
	}
	if _, err := (&handler.Event{Data: []byte(deep)}).Value(); err != nil {
		t.Errorf("%d levels: %v", handler.MaxDepth, err)
	}
}

// Strings of short data are parts of one copy of it; those of long data stand by themselves.
func TestEventValueIsTheSameForShortAndLongData(t *testing.T) {
	for _, space := range []int{0, 400, 500, 600} {
		data := ` {"a": "xé", "\u0062":["\"", "", 12, -0.5, 12345678901234567890123] ,` + strings.Repeat(" ", space) + `"c":"y"}`
		want := map[string]any{"a": "xé", "b": []any{`"`, "", int64(12), -0.5, json.Number("12345678901234567890123")}, "c": "y"}
		got, err := (&handler.Event{Data: []byte(data)}).Value()
		if diff := cmp.Diff(any(want), got); err != nil || diff != "" {
			t.Errorf("%d bytes: %v (-want +got):\n%s", len(data), err, diff)
		}
	}
}

// A decoder that is used again must not remember what went wrong the last time.
func TestEventValueAfterFailure(t *testing.T) {
	for range 10 {
		if _, err := (&handler.Event{Data: []byte(`{"a":[1,{"b":`)}).Value(); err == nil {
			t.Fatal("no error")
		}
		got, err := (&handler.Event{Data: []byte(`{"a":"x"}`)}).Value()
		if diff := cmp.Diff(map[string]any{"a": "x"}, got); err != nil || diff != "" {
			t.Fatalf("%v (-want +got):\n%s", err, diff)
		}
	}
}

func TestEventVars(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	e := &handler.Event{ID: "e1", Source: "/s", Type: "follow", Time: at, Data: []byte(`{"n":1}`), Extensions: map[string]any{"traceparent": "00-"}}
	data := map[string]any{"n": int64(1)}
	got, ok := e.Vars().ResolveName("event")
	want := map[string]any{"id": "e1", "source": "/s", "type": "follow", "time": at, "data": data, "traceparent": "00-"}
	if diff := cmp.Diff(any(want), got); !ok || diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if got, ok := e.Vars().ResolveName("data"); !ok || !cmp.Equal(any(data), got) {
		t.Errorf("data: got %v, %t", got, ok)
	}
	if _, ok := e.Vars().ResolveName("actor"); ok {
		t.Error("actor has a value")
	}
	if _, ok := (&handler.Event{Data: []byte("{")}).Vars().ResolveName("data"); ok {
		t.Error("data that can't be decoded has a value")
	}
}

func TestOrigin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		origin := handler.Origin{
			Topic:     rapid.StringMatching(`[a-z0-9][a-z0-9._-]{0,20}`).Draw(t, "topic"),
			Partition: rapid.Int32Min(0).Draw(t, "partition"),
			Offset:    rapid.Int64Min(0).Draw(t, "offset"),
		}
		got, err := handler.ParseOrigin(origin.String())
		if err != nil || got != origin {
			t.Fatalf("%s: got %v, %v", origin, got, err)
		}
	})
	for _, s := range []string{"", "a", "a/1", "a/1/", "/1/2", "a/1/2/3", "a/x/1", "a/1/x", "a/-1/2", "a/1/-2", "a/01/2", "a/1/+2", "a/4294967296/1"} {
		if got, err := handler.ParseOrigin(s); err == nil {
			t.Errorf("%q was read as %v", s, got)
		}
	}
}

func BenchmarkEventValue(b *testing.B) {
	data := []byte(`{"follower_id":"2","followee_id":"1"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (&handler.Event{Data: data}).Value(); err != nil {
			b.Fatal(err)
		}
	}
}
