package poison_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/app/record"
)

// list is every page of a query.
func list(t *testing.T, b *poison.Console, q poison.Query) (entries []poison.Entry) {
	t.Helper()
	for {
		page, err := b.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Entries) > q.Limit {
			t.Fatalf("a page of %d entries, at most %d were asked for", len(page.Entries), q.Limit)
		}
		entries = append(entries, page.Entries...)
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			if page.Total != len(entries) {
				t.Errorf("%d in all are said, %d are listed", page.Total, len(entries))
			}
			return entries
		}
	}
}

func TestListPagesNewestFirst(t *testing.T) {
	f := newWorld()
	for i := range 480 {
		f.add(record.PoisonID, fmt.Sprint(i), record.HandlerPoisoned, []string{"follow", "message"}[i%2],
			record.PoisonClass, []string{"decode", "schema", "other"}[i%3])
	}
	f.add(record.PoisonID, "3", record.HandlerPoisoned, "message", record.PoisonClass, "decode") // poisoned again
	want := []string{"3"}
	for i := 479; i > 3; i-- {
		if i%2 == 1 && i%3 == 0 {
			want = append(want, fmt.Sprint(i))
		}
	}
	for _, q := range []poison.Query{
		{Pipeline: "message", Class: "decode", Limit: 30},
		{Filter: `pipeline == "message" && class == "decode"`, Limit: 7},
	} {
		if diff := cmp.Diff(want, ids(list(t, over(t, f), q))); diff != "" {
			t.Error(diff)
		}
	}
	if _, err := over(t, f).List(t.Context(), poison.Query{Cursor: "none", Limit: 1}); err == nil {
		t.Error("a cursor that is none")
	}
}

func TestGetFindsTheNewest(t *testing.T) {
	f := newWorld()
	f.add(record.PoisonID, "a", record.PoisonRedrives, "0")
	for i := range 300 {
		f.add(record.PoisonID, fmt.Sprint(i))
	}
	f.add(record.PoisonID, "b", record.PoisonRedrives, "0")
	f.add(record.PoisonID, "b", record.PoisonRedrives, "1")
	for id, redrives := range map[string]int{"a": 0, "b": 1} {
		e, err := over(t, f).Get(t.Context(), id)
		if err != nil || e.Redrives != redrives {
			t.Errorf("%s: %+v, %v", id, e, err)
		}
	}
	if _, err := over(t, f).Get(t.Context(), "c"); !errors.Is(err, poison.ErrNotFound) {
		t.Errorf("c: %v", err)
	}
	if _, err := over(t, newWorld()).Get(t.Context(), "a"); !errors.Is(err, poison.ErrNotFound) {
		t.Errorf("no topic yet: %v", err)
	}
}

// An entry of the index is the one that its record holds.
func TestEntriesAreWhole(t *testing.T) {
	at := "2026-01-02T15:04:05.000000006Z"
	f := newWorld()
	whole := f.add("x", "1", record.HeaderOrigin, "events.follow/3/7", "x", "2\n<script>", record.HeaderEventID, "e", record.HeaderEventType, "follow",
		record.PoisonID, "a", record.HandlerPoisoned, "follow", record.PoisonClass, "schema", record.PoisonStep, "schema f.yaml:7",
		record.ReasonPoisoned, "r", record.TopicPoisoned, "events.follow", record.PoisonPartition, "3", record.PoisonOffset, "7",
		record.PoisonAttempts, "3", record.PoisonRedrives, "2", record.PoisonFirstFailedAt, at, record.PoisonLastFailedAt, at,
		record.PoisonFingerprint, "f00d", record.PoisonTruncated, "true")
	whole.Timestamp = time.Unix(7, 0)
	bare := f.add()
	bare.Key, bare.Value, bare.Timestamp = nil, nil, time.Unix(8, 0)
	large := f.add(record.PoisonID, "large")
	large.Value = []byte(`"` + strings.Repeat("x", 1<<20) + `"`)
	large.Timestamp = time.Unix(9, 0)
	for i, e := range list(t, over(t, f), poison.Query{Limit: 2}) {
		want := poison.EntryOf(f.in(topicName)[2-i])
		want.State = poison.Open
		if diff := cmp.Diff(want, e); diff != "" {
			t.Errorf("record %d (-want +got):\n%s", 2-i, diff)
		}
	}
}

