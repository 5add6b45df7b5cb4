package pipeline_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func TestADeliveryCarriesForeignHeadersAndItsOrigin(t *testing.T) {
	b := newBench(t, file, handler.Default())
	b.process(follow("e1", 7, "2", "1"))
	got := b.in("notifications.user.1")
	if len(got) != 1 {
		t.Fatalf("%d deliveries", len(got))
	}
	var headers []string
	for _, h := range got[0].Headers[1:] {
		headers = append(headers, h.Key+"="+string(h.Value))
	}
	want := []string{
		"content-type=application/json", "event_id=e1", "event_type=follow",
		"accepted_at=2026-01-02T15:04:04Z", "origin=events.follow/3/7", "x=1", "x=2",
	}
	if diff := cmp.Diff(want, headers); diff != "" {
		t.Error(diff)
	}
	if string(got[0].Key) != "1" || got[0].Get(record.HeaderUUID) == "" {
		t.Errorf("key %q, id %q", got[0].Key, got[0].Get(record.HeaderUUID))
	}
}

// A redelivery, as after a crash, has the same id and is no duplicate of itself.
func TestTheSameOriginPassesAgain(t *testing.T) {
	b := newBench(t, file, handler.Default())
	b.process(follow("e1", 7, "2", "1"))
	b.process(follow("e1", 7, "2", "1"))
	got := b.in("notifications.user.")
	if len(got) != 2 || got[0].Get(record.HeaderUUID) != got[1].Get(record.HeaderUUID) {
		t.Errorf("%d deliveries", len(got))
	}
	b.process(follow("e1", 8, "2", "1")) // submitted again
	if n := len(b.in("notifications.user.")); n != 2 {
		t.Errorf("%d deliveries after a duplicate", n)
	}
}

func TestPermanentErrorsArePoisonedAtOnce(t *testing.T) {
	b := newBench(t, file, handler.Default())
	b.process(follow("e1", 7, "9", "1"))
	poison := b.in("notifications.poison")
	if len(poison) != 1 || len(b.in("notifications.retry.")) != 0 {
		t.Fatalf("%d poisoned, %d in tiers", len(poison), len(b.in("notifications.retry.")))
	}
	got := poison[0]
	for name, want := range map[string]string{
		record.PoisonClass: "lookup_missing", record.PoisonAttempts: "1", record.PoisonRedrives: "0",
		record.TopicPoisoned: "events.follow", record.PoisonPartition: "3", record.PoisonOffset: "7",
		record.HandlerPoisoned: "follow", record.SubscriberPoisoned: "kafka-notify.follow",
		record.PoisonFirstFailedAt: "2026-01-02T15:04:05Z", record.HeaderOrigin: "events.follow/3/7",
		record.ReasonPoisoned: `actor: lookup users has no record with the key "9"`,
	} {
		if got.Get(name) != want {
			t.Errorf("%s = %q, want %q", name, got.Get(name), want)
		}
	}
	if step := got.Get(record.PoisonStep); !strings.HasPrefix(step, "enrich ") || !strings.HasSuffix(step, "kafka-notify.yaml:10") {
		t.Errorf("step %q", step)
	}
	if held := b.claims.Held(); len(held) != 0 {
		t.Errorf("claims are held after poisoning: %v", held)
	}
}

// A poison record the broker refuses as too large goes out without its value.
func TestATooLargePoisonRecordKeepsItsHeaders(t *testing.T) {
	b := newBench(t, file, handler.Default())
	b.refuse = func(rec *record.Record, _ int) error {
		if rec.Value != nil {
			return handler.Permanent(fmt.Errorf("%w: by far", kafka.ErrTooLarge))
		}
		return nil
	}
	b.process(follow("e1", 7, "2", "9"))
	got := b.in("notifications.poison")
	if len(got) != 1 || got[0].Get(record.PoisonTruncated) != "true" || got[0].Get(record.PoisonID) == "" {
		t.Errorf("%+v", got)
	}
}

