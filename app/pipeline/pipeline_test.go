package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/config"
	_ "github.com/trieungochai/kafka-notify/handlers"
	"github.com/trieungochai/kafka-notify/handlers/handler"
	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const file = `
kafka: {embedded: {}}
store: {embedded: {}}
lookups: {users: {file: users.yaml}}
events: {follow: {key: "{data.followee_id}"}}
pipelines:
  follow:
    subscribe: events.follow
    handlers:
      - enrich:
          actor:     {lookup: users, key: "{data.follower_id}"}
          recipient: {lookup: users, key: "{data.followee_id}"}
      - deduplicate: {key: "{actor.id} follows {recipient.id}", window: 24h}
      - compose: {to: "{recipient.id}", text: "{actor.name} started following you."}
      - route: {topic: "notifications.user.{recipient.id}"}
retry: {attempts: 3, backoff: {initial: 1ms, max: 2ms}, later: [10s, 1m], timeout: 200ms}
`

// bench is a pipeline with everything around it faked but its own middleware.
type bench struct {
	*pipeline.Pipeline
	t      *testing.T
	users  *handlertest.Lookup
	claims *handlertest.MemoryClaims
	topics *fakeTopics
	fakePublisher
	stall func(context.Context) error // before a claim is taken
	now   time.Time
}

// fakePublisher keeps what is published; refuse may refuse it.
type fakePublisher struct {
	mu     sync.Mutex
	sent   []*record.Record
	refuse func(rec *record.Record, try int) error
	tries  int
}

func (f *fakePublisher) Publish(_ context.Context, rec *record.Record) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries++
	if f.refuse != nil {
		if err := f.refuse(rec, f.tries); err != nil {
			return err
		}
	}
	f.sent = append(f.sent, rec.Copy())
	return nil
}

// in are the records sent to topics that begin with prefix.
func (f *fakePublisher) in(prefix string) (found []*record.Record) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.sent {
		if strings.HasPrefix(r.Topic, prefix) {
			found = append(found, r)
		}
	}
	return found
}

type fakeTopics struct {
	err       error
	forgotten []string
}

func (f *fakeTopics) Ensure(context.Context, string) error { return f.err }
func (f *fakeTopics) Forget(topic string)                  { f.forgotten = append(f.forgotten, topic) }

func newBench(t *testing.T, yaml string, registry *handler.Registry) *bench {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kafka-notify.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	types, faults := event.Compile(cfg.Events)
	if err := faults.Err(); err != nil {
		t.Fatal(err)
	}
	b := &bench{
		t: t, users: handlertest.Users(), claims: handlertest.NewClaims(), topics: new(fakeTopics),
		now: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC),
	}
	pipelines, faults := pipeline.Compile(cfg, pipeline.Parts{
		Registry: registry, Types: types, Lookups: map[string]handler.Lookup{"users": b.users},
		Claims: func(string) handler.Claims { return stallable{b} }, Now: func() time.Time { return b.now },
	})
	if err := faults.Err(); err != nil {
		t.Fatal(err)
	}
	b.Pipeline = pipelines[0]
	b.Wire(&b.fakePublisher, b.topics)
	return b
}

func follow(id string, offset int64, follower, followee string) *record.Record {
	value := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/s","type":"follow","data":{"follower_id":%q,"followee_id":%q}}`,
		id, follower, followee)
	return &record.Record{
		Topic: "events.follow", Partition: 3, Offset: offset, Key: []byte(followee), Value: []byte(value),
		Timestamp: time.Date(2026, 1, 2, 15, 4, 4, 0, time.UTC),
		Headers:   []record.Header{{Key: "x", Value: []byte("1")}, {Key: "x", Value: []byte("2")}},
	}
}

// process takes rec through the pipeline. It must end without an error: one
// would make the stock subscriber send the record again for ever.
func (b *bench) process(rec *record.Record) *kafka.Delivery {
	b.t.Helper()
	d := &kafka.Delivery{Record: rec, Stopping: make(chan struct{})}
	if err := b.Process(b.t.Context(), d); err != nil {
		b.t.Fatalf("process: %v", err)
	}
	return d
}

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

// An outage of broker or store uses up neither attempts nor tiers.
func TestAnOutageIsNoFailureOfTheMessage(t *testing.T) {
	b := newBench(t, file, handler.Default())
	b.refuse = func(_ *record.Record, try int) error {
		if try <= 5 {
			return handler.Unavailable(errors.New("no broker"))
		}
		return nil
	}
	b.process(follow("e1", 7, "2", "1"))
	if n := len(b.in("notifications.user.")); n != 1 {
		t.Errorf("%d deliveries", n)
	}
	if _, _, retried, poisoned := b.Counts(); retried+poisoned != 0 {
		t.Errorf("%d retried, %d poisoned", retried, poisoned)
	}
}

// Stopping amid an outage abandons the message: nothing is written anywhere.
func TestStoppingIsNotFailing(t *testing.T) {
	for name, fail := range map[string]func(*bench){
		"broker away": func(b *bench) {
			b.refuse = func(*record.Record, int) error { return handler.Unavailable(errors.New("no broker")) }
		},
		"store away": func(b *bench) { b.claims.Err = handler.Unavailable(errors.New("no store")) },
		"poison topic refused": func(b *bench) {
			b.users.Records = nil
			b.refuse = func(*record.Record, int) error { return errors.New("not authorized") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, file, handler.Default())
			fail(b)
			stopping := make(chan struct{})
			d := &kafka.Delivery{Record: follow("e1", 7, "2", "1"), Stopping: stopping}
			time.AfterFunc(50*time.Millisecond, func() { close(stopping) })
			if err := b.Process(t.Context(), d); err != nil || !d.Abandoned() {
				t.Errorf("error %v, abandoned %v", err, d.Abandoned())
			}
			if len(b.sent) != 0 {
				t.Errorf("written: %+v", b.sent)
			}
		})
	}
}

