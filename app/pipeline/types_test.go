package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// many tells two people of each event, each of them once in an hour.
const many = `
kafka: {embedded: {}}
store: {embedded: {}}
events: {follow: {key: "{data.followee_id}"}}
pipelines:
  follow:
    subscribe: events.follow
    handlers:
      - map: {set: {to: ["{data.followee_id}", all, "{data.follower_id}"]}, remove: [followee_id]}
      - split: {over: "{data.to}", without: "{data.follower_id}", as: person}
      - throttle: {key: "{person}", limit: 1, window: 1h}
      - log: {message: "{person} hears of {data.follower_id}"}
      - compose: {to: "{person}", text: "news"}
      - route: {topic: "notifications.user.{person}"}
retry: {attempts: 2, backoff: {initial: 1ms, max: 2ms}, later: [], timeout: 200ms}
`

func TestOneEventForMany(t *testing.T) {
	b := newBench(t, many, handler.Default())
	b.process(follow("e1", 7, "2", "1"))
	for _, person := range []string{"1", "all"} {
		got := b.in("notifications.user." + person)
		if len(got) != 1 || !strings.Contains(string(got[0].Value), `"data":{"follower_id":"2","to":["1","all","2"]}`) {
			t.Errorf("%s has %d: %+v", person, len(got), got)
		}
		line := `level=INFO msg="` + person + ` hears of 2" pipeline=follow step="log `
		if !strings.Contains(b.said.String(), line) || !strings.Contains(b.said.String(), `event_id=e1 origin=events.follow/3/7`) {
			t.Errorf("the log lacks %s:\n%s", line, &b.said)
		}
	}
	b.said.Reset()
	if got := b.Try(context.Background(), redriven("e2", "events.follow/3/8", "2", "3")); got.Outcome != "delivered" || len(got.Outputs) != 1 {
		t.Errorf("a trial: %+v", got)
	}
	if b.said.Len() > 0 {
		t.Errorf("a trial wrote into the log:\n%s", &b.said)
	}
}

// An event for thousands of people has more claims than its retry record has room for. It is tried
// again all the same, and the claims that it lets go of are free.
func TestARetryOfAnEventForThousands(t *testing.T) {
	const people = 3000
	yaml := strings.NewReplacer(`to: ["{data.followee_id}", all, "{data.follower_id}"]`, `to: "{data.to}"`, "later: []", "later: [10s]", "remove: [followee_id]", "remove: []").Replace(many)
	b := newBench(t, yaml, handler.Default())
	b.refuse = func(rec *record.Record, _ int) error {
		if strings.HasPrefix(rec.Topic, kafka.UserTopicPrefix) {
			return errors.New("not now")
		}
		return nil
	}
	rec := follow("e1", 7, "2", "1")
	ids := make([]string, people)
	for i := range ids {
		ids[i] = fmt.Sprintf(`"%040d"`, i)
	}
	rec.Value = []byte(strings.Replace(string(rec.Value), `"follower_id"`, `"to":[`+strings.Join(ids, ",")+`],"follower_id"`, 1))
	b.process(rec)
	later := b.in("notifications.retry.follow.1")
	if len(later) != 1 || len(b.in("notifications.poison")) != 0 {
		t.Fatalf("%d to be tried again, %d poisoned", len(later), len(b.in("notifications.poison")))
	}
	carried := 0
	for _, h := range later[0].Headers {
		if h.Key == record.HeaderClaim {
			carried++
		}
	}
	if limit := len(rec.Value) + 256<<10; later[0].Size() > limit || carried < 500 || carried > people {
		t.Errorf("the record has %d bytes, of at most %d, and %d claims", later[0].Size(), limit, carried)
	}
	if held := len(b.claims.Held()); held != carried {
		t.Errorf("%d claims are held, %d carried", held, carried)
	}
}

// A person's place goes to another event when that which had it is poisoned with nothing published.
func TestThrottleGivesThePlacesOfThePoisonedBack(t *testing.T) {
	b := newBench(t, many, handler.Default())
	b.refuse = func(rec *record.Record, _ int) error {
		if strings.HasPrefix(rec.Topic, kafka.UserTopicPrefix) {
			return handler.Permanent(kafka.ErrTooLarge)
		}
		return nil
	}
	b.process(follow("e1", 7, "2", "1"))
	if poison, held := b.in("notifications.poison"), b.claims.Held(); len(poison) != 1 || len(held) != 0 {
		t.Fatalf("%d poisoned, %q held", len(poison), held)
	}
	b.refuse = nil
	b.process(follow("e2", 8, "2", "1"))
	b.process(follow("e3", 9, "2", "1"))
	b.process(redriven("e1", "events.follow/3/7", "2", "1"))
	if n := len(b.in("notifications.user.1")); n != 1 {
		t.Errorf("%d deliveries", n)
	}
	// Those of e2 and, as an event's claim outlives what became of it, those of the others.
	if held := b.claims.Held(); len(held) != 5 {
		t.Errorf("held: %q", held)
	}
}
