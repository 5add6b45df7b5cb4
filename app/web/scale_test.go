package web_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/app/record"
)

// queue is a poison topic of so many messages.
type queue int64

func (q queue) Bounds(_ context.Context, topic string, _ int32) (kafka.Bounds, error) {
	if topic != "poison" {
		return kafka.Bounds{}, nil
	}
	return kafka.Bounds{End: int64(q)}, nil
}

func (q queue) Written(ctx context.Context, topic string, partition int32) (int64, error) {
	bounds, err := q.Bounds(ctx, topic, partition)
	return bounds.End, err
}

func (q queue) Fetch(_ context.Context, _ string, _ int32, offset int64, _ int32, _ time.Duration) (kafka.Page, error) {
	page := kafka.Page{Next: min(offset+1000, int64(q)), End: int64(q)}
	for ; offset < page.Next; offset++ {
		at := time.Now().Add(-time.Duration(int64(q)-offset) * time.Second).UTC()
		r := &record.Record{
			Topic: "poison", Offset: offset, Timestamp: at, Key: []byte(fmt.Sprint(offset % 1000)),
			Value: fmt.Appendf(nil, `{"specversion":"1.0","id":"e-%d","source":"/x","type":"follow","data":{"follower_id":"5","followee_id":"%d","note":"%0200d"}}`, offset, offset%1000, 0),
		}
		for name, value := range map[string]string{
			record.PoisonID: fmt.Sprintf("m-%d", offset), record.HandlerPoisoned: "follow", record.PoisonClass: "lookup_missing",
			record.PoisonStep: "enrich kafka-notify.yaml:57", record.ReasonPoisoned: "actor: lookup users has no record with the key \"5\"",
			record.PoisonFingerprint: fmt.Sprintf("f-%d", offset%300), record.PoisonLastFailedAt: at.Format(time.RFC3339Nano),
			record.HeaderOrigin: "events.follow/0/1", record.HeaderContentType: "application/cloudevents+json",
		} {
			r.Set(name, value)
		}
		page.Records = append(page.Records, r)
	}
	return page, nil
}

// scaled are pages over a hundred thousand messages, and where to look at them.
func scaled(t testing.TB) (b *browser, paths map[string]string) {
	t.Helper()
	const n = queue(100_000)
	x := poison.NewIndex(poison.Topics{Poison: "poison", Actions: "actions"}, n, slog.New(slog.DiscardHandler))
	if err := x.CatchUp(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	return open(t, poison.NewConsole(x, nil, nil, 5)), map[string]string{
		"list":   "/ui/poison",
		"words":  "/ui/poison?q=followee_id%22%3A%22777",
		"filter": "/ui/poison?filter=data.followee_id+%3D%3D+%22777%22",
	}
}

// However many messages there are, a page has fifty of them and leads to the next.
func TestAHundredThousandMessages(t *testing.T) {
	b, paths := scaled(t)
	for name, path := range paths {
		for page := range 2 {
			a := b.get(path)
			if rows := strings.Count(a.body, `<a class="row"`); a.StatusCode != http.StatusOK || rows != 50 {
				t.Errorf("%s, page %d: %d, %d rows", name, page, a.StatusCode, rows)
			}
			for _, link := range a.links() {
				if strings.Contains(link, "cursor=") {
					path = link
				}
			}
		}
	}
}

// BenchmarkAHundredThousandMessages measures what somebody waits for a page.
func BenchmarkAHundredThousandMessages(b *testing.B) {
	pages, paths := scaled(b)
	for name, path := range paths {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if a := pages.get(path); a.StatusCode != http.StatusOK {
					b.Fatal(a.StatusCode)
				}
			}
		})
	}
}