// Work that a revocation cuts short is abandoned, not poisoned.
func TestACancelledContextPoisonsNothing(t *testing.T) {
	b := newBench(t, file, handler.Default())
	ctx, cancel := context.WithCancel(t.Context())
	b.users.Slow = true
	b.users.Before = func(ctx context.Context, _ string) error { cancel(); <-ctx.Done(); return ctx.Err() }
	d := &kafka.Delivery{Record: follow("e1", 7, "2", "1"), Stopping: make(chan struct{})}
	if err := b.Process(ctx, d); err != nil || !d.Abandoned() || len(b.sent) != 0 {
		t.Errorf("error %v, abandoned %v, sent %v", err, d.Abandoned(), b.sent)
	}
}

// A message that arrives while the pipeline stops is not begun.
func TestNothingBeginsWhileStopping(t *testing.T) {
	b := newBench(t, file, handler.Default())
	stopping := make(chan struct{})
	close(stopping)
	d := &kafka.Delivery{Record: follow("e1", 7, "2", "1"), Stopping: stopping}
	if err := b.Process(t.Context(), d); err != nil || !d.Abandoned() || len(b.users.Asked()) != 0 {
		t.Errorf("error %v, abandoned %v, asked %v", err, d.Abandoned(), b.users.Asked())
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

// Publishing many outputs may take longer than an attempt may: that is no
// outage, and sends nothing twice.
func TestSlowPublishingIsNoOutage(t *testing.T) {
	routes := strings.Repeat("      - route: {topic: audit}\n", 5)
	b := newBench(t, strings.Replace(file, "      - route:", routes+"      - route:", 1), handler.Default())
	b.refuse = func(_ *record.Record, try int) error {
		time.Sleep(60 * time.Millisecond) // six of them; an attempt has 200 ms
		if try == 4 {
			return handler.Unavailable(errors.New("no broker"))
		}
		return nil
	}
	b.process(follow("e1", 7, "2", "1"))
	if len(b.in("audit")) != 5 || len(b.in("notifications.user.1")) != 1 || b.tries != 7 {
		t.Errorf("%d and %d delivered in %d tries", len(b.in("audit")), len(b.in("notifications.user.1")), b.tries)
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

// While the service stops, no further attempt is begun.
func TestNoAttemptBeginsWhileStopping(t *testing.T) {
	stopping := make(chan struct{})
	tries := 0
	b := custom(t, func(context.Context) error {
		if tries++; tries == 1 {
			close(stopping)
		}
		return errors.New("may heal")
	})
	d := &kafka.Delivery{Record: follow("e1", 7, "2", "1"), Stopping: stopping}
	if err := b.Process(t.Context(), d); err != nil || !d.Abandoned() || tries != 1 || len(b.sent) != 0 {
		t.Errorf("error %v, abandoned %v, %d tries, sent %v", err, d.Abandoned(), tries, b.sent)
	}
}

// A stalled store is an outage too: it uses up no attempt.
func TestAStalledStoreIsAnOutage(t *testing.T) {
	b := newBench(t, file, handler.Default())
	stalls := 2
	b.stall = func(ctx context.Context) error {
		if stalls--; stalls >= 0 {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
	b.process(follow("e1", 7, "2", "1"))
	if _, _, retried, poisoned := b.Counts(); retried+poisoned != 0 || len(b.in("notifications.user.1")) != 1 {
		t.Errorf("%d retried, %d poisoned, %d delivered", retried, poisoned, len(b.in("notifications.user.1")))
	}
}

// stallable is a store of claims that can stall.
type stallable struct{ b *bench }

func (s stallable) Take(ctx context.Context, key string, by handler.Claim) (handler.Verdict, error) {
	if s.b.stall != nil {
		if err := s.b.stall(ctx); err != nil {
			return 0, err
		}
	}
	return s.b.claims.Take(ctx, key, by)
}

func (s stallable) Release(ctx context.Context, key string, origin handler.Origin) error {
	return s.b.claims.Release(ctx, key, origin)
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

type step func(ctx context.Context) error

func (s step) Handle(ctx context.Context, m *handler.Message) (handler.Result, error) {
	return handler.Next(m), s(ctx)
}

// custom is a pipeline with one handler type of the test's own.
func custom(t *testing.T, work step) *bench {
	registry := handler.NewRegistry()
	handler.Add(registry, handler.Type[struct{}]{
		Name: "work", Summary: "Works.", Example: "- work: {}",
		New: func(_ struct{}, b *handler.Build) (handler.Handler, error) { b.Delivers(); return work, nil },
	})
	return newBench(t, `
kafka: {embedded: {}}
store: {embedded: {}}
events: {follow: {key: "{data.followee_id}"}}
pipelines:
  follow:
    subscribe: events.follow
    handlers:
      - work: {}
retry: {attempts: 2, backoff: {initial: 1ms, max: 2ms}, later: [], timeout: 50ms}
`, registry)
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
