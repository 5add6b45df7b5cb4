package poison_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/app/record"
)

const topicName = "notifications.poison"

// topic is the poison topic in memory, and where redrives are published.
type topic struct {
	records []*record.Record
	sent    []*record.Record
}

func (f *topic) Bounds(context.Context, string, int32) (kafka.Bounds, error) {
	if f.records == nil {
		return kafka.Bounds{}, kafka.ErrTopicMissing
	}
	return kafka.Bounds{End: int64(len(f.records))}, nil
}

func (f *topic) Fetch(_ context.Context, _ string, _ int32, offset int64, _ int32, _ time.Duration) (kafka.Page, error) {
	end := int64(len(f.records))
	return kafka.Page{Records: f.records[offset:min(end, offset+50)], Next: min(end, offset+50), End: end}, nil
}

func (f *topic) Publish(_ context.Context, rec *record.Record) error {
	f.sent = append(f.sent, rec)
	return nil
}

func (f *topic) add(headers ...string) *record.Record {
	rec := &record.Record{Topic: topicName, Offset: int64(len(f.records)), Key: []byte("1"), Value: []byte(`{"n":9007199254740993}`)}
	for i := 0; i < len(headers); i += 2 {
		rec.Headers = append(rec.Headers, record.Header{Key: headers[i], Value: []byte(headers[i+1])})
	}
	f.records = append(f.records, rec)
	return rec
}

func over(f *topic) *poison.Queue {
	return poison.NewQueue(topicName, f, f, func(pipeline string) (string, bool) {
		return "notifications.retry." + pipeline + ".0", pipeline == "follow" || pipeline == "message"
	})
}

func ids(entries []poison.Entry) (list []string) {
	for _, e := range entries {
		list = append(list, e.ID)
	}
	return list
}

func TestListPagesNewestFirst(t *testing.T) {
	f := new(topic)
	for i := range 480 {
		f.add(record.PoisonID, fmt.Sprint(i), record.HandlerPoisoned, []string{"follow", "message"}[i%2],
			record.PoisonClass, []string{"decode", "schema", "other"}[i%3])
	}
	f.add(record.PoisonID, "3", record.HandlerPoisoned, "message", record.PoisonClass, "decode") // poisoned again
	var got []string
	q := poison.Query{Pipeline: "message", Class: "decode", Limit: 30}
	for {
		page, next, err := over(f).List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, ids(page)...)
		if q.Cursor = next; next == "" {
			break
		}
	}
	want := []string{"3"}
	for i := 479; i > 3; i-- {
		if i%2 == 1 && i%3 == 0 {
			want = append(want, fmt.Sprint(i))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestGetFindsTheNewest(t *testing.T) {
	f := new(topic)
	f.add(record.PoisonID, "a", record.PoisonRedrives, "0")
	for i := range 300 {
		f.add(record.PoisonID, fmt.Sprint(i))
	}
	f.add(record.PoisonID, "b", record.PoisonRedrives, "0")
	f.add(record.PoisonID, "b", record.PoisonRedrives, "1")
	for id, redrives := range map[string]int{"a": 0, "b": 1} {
		e, found, err := over(f).Get(t.Context(), id)
		if err != nil || !found || e.Redrives != redrives {
			t.Errorf("%s: %+v, %v, %v", id, e, found, err)
		}
	}
	if _, found, err := over(f).Get(t.Context(), "c"); found || err != nil {
		t.Errorf("c: %v, %v", found, err)
	}
	if _, found, err := over(new(topic)).Get(t.Context(), "a"); found || err != nil {
		t.Errorf("no topic yet: %v, %v", found, err)
	}
}

func TestRedriveGoesToThePipelineAlone(t *testing.T) {
	f := new(topic)
	f.add("x", "1", record.HeaderOrigin, "events.follow/3/7", "x", "2",
		record.PoisonID, "a", record.HandlerPoisoned, "follow", record.PoisonRedrives, "1", record.PoisonClass, "schema",
		record.ReasonPoisoned, "r", record.PoisonFirstFailedAt, "2026-01-02T15:04:05Z")
	receipt, err := over(f).Redrive(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	want := poison.Receipt{ID: "a", Pipeline: "follow", Topic: "notifications.retry.follow.0", Redrives: 2}
	if diff := cmp.Diff(want, receipt); diff != "" {
		t.Error(diff)
	}
	got := f.sent[0]
	if got.Topic != want.Topic || string(got.Key) != "1" || string(got.Value) != `{"n":9007199254740993}` {
		t.Errorf("sent %+v", got)
	}
	headers := make(map[string][]string)
	for _, h := range got.Headers {
		headers[h.Key] = append(headers[h.Key], string(h.Value))
	}
	delete(headers, record.HeaderRetryDue)
	wantHeaders := map[string][]string{
		"x": {"1", "2"}, record.HeaderOrigin: {"events.follow/3/7"}, record.PoisonRedrives: {"2"},
		record.PoisonFirstFailedAt: {"2026-01-02T15:04:05Z"}, record.HeaderRetryTier: {"0"}, record.HeaderAttempts: {"0"},
	}
	if diff := cmp.Diff(wantHeaders, headers); diff != "" {
		t.Error(diff)
	}
	if f.records[0].Get(record.PoisonRedrives) != "1" {
		t.Error("the record in the poison topic was changed")
	}
}

func TestRedrivesThatCannotBe(t *testing.T) {
	f := new(topic)
	f.add(record.PoisonID, "truncated", record.HandlerPoisoned, "follow", record.HeaderOrigin, "a/0/0", record.PoisonTruncated, "true")
	f.add(record.PoisonID, "gone", record.HandlerPoisoned, "removed", record.HeaderOrigin, "a/0/0")
	f.add("written", "by another program")
	for _, id := range []string{"truncated", "gone", topicName + "-0-2"} {
		var refused *poison.RefusedError
		if _, err := over(f).Redrive(t.Context(), id); !errors.As(err, &refused) {
			t.Errorf("%s: %v", id, err)
		}
	}
	if _, err := over(f).Redrive(t.Context(), "unheard of"); !errors.Is(err, poison.ErrNotFound) {
		t.Errorf("unheard of: %v", err)
	}
	if len(f.sent) != 0 {
		t.Errorf("sent %v", f.sent)
	}
}

// A value is shown as what it is, and comes back byte for byte.
func TestValuesSurviveJSON(t *testing.T) {
	for _, value := range []string{`{"n":9007199254740993,"f":1e400}`, `"text"`, `not JSON`, `{"a":"<b> & c"}`, `<script>`, "\xff\x00", "", `null`} {
		in := poison.Entry{ID: "a", Value: poison.Value(value), Headers: []poison.Header{}}
		text, err := in.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var out poison.Entry
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `\u003c`) {
			t.Errorf("%q is escaped: %s", value, text)
		}
		if string(out.Value) != value {
			t.Errorf("%q came back as %q by %s", value, out.Value, text)
		}
	}
}