func TestFilter(t *testing.T) {
	now := time.Now()
	f := newWorld()
	f.add(append(failed("follow", "lookup_missing", "no user 9", "a", now.Add(-time.Minute)), record.PoisonID, "event")...).Value = []byte(`{"specversion":"1.0","id":"e1","source":"/s","type":"follow","data":{"n":9007199254740993,"who":"Emma"}}`)
	f.add(append(failed("message", "decode", "no JSON", "b", now.Add(-3*time.Hour)), record.PoisonID, "text")...).Value = []byte("Bruno {")
	f.add(record.PoisonID, "foreign").Value = []byte{0xff}
	for _, tt := range []struct{ filter, words, want string }{
		{``, ``, "foreign text event"},
		{`class == "decode"`, ``, "text"},
		{`failed_at > now - duration("1h") && pipeline == "follow"`, ``, "event"},
		{`data.n == 9007199254740993`, ``, "event"},
		{`data.n == 9007199254740992`, ``, ""},
		{`event.id == "e1" && data.who.startsWith("E")`, ``, "event"},
		{`!(data.n > 3)`, ``, ""}, // what has no data is not selected
		{`headers["origin"] == "events.follow/3/7" && attempts >= 3`, ``, "text event"},
		{`id in ["foreign", "x"] || reason.contains("JSON")`, ``, "foreign text"},
		{``, `bruno`, "text"},
		{``, `EMMA events.FOLLOW/3`, "event"},
		{`class == "decode"`, `emma`, ""},
		{`offset == 0 && partition == 0 && redrives == 0 && truncated == false`, ``, "foreign text event"},
	} {
		got := strings.Join(ids(list(t, over(t, f), poison.Query{Filter: tt.filter, Words: tt.words, Limit: 2})), " ")
		if got != tt.want {
			t.Errorf("%s %q: got %q, want %q", tt.filter, tt.words, got, tt.want)
		}
	}
}

// An event may stand in headers too, whatever else does.
func TestFilterOfAnEventInBinaryMode(t *testing.T) {
	f := newWorld()
	f.add("x", "1", "ce_specversion", "1.0", "CE_ID", "b1", "ce_source", "/s", "ce_type", "follow", "Content-Type", "application/json",
		record.PoisonID, "binary").Value = []byte(`{"who":"Emma"}`)
	for _, filter := range []string{`data.who == "Emma"`, `event.type == "follow" && event.id == "b1"`, `headers["x"] == "1"`} {
		if got := ids(list(t, over(t, f), poison.Query{Filter: filter, Limit: 2})); len(got) != 1 {
			t.Errorf("%s: got %q", filter, got)
		}
	}
}

func TestMistakesInAFilter(t *testing.T) {
	b := over(t, newWorld())
	for filter, want := range map[string]string{
		`clas == "decode"`:                       `filter, at character 1: unknown name "clas" (did you mean "class"?)`,
		`key == "ä" && attempts > "3"`:           `filter, at character 24: `,
		`class == `:                              `filter, at character 10: `,
		`attempts`:                               `filter, at character 1: a condition is true or false, this is of type int`,
		strings.Repeat("(", 99) + "true":         `filter, at character `,
		`class == "` + strings.Repeat("x", 5000): `filter, at character `,
	} {
		_, err := b.List(t.Context(), poison.Query{Filter: filter, Limit: 1})
		var mistake *poison.FilterError
		if !errors.As(err, &mistake) || !strings.HasPrefix(mistake.BadRequest(), want) {
			t.Errorf("%.50s: got %v, want %s", filter, err, want)
		}
	}
}

func TestGroups(t *testing.T) {
	hour := time.Now().Truncate(time.Hour)
	f := newWorld()
	for i := range 6 {
		f.add(append(failed("follow", "lookup_missing", fmt.Sprint("no user ", i), "a", hour.Add(time.Duration(-i)*time.Hour)), record.PoisonID, fmt.Sprint("a", i))...)
	}
	f.add(append(failed("message", "decode", "no JSON", "b", hour.Add(-100*time.Hour)), record.PoisonID, "b")...)
	f.add(append(failed("follow", "lookup_missing", "no user 0", "a", hour), record.PoisonID, "a0")...) // again
	groups, err := over(t, f).Groups(t.Context(), poison.Query{})
	if err != nil {
		t.Fatal(err)
	}
	hours := make([]int, 24)
	for i := range 6 {
		hours[23-i] = 1
	}
	want := []poison.Group{
		{Fingerprint: "a", Pipeline: "follow", Class: "lookup_missing", Reason: "no user 0", Count: 6, FirstSeen: hour.Add(-5 * time.Hour).UTC(), LastSeen: hour.UTC(), Hours: hours},
		{Fingerprint: "b", Pipeline: "message", Class: "decode", Reason: "no JSON", Count: 1, FirstSeen: hour.Add(-100 * time.Hour).UTC(), LastSeen: hour.Add(-100 * time.Hour).UTC(), Hours: make([]int, 24)},
	}
	if diff := cmp.Diff(want, groups); diff != "" {
		t.Error(diff)
	}
	only, err := over(t, f).Groups(t.Context(), poison.Query{Filter: `class == "decode"`})
	if err != nil || len(only) != 1 || only[0].Fingerprint != "b" {
		t.Errorf("filtered: %+v, %v", only, err)
	}
}

