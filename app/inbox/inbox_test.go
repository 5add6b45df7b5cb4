package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/trieungochai/kafka-notify/app/inbox"
	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// topic is a delivery topic in memory. Offsets have gaps where a transaction
// left its marker.
type topic struct {
	name    string
	records []*record.Record
	end     int64
}

func (f *topic) Bounds(_ context.Context, name string, _ int32) (kafka.Bounds, error) {
	if name != f.name {
		return kafka.Bounds{}, kafka.ErrTopicMissing
	}
	return kafka.Bounds{Start: 0, End: f.end}, nil
}

func (f *topic) Fetch(_ context.Context, _ string, _ int32, offset int64, _ int32, _ time.Duration) (kafka.Page, error) {
	page := kafka.Page{Next: f.end, End: f.end}
	for _, r := range f.records {
		if r.Offset >= offset {
			page.Records = append(page.Records, r)
		}
	}
	return page, nil
}

func (f *topic) add(id string) {
	n := handler.Notification{ID: id, Text: id}
	f.records = append(f.records, &record.Record{
		Topic: f.name, Offset: f.end, Value: n.AppendJSON(nil),
		Headers: []record.Header{{Key: record.HeaderUUID, Value: []byte(id)}},
	})
	f.end++
}

func over(f *topic) *inbox.Inbox { return inbox.New(f, slog.New(slog.DiscardHandler)) }

func TestPagesGoBackWithoutRepeats(t *testing.T) {
	f := &topic{name: inbox.Topic("1")}
	for i := range 5 {
		f.add(fmt.Sprint(i))
	}
	f.end++ // a marker
	for _, again := range []string{"2", "3", "4", "5", "6"} {
		f.add(again) // what a killed process had in flight, and what came after
	}
	var pages [][]string
	cursor := ""
	for {
		list, next, err := over(f).Page(t.Context(), "1", 3, cursor)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, n := range list {
			ids = append(ids, n.ID)
		}
		pages = append(pages, ids)
		if cursor = next; cursor == "" {
			break
		}
	}
	if diff := cmp.Diff([][]string{{"6", "5", "4"}, {"3", "2", "1"}, {"0"}}, pages); diff != "" {
		t.Error(diff)
	}
}

// Both lists show each notification once, where it stood first, whatever was
// repeated: a repetition is a run of records that starts over.
func TestListsShowEachNotificationOnceInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &topic{name: inbox.Topic("1")}
		n := 0
		for range rapid.IntRange(1, 6).Draw(t, "starts") {
			from := n - rapid.IntRange(0, min(n, 30)).Draw(t, "uncommitted")
			n += rapid.IntRange(0, 40).Draw(t, "new")
			for i := from; i < n; i++ {
				f.add(fmt.Sprint(i))
			}
			f.end += int64(rapid.IntRange(0, 2).Draw(t, "markers"))
		}
		all, err := over(f).All(context.Background(), "1")
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != n {
			t.Fatalf("All lists %d, want %d", len(all), n)
		}
		limit := rapid.IntRange(1, 50).Draw(t, "limit")
		at := n
		for cursor := ""; ; {
			list, next, err := over(f).Page(context.Background(), "1", limit, cursor)
			if err != nil {
				t.Fatal(err)
			}
			for _, got := range list {
				at--
				if want := fmt.Sprint(at); got.ID != want || all[at].ID != want {
					t.Fatalf("got %s and %s at place %d", got.ID, all[at].ID, at)
				}
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		if at != 0 {
			t.Fatalf("the pages end %d too early", at)
		}
	})
}

func TestStrangersAndBadCursors(t *testing.T) {
	f := &topic{name: inbox.Topic("1")}
	f.add("0")
	if list, next, err := over(f).Page(t.Context(), "nobody", 10, ""); len(list) != 0 || next != "" || err != nil {
		t.Errorf("nobody: %v %q %v", list, next, err)
	}
	if list, err := over(f).All(t.Context(), "nobody"); len(list) != 0 || err != nil {
		t.Errorf("nobody: %v %v", list, err)
	}
	for _, cursor := range []string{"x", "bzE", "LTE", kafka.FormatCursor(-1)} {
		var bad *kafka.CursorError
		if _, _, err := over(f).Page(t.Context(), "1", 10, cursor); !errors.As(err, &bad) {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
}

// A record another program wrote is left out, not an error.
func TestForeignRecordsAreLeftOut(t *testing.T) {
	f := &topic{name: inbox.Topic("1")}
	f.add("0")
	f.records = append(f.records, &record.Record{Topic: f.name, Offset: f.end, Value: []byte("hello")})
	f.end++
	f.add("1")
	list, next, err := over(f).Page(t.Context(), "1", 10, "")
	if err != nil || len(list) != 2 || next != "" {
		t.Errorf("%d notifications, next %q, %v", len(list), next, err)
	}
}
