package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// redriven is what an operator sends back.
func redriven(id string, origin string, follower, followee string) *record.Record {
	rec := follow(id, 40, follower, followee)
	rec.Topic = pipeline.RetryTopic("follow", 0)
	rec.Set(record.HeaderOrigin, origin)
	rec.Set(record.PoisonRedrives, "2")
	return rec
}

// What became of a redriven message stands in the actions topic; of other
// messages, and of one that fails again, nothing does.
func TestFates(t *testing.T) {
	b := newBench(t, file, handler.Default())
	b.process(follow("e0", 7, "2", "1"))
	b.process(redriven("e1", "events.follow/3/8", "3", "1"))
	b.process(redriven("e2", "events.follow/3/9", "3", "1"))  // the same pair
	b.process(redriven("e0", "events.follow/3/10", "4", "1")) // the same event id
	b.process(redriven("e4", "events.follow/3/11", "9", "1")) // nobody
	var got []string
	for _, rec := range b.in("notifications.poison.actions") {
		a, err := action.Parse(rec)
		if err != nil {
			t.Fatal(err)
		}
		if want := pipeline.PoisonID(handler.Origin{Topic: "events.follow", Partition: 3, Offset: int64(8 + len(got))}, "follow"); a.Message != want || a.Round != 1 {
			t.Errorf("it tells of %s, round %d; want %s, 1", a.Message, a.Round, want)
		}
		got = append(got, string(a.Kind))
	}
	if diff := cmp.Diff([]string{"delivered", "superseded", "superseded"}, got); diff != "" {
		t.Error(diff)
	}
	if n := len(b.in("notifications.poison")) - len(got); n != 1 {
		t.Errorf("%d were poisoned", n)
	}
}

// A fate that can't be written down fails no message.
func TestAFateThatIsRefused(t *testing.T) {
	b := newBench(t, file, handler.Default())
	b.refuse = func(rec *record.Record, _ int) error {
		if strings.HasSuffix(rec.Topic, ".actions") {
			return handler.Permanent(errors.New("not allowed"))
		}
		return nil
	}
	b.process(redriven("e1", "events.follow/3/8", "3", "1"))
	if n := len(b.in("notifications.user.1")); n != 1 {
		t.Errorf("%d deliveries", n)
	}
}

// A trial says what would become of a message, and does nothing.
func TestTrial(t *testing.T) {
	b := newBench(t, file, handler.Default())
	b.process(follow("e0", 7, "2", "1"))
	before := len(b.in(""))
	for _, tt := range []struct {
		name    string
		rec     *record.Record
		outcome string
		class   string
		did     []string
	}{
		{"delivered", redriven("e1", "events.follow/3/8", "3", "1"), "delivered", "", []string{
			"passes it on", "passes it on", "passes it on", "routes it to notifications.user.1",
		}},
		{"the same pair", redriven("e2", "events.follow/3/9", "2", "1"), "superseded", "", []string{"passes it on", "drops it: duplicate"}},
		{"the same event", redriven("e0", "events.follow/3/9", "2", "1"), "superseded", "", nil},
		{"nobody", redriven("e3", "events.follow/3/9", "9", "1"), "failed", "lookup_missing", []string{
			`fails: actor: lookup users has no record with the key "9"`,
		}},
		{"no event", &record.Record{Topic: pipeline.RetryTopic("follow", 0), Value: []byte("{")}, "failed", "decode", nil},
	} {
		got := b.Try(context.Background(), tt.rec)
		var did []string
		for _, s := range got.Steps {
			did = append(did, s.Did)
		}
		if got.Outcome != tt.outcome || got.Class != tt.class || !cmp.Equal(tt.did, did) {
			t.Errorf("%s: %s %s, steps %q; reason %s", tt.name, got.Outcome, got.Class, did, got.Reason)
		}
	}
	trial := b.Try(context.Background(), redriven("e1", "events.follow/3/8", "3", "1"))
	if diff := cmp.Diff(map[string]any{"id": "3", "name": "Rick"}, trial.Steps[0].Values["actor"]); diff != "" {
		t.Errorf("a step shows (-want +got):\n%s", diff)
	}
	if len(trial.Outputs) != 1 || trial.Outputs[0].Notification.Text != "Rick started following you." || trial.Steps[2].Text == "" {
		t.Errorf("outputs %+v, steps %+v", trial.Outputs, trial.Steps)
	}
	if after := len(b.in("")); after != before {
		t.Errorf("%d records were published", after-before)
	}
	if _, _, _, poisoned := b.Counts(); poisoned != 0 {
		t.Errorf("%d were counted as poisoned", poisoned)
	}
	b.process(follow("e2", 9, "3", "1")) // no claim was taken
	if n := len(b.in("notifications.user.1")); n != 2 {
		t.Errorf("%d deliveries", n)
	}
}