// The index follows its topic: what is written, what retention takes, an outage,
// and a topic that is made anew.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newWorld()
		ctx, cancel := context.WithCancel(t.Context())
		x := poison.NewIndex(topics, l, slog.New(slog.DiscardHandler))
		var following sync.WaitGroup
		following.Go(func() { x.Follow(ctx, l, l) })
		change := func(f func()) {
			l.mu.Lock()
			defer l.mu.Unlock()
			f()
		}
		see := func(want ...string) {
			t.Helper()
			time.Sleep(2 * time.Minute)
			got, err := x.List(ctx, poison.Query{Limit: 100})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, ids(got.Entries)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
		see()
		l.add(record.PoisonID, "a")
		l.add(record.PoisonID, "b")
		see("b", "a")
		change(func() { l.err = errors.New("no broker") })
		see("b", "a")
		change(func() { l.err = nil })
		l.add(record.PoisonID, "c")
		l.add(record.PoisonID, "a")
		see("a", "c", "b")
		change(func() { l.start = 2 })
		see("a", "c")
		change(func() { l.start, l.topics[topicName] = 0, nil })
		l.add(record.PoisonID, "new")
		see("new")
		cancel()
		following.Wait()
	})
}

// Until the topic has been read, nothing is said of it.
func TestNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := poison.NewIndex(topics, newWorld(), slog.New(slog.DiscardHandler))
		if _, err := x.List(t.Context(), poison.Query{Limit: 1}); !errors.Is(err, poison.ErrNotReady) {
			t.Error(err)
		}
		if _, err := x.Get(t.Context(), "a"); !errors.Is(err, poison.ErrNotReady) {
			t.Error(err)
		}
	})
}

// BenchmarkIndex measures what an operator waits for with 100,000 poisoned
// messages: the index being built, what it holds, and lists.
func BenchmarkIndex(b *testing.B) {
	const messages = 100_000
	f := newWorld()
	for i := range messages {
		f.add(append(failed("follow", []string{"decode", "schema", "lookup_missing"}[i%3], fmt.Sprint("lookup users has no record with the key ", i), fmt.Sprint(i%7), time.Now()),
			record.PoisonID, fmt.Sprintf("0b0c6f3e-94a1-5d0f-8d3e-%012d", i), record.PoisonStep, "enrich kafka-notify.yaml:57",
			record.TopicPoisoned, "events.follow", record.SubscriberPoisoned, "kafka-notify.follow", record.HeaderEventID, fmt.Sprint("event-", i),
			record.HeaderEventType, "follow", record.HeaderContentType, "application/cloudevents+json", "accepted_at", "2026-01-02T15:04:05.123456789Z")...).Value = fmt.Appendf(nil, `{"specversion":"1.0","id":"event-%d","source":"/kafka-notify/follow","type":"follow","datacontenttype":"application/json",`+
			`"time":"2026-01-02T15:04:05.123456789Z","data":{"follower_id":"%d","followee_id":"%d"}}`, i, i, i%1000)
	}
	b.Run("build", func(b *testing.B) {
		var before, after runtime.MemStats
		for b.Loop() {
			runtime.GC()
			runtime.ReadMemStats(&before)
			x := over(b, f)
			runtime.GC()
			runtime.ReadMemStats(&after)
			runtime.KeepAlive(x)
		}
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB")
	})
	x := over(b, f)
	for name, q := range map[string]poison.Query{
		"all":   {},
		"class": {Filter: `class == "lookup_missing" && pipeline == "follow" && failed_at > now - duration("1h")`},
		"data":  {Filter: `data.followee_id == "77" && event.type == "follow"`},
		"words": {Words: "followee_id follow event-9"},
	} {
		q.Limit = 50
		b.Run("list/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := x.List(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("groups", func(b *testing.B) {
		for b.Loop() {
			if _, err := x.Groups(b.Context(), poison.Query{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
