package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// An error that may heal takes its attempts in place, then a tier at a time.
func TestHealingErrorsTakeAttemptsThenTiers(t *testing.T) {
	b := newBench(t, file, handler.Default())
	b.users.Err = errors.New("the service is down")
	rec := follow("e1", 7, "2", "1")
	for tier, due := range []string{"2026-01-02T15:04:15Z", "2026-01-02T15:05:05Z"} {
		b.process(rec)
		hops := b.in("notifications.retry.follow.")
		if len(hops) != tier+1 {
			t.Fatalf("%d records in tiers", len(hops))
		}
		rec = hops[tier]
		got := []string{rec.Topic, rec.Get(record.HeaderRetryDue), rec.Get(record.HeaderAttempts), rec.Get(record.HeaderOrigin)}
		want := []string{fmt.Sprint("notifications.retry.follow.", tier+1), due, fmt.Sprint(3 * (tier + 1)), "events.follow/3/7"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		rec.Delete(record.HeaderRetryDue) // due now
	}
	b.process(rec)
	poison := b.in("notifications.poison")
	if len(poison) != 1 || poison[0].Get(record.PoisonAttempts) != "9" || poison[0].Get(record.PoisonClass) != "lookup_unavailable" {
		t.Fatalf("poison %+v", poison)
	}
	for _, name := range record.RetryHeaders {
		if v := poison[0].Get(name); v != "" {
			t.Errorf("header %s = %q is left over", name, v)
		}
	}
}

// A message that pauses before it is tried again holds up no transaction; one
// that needs no second attempt is waited for.
func TestAMessageThatIsTriedAgainIsLate(t *testing.T) {
	b := newBench(t, file, handler.Default())
	for _, fails := range []bool{false, true} {
		if fails {
			b.users.Err = errors.New("the service is down")
		}
		var tx transaction
		if err := b.Process(t.Context(), kafka.NewDelivery(follow("e1", 7, "2", "1"), make(chan struct{}), &tx)); err != nil {
			t.Fatal(err)
		}
		if tx.late != fails {
			t.Errorf("it fails: %v, it is late: %v", fails, tx.late)
		}
	}
}

// A retry record waits until it is due, and gives way when the service stops.
func TestARetryWaitsUntilItIsDue(t *testing.T) {
	b := newBench(t, file, handler.Default())
	rec := follow("e1", 0, "2", "1")
	rec.Topic = pipeline.RetryTopic("follow", 1)
	rec.Set(record.HeaderOrigin, "events.follow/3/7")
	rec.Set(record.HeaderRetryDue, b.now.Add(80*time.Millisecond).Format(time.RFC3339Nano))
	start := time.Now()
	b.process(rec)
	if took := time.Since(start); took < 80*time.Millisecond {
		t.Errorf("tried after %v, too early", took)
	}
	if n := len(b.in("notifications.user.1")); n != 1 {
		t.Errorf("%d deliveries", n)
	}

	rec.Set(record.HeaderRetryDue, b.now.Add(time.Hour).Format(time.RFC3339Nano))
	stopping := make(chan struct{})
	time.AfterFunc(20*time.Millisecond, func() { close(stopping) })
	d := &kafka.Delivery{Record: rec, Stopping: stopping}
	if err := b.Process(t.Context(), d); err != nil || !d.Abandoned() {
		t.Errorf("error %v, abandoned %v", err, d.Abandoned())
	}
}

// What a message claimed before it took a tier is given back when it is poisoned
// before it comes to the handler that claimed it, and when it is no event any more.
func TestClaimsOfEarlierTiersAreGivenBack(t *testing.T) {
	for name, fail := range map[string]func(*bench, *record.Record){
		"before deduplicate": func(b *bench, _ *record.Record) { b.users.Records = nil },
		"before it is read":  func(_ *bench, rec *record.Record) { rec.Value = []byte("{}") },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, file, handler.Default())
			b.refuse = func(rec *record.Record, _ int) error {
				if strings.HasPrefix(rec.Topic, kafka.UserTopicPrefix) {
					return errors.New("not now")
				}
				return nil
			}
			b.process(follow("e1", 7, "2", "1"))
			hops := b.in("notifications.retry.follow.1")
			if len(hops) != 1 || len(b.claims.Held()) != 2 {
				t.Fatalf("%d hops, %q held", len(hops), b.claims.Held())
			}
			fail(b, hops[0])
			hops[0].Delete(record.HeaderRetryDue) // due now
			b.process(hops[0])
			poison := b.in("notifications.poison")
			if held := b.claims.Held(); len(poison) != 1 || len(held) != 0 {
				t.Errorf("%d poisoned, %q held", len(poison), held)
			}
			if left := poison[0].Get(record.HeaderClaim); left != "" {
				t.Errorf("header %s = %q is left over", record.HeaderClaim, left)
			}
		})
	}
}

