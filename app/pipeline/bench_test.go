package pipeline_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

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
	t      testing.TB
	users  *handlertest.Lookup
	claims *handlertest.MemoryClaims
	topics *fakeTopics
	fakePublisher
	stall func(context.Context) error // before a claim is taken
	now   time.Time                   // the time is; zero: that of the clock
	said  bytes.Buffer                // by handlers in the log
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
	ordered   []string
	forgotten []string
}

func (f *fakeTopics) Order(topics []string)                { f.ordered = append(f.ordered, topics...) }
func (f *fakeTopics) Ensure(context.Context, string) error { return f.err }
func (f *fakeTopics) Forget(topic string)                  { f.forgotten = append(f.forgotten, topic) }

func newBench(t testing.TB, yaml string, registry *handler.Registry) *bench {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kafka-notify.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(os.LookupEnv, path)
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
	registry, faults = registry.Declare(cfg.HandlerTypes)
	if err := faults.Err(); err != nil {
		t.Fatal(err)
	}
	pipelines, faults := pipeline.Compile(cfg, pipeline.Parts{
		Registry: registry, Types: types, Lookups: map[string]handler.Lookup{"users": b.users},
		Claims: func(string) handler.Claims { return stallable{b} }, Now: b.clock,
		Log: slog.New(slog.NewTextHandler(&b.said, nil)),
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

func (b *bench) clock() time.Time {
	if b.now.IsZero() {
		return time.Now()
	}
	return b.now
}

// process takes rec through the pipeline. It must end without an error: one
// would make the stock subscriber send the record again for ever.
func (b *bench) process(rec *record.Record) *kafka.Delivery {
	b.t.Helper()
	d := &kafka.Delivery{Record: rec, Stopping: make(chan struct{})}
	if err := b.Process(b.t.Context(), d); err != nil {
		b.t.Errorf("process: %v", err)
	}
	return d
}

type step func(ctx context.Context) error

func (s step) Handle(ctx context.Context, m *handler.Message) (handler.Result, error) {
	return handler.Next(m), s(ctx)
}

// custom is a pipeline with one handler type of the test's own.
func custom(t *testing.T, work step) *bench {
	return customWith(t, work, "retry: {attempts: 2, backoff: {initial: 1ms, max: 2ms}, later: [], timeout: 50ms}")
}

// customWith is the same with policies of the test's own.
func customWith(t *testing.T, work step, policies string) *bench {
	registry := handler.NewRegistry()
	handler.Add(registry, handler.Type[struct{}]{
		Name: "work", Summary: "Works.", Example: "- work: {}",
		New: func(_ struct{}, b *handler.Build) (handler.Handler, error) { b.Delivers(nil); return work, nil },
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
`+policies, registry)
}