// A notification that no topic takes is a permanent error, found before
// anything of the message is published.
func TestATooLargeNotificationIsPoisoned(t *testing.T) {
	b := newBench(t, strings.Replace(file, "started following you", "{data.follower_id == '2' ? data.long + data.long : ''}", 1), handler.Default())
	rec := follow("e1", 7, "2", "1")
	rec.Value = []byte(strings.Replace(string(rec.Value), `"data":{`, `"data":{"long":"`+strings.Repeat("x", 700<<10)+`",`, 1))
	b.process(rec)
	got := b.in("notifications.poison")
	if len(got) != 1 || len(b.sent) != 1 {
		t.Fatalf("%d poisoned, %d sent", len(got), len(b.sent))
	}
	if got[0].Get(record.PoisonClass) != "publish" || !strings.HasPrefix(got[0].Get(record.PoisonStep), "route ") {
		t.Errorf("class %q, step %q", got[0].Get(record.PoisonClass), got[0].Get(record.PoisonStep))
	}
}

// Claims stay with a poisoned message of which something was published: another
// event in its place would tell the person twice.
func TestClaimsStayWithWhatWasPublished(t *testing.T) {
	b := newBench(t, strings.Replace(file, "      - route:", "      - route: {topic: audit}\n      - route:", 1), handler.Default())
	b.refuse = func(rec *record.Record, _ int) error {
		if strings.HasPrefix(rec.Topic, "notifications.user.") {
			return handler.Permanent(kafka.ErrTooLarge)
		}
		return nil
	}
	b.process(follow("e1", 7, "2", "1"))
	if len(b.in("audit")) != 1 || len(b.in("notifications.poison")) != 1 {
		t.Fatalf("sent %+v", b.sent)
	}
	if held := b.claims.Held(); len(held) != 2 {
		t.Errorf("held: %v", held)
	}
	if step := b.in("notifications.poison")[0].Get(record.PoisonStep); !strings.HasSuffix(step, "kafka-notify.yaml:16") {
		t.Errorf("step %q is not the route that failed", step)
	}
}

// An event of another type in the topic says so, whatever its data.
func TestAForeignTypeIsASchemaFault(t *testing.T) {
	yaml := strings.Replace(file, "events: {", `events: {like: {key: "{data.x}"}, `, 1)
	b := newBench(t, yaml, handler.Default())
	rec := follow("e1", 7, "2", "1")
	rec.Value = []byte(strings.Replace(string(rec.Value), `"follow"`, `"like"`, 1))
	b.process(rec)
	got := b.in("notifications.poison")
	if len(got) != 1 || got[0].Get(record.PoisonClass) != "schema" || !strings.Contains(got[0].Get(record.ReasonPoisoned), `"like" stands in events.follow`) {
		t.Errorf("%+v", got)
	}
}

// A message that nothing comes out of is counted.
func TestNothingEndsUncounted(t *testing.T) {
	b := custom(t, func(context.Context) error { return nil })
	b.process(follow("e1", 7, "2", "1"))
	if _, dropped, _, _ := b.Counts(); dropped != 1 {
		t.Errorf("%d dropped", dropped)
	}
}

// The topics of all notifications of a message are ordered before the first is waited for.
func TestTopicsOfOneMessageAreOrderedTogether(t *testing.T) {
	b := newBench(t, strings.Replace(file, "      - route:", "      - route: {topic: audit}\n      - route:", 1), handler.Default())
	b.process(follow("e1", 7, "2", "1"))
	if diff := cmp.Diff([]string{"audit", "notifications.user.1"}, b.topics.ordered); diff != "" {
		t.Error(diff)
	}
}

// A deleted topic is made again; the message is tried again, not lost.
func TestADeletedDeliveryTopicIsMadeAgain(t *testing.T) {
	b := newBench(t, file, handler.Default())
	b.refuse = func(_ *record.Record, try int) error {
		if try == 1 {
			return kafka.ErrTopicMissing
		}
		return nil
	}
	b.process(follow("e1", 7, "2", "1"))
	if diff := cmp.Diff([]string{"notifications.user.1"}, b.topics.forgotten); diff != "" {
		t.Error(diff)
	}
	if n := len(b.in("notifications.user.1")); n != 1 {
		t.Errorf("%d deliveries", n)
	}
}