func TestAPanicIsPoisonedWithABoundedStack(t *testing.T) {
	b := custom(t, func(context.Context) error { panic("no such thing\nat all " + strings.Repeat("x", 5000)) })
	b.process(follow("e1", 7, "2", "1"))
	got := b.in("notifications.poison")
	if len(got) != 1 {
		t.Fatalf("%d poisoned", len(got))
	}
	reason := got[0].Get(record.ReasonPoisoned)
	if !strings.HasPrefix(reason, "panic: no such thing at all") || len(reason) > 1024 || strings.ContainsAny(reason, "\n\t") {
		t.Errorf("reason %q", reason)
	}
	if got[0].Get(record.PoisonClass) != "panic" || !strings.HasPrefix(got[0].Get(record.PoisonStep), "work ") {
		t.Errorf("class %q, step %q", got[0].Get(record.PoisonClass), got[0].Get(record.PoisonStep))
	}
	if got[0].Get(record.PoisonAttempts) != "2" {
		t.Errorf("attempts %q", got[0].Get(record.PoisonAttempts))
	}
}

func TestAPanicNamesItsInnermostFrames(t *testing.T) {
	b := custom(t, func(context.Context) error { panic("oh") })
	b.process(follow("e1", 7, "2", "1"))
	reason := b.in("notifications.poison")[0].Get(record.ReasonPoisoned)
	if !strings.Contains(reason, "TestAPanicNamesItsInnermostFrames") {
		t.Errorf("reason %q", reason)
	}
}

// Each attempt has the whole timeout for itself.
func TestATimeoutCostsOneAttempt(t *testing.T) {
	tries := 0
	b := custom(t, func(ctx context.Context) error {
		if tries++; tries == 1 {
			<-ctx.Done()
		}
		return ctx.Err()
	})
	b.process(follow("e1", 7, "2", "1"))
	if len(b.in("notifications.poison")) != 0 || tries != 2 {
		t.Errorf("poisoned %d, tries %d", len(b.in("notifications.poison")), tries)
	}

	b = custom(t, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	b.process(follow("e1", 7, "2", "1"))
	if got := b.in("notifications.poison"); len(got) != 1 || got[0].Get(record.PoisonClass) != "timeout" {
		t.Errorf("poison %+v", got)
	}
}

func TestFingerprintsIgnoreWhatVaries(t *testing.T) {
	same := []string{
		`lookup users has no record with the key "9"`,
		`lookup users has no record with the key "10 or so"`,
	}
	other := `lookup users answered with status`
	a, b := pipeline.Fingerprint("p", "c", "s", same[0]), pipeline.Fingerprint("p", "c", "s", same[1])
	if a != b {
		t.Errorf("%s and %s differ", a, b)
	}
	if pipeline.Fingerprint("p", "c", "s", other) == a || pipeline.Fingerprint("p2", "c", "s", same[0]) == a {
		t.Error("different causes have one fingerprint")
	}
	hosts := [2]string{
		pipeline.Fingerprint("p", "c", "s", "dial tcp 10.0.0.1:8080: host users-1.internal:80 id 6f1d6c1e-3a6b-5c0e-9d0a-8f4e2b7c51d3"),
		pipeline.Fingerprint("p", "c", "s", "dial tcp 10.1.2.3:9090: host users-22.internal:81 id 00000000-3a6b-5c0e-9d0a-8f4e2b7c51d3"),
	}
	if hosts[0] != hosts[1] {
		t.Errorf("hosts and ids count: %v", hosts)
	}
}

func TestRetryTopicNames(t *testing.T) {
	for topic, want := range map[string]struct {
		id   string
		tier int
		ok   bool
	}{
		"notifications.retry.follow.0":     {"follow", 0, true},
		"notifications.retry.a.b-c.12":     {"a.b-c", 12, true},
		"notifications.retry.follow":       {"", 0, false},
		"notifications.retry.follow.-1":    {"follow", -1, false},
		"notifications.retry.follow.later": {"follow", 0, false},
		"events.follow.1":                  {"", 0, false},
	} {
		id, tier, ok := pipeline.ParseRetryTopic(topic)
		if ok != want.ok || (ok && (id != want.id || tier != want.tier)) {
			t.Errorf("%s: %q %d %v", topic, id, tier, ok)
		}
	}
}
