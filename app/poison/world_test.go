package poison_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/app/record"
)

const (
	topicName   = "notifications.poison"
	actionsName = "notifications.poison.actions"
)

var topics = poison.Topics{Poison: topicName, Actions: actionsName}

// world is a cluster in memory: topics of one partition, and the two pipelines
// that read their retry topics.
type world struct {
	mu      sync.Mutex
	topics  map[string][]*record.Record
	start   int64                              // of the poison topic
	err     error                              // of reading
	epochs  map[string]int                     // of senders, by name
	shown   map[string]int64                   // of topics with a commit that nobody can read yet: how many records can be
	until   map[string]time.Time               // how long
	lag     time.Duration                      // from a commit until it can be read
	refuse  func(records []*record.Record) int // how many of a commit are written before it fails; < 0: all, without an error
	written func()                             // called after a commit, with mu held
}

func newWorld() *world {
	return &world{topics: map[string][]*record.Record{actionsName: {}}, epochs: make(map[string]int), shown: make(map[string]int64), until: make(map[string]time.Time)}
}

// visible are the records that can be read. w.mu must be held.
func (w *world) visible(topic string) []*record.Record {
	if time.Now().Before(w.until[topic]) {
		return w.topics[topic][:w.shown[topic]]
	}
	return w.topics[topic]
}

// Written implements poison.Reader.
func (w *world) Written(_ context.Context, topic string, _ int32) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return int64(len(w.topics[topic])), w.err
}

func (w *world) Bounds(_ context.Context, topic string, _ int32) (kafka.Bounds, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	records := w.visible(topic)
	if _, ok := w.topics[topic]; !ok {
		return kafka.Bounds{}, errors.Join(w.err, kafka.ErrTopicMissing)
	}
	return kafka.Bounds{Start: w.startOf(topic), End: int64(len(records))}, w.err
}

func (w *world) startOf(topic string) int64 {
	if topic == topicName {
		return w.start
	}
	return 0
}

func (w *world) Fetch(ctx context.Context, topic string, _ int32, offset int64, _ int32, wait time.Duration) (kafka.Page, error) {
	for end := time.Now().Add(wait); ; {
		w.mu.Lock()
		records, err := w.visible(topic), w.err
		if offset < w.startOf(topic) || offset > int64(len(records)) {
			err = errors.Join(err, errors.New("offset out of range"))
		}
		w.mu.Unlock()
		if last := int64(len(records)); err != nil || offset < last || !time.Now().Before(end) {
			last = min(last, offset+50)
			if err != nil {
				return kafka.Page{}, err
			}
			return kafka.Page{Records: records[offset:last], Next: last, End: int64(len(records))}, nil
		}
		select {
		case <-ctx.Done():
			return kafka.Page{}, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// append writes a record. w.mu must be held.
func (w *world) append(rec *record.Record) {
	rec = rec.Copy()
	rec.Offset = int64(len(w.topics[rec.Topic]))
	if rec.Timestamp.IsZero() {
		rec.Timestamp = time.Now()
	}
	w.topics[rec.Topic] = append(w.topics[rec.Topic], rec)
}

func (w *world) Publish(_ context.Context, records ...*record.Record) []error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, rec := range records {
		w.append(rec)
	}
	return make([]error, len(records))
}

// add puts a message into the poison topic.
func (w *world) add(headers ...string) *record.Record {
	rec := &record.Record{Topic: topicName, Key: []byte("1"), Value: []byte(`{"n":9007199254740993}`)}
	for i := 0; i < len(headers); i += 2 {
		rec.Headers = append(rec.Headers, record.Header{Key: headers[i], Value: []byte(headers[i+1])})
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	rec.Offset = int64(len(w.topics[topicName]))
	w.topics[topicName] = append(w.topics[topicName], rec)
	return rec
}

// poisoned puts messages into the poison topic that the pipeline follow gave up.
func (w *world) poisoned(ids ...string) {
	for _, id := range ids {
		rec := w.add(append(failed("follow", "lookup_missing", "no user", "f", time.Now()), record.PoisonID, id, record.TopicPoisoned, "events.follow")...)
		rec.Key = []byte(id)
	}
}

// in is what stands in a topic.
func (w *world) in(topic string) []*record.Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.topics[topic])
}

// RetryTopic implements poison.Targets.
func (*world) RetryTopic(pipeline string) (string, bool) {
	return "notifications.retry." + pipeline + ".0", pipeline == "follow" || pipeline == "message"
}

// Readers implements poison.Targets.
func (w *world) Readers(_ context.Context, topic string) ([]string, error) {
	switch {
	case strings.HasPrefix(topic, "notifications.retry."):
		return []string{"kafka-notify.follow.retry.0"}, nil
	case strings.HasPrefix(topic, "events."):
		return []string{"kafka-notify.follow", "warehouse"}, nil
	case topic == "parked":
		return []string{}, nil
	}
	return nil, fmt.Errorf("%s: %w", topic, kafka.ErrTopicMissing)
}

// Try implements poison.Targets: what holds the word bad fails.
func (*world) Try(_ context.Context, pipeline string, rec *record.Record) (action.Trial, error) {
	t := action.Trial{Pipeline: pipeline, Outcome: "delivered", Steps: []action.TrialStep{}, Outputs: []action.TrialOutput{}}
	if strings.Contains(string(rec.Value), "bad") {
		t.Outcome, t.Class, t.Reason = "failed", "schema", "bad is no word"
	}
	return t, nil
}

// Since implements poison.Cluster.
func (w *world) Since(_ context.Context, topic string, _ time.Time, visit func(*record.Record)) error {
	w.mu.Lock()
	hidden := time.Until(w.until[topic])
	w.mu.Unlock()
	time.Sleep(hidden)
	for _, rec := range w.in(topic) {
		visit(rec)
	}
	return nil
}

// Sender implements poison.Cluster.
func (w *world) Sender(_ context.Context, name string) (poison.Sender, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.epochs[name]++
	return &sender{w, name, w.epochs[name]}, nil
}

type sender struct {
	world *world
	name  string
	epoch int
}

var errLost = errors.New("the connection is lost")

func (s *sender) Commit(_ context.Context, records ...*record.Record) error {
	w := s.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.epochs[s.name] != s.epoch {
		return errors.New("fenced")
	}
	n := -1
	if w.refuse != nil {
		n = w.refuse(records)
	}
	if n%2 == 1 { // which part of a transaction is lost, nobody knows
		slices.Reverse(records)
	}
	for i, rec := range records {
		if n >= 0 && i >= n {
			return errLost
		}
		if w.lag > 0 && !time.Now().Before(w.until[rec.Topic]) {
			w.shown[rec.Topic], w.until[rec.Topic] = int64(len(w.topics[rec.Topic])), time.Now().Add(w.lag)
		}
		w.append(rec)
	}
	if n >= 0 {
		return errLost // written, and nobody was told
	}
	if w.written != nil {
		w.written()
	}
	return nil
}

func (*sender) Close() {}

// pipeline handles what stands in the retry topic of follow, each record once:
// what fails is poisoned again, and the fate of the others is told.
func (w *world) pipeline(ctx context.Context, t tb, fails func(*record.Record) bool) {
	for next := 0; ctx.Err() == nil; {
		w.mu.Lock()
		for _, rec := range w.visible("notifications.retry.follow.0")[next:] {
			next++
			round, _ := strconv.Atoi(rec.Get(record.PoisonRedrives))
			id := string(rec.Key)
			if fails(rec) {
				again := rec.Copy()
				again.Topic = topicName
				for _, name := range record.RetryHeaders {
					again.Delete(name)
				}
				headers := append(failed("follow", "lookup_missing", "still no user", "f", time.Now()), record.PoisonID, id)
				for i := 0; i < len(headers); i += 2 {
					again.Set(headers[i], headers[i+1])
				}
				w.append(again)
				continue
			}
			fate := action.Fate(action.Delivered, id, round-1, "follow", "")
			out, err := fate.Record(actionsName)
			if err != nil {
				t.Error(err)
			}
			w.append(out)
		}
		w.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(time.Millisecond):
		}
	}
}

// tb is a test, or one run of a property.
type tb interface {
	Helper()
	Cleanup(func())
	Context() context.Context
	Fatal(...any)
	Fatalf(string, ...any)
	Error(...any)
	Errorf(string, ...any)
}

// over is a console that has read what there is, and reads no further.
func over(t tb, w *world) *poison.Console {
	t.Helper()
	x := poison.NewIndex(topics, w, slog.New(slog.DiscardHandler))
	if err := x.CatchUp(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	return poison.NewConsole(x, w, w, 10)
}

// following is a console that follows the topics until the test ends.
func following(t tb, w *world) *poison.Console {
	t.Helper()
	x := poison.NewIndex(topics, w, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	var follow sync.WaitGroup
	follow.Go(func() { x.Follow(ctx, w, w) })
	t.Cleanup(func() {
		cancel()
		follow.Wait()
	})
	return poison.NewConsole(x, w, w, 10)
}

func ids(entries []poison.Entry) (list []string) {
	for _, e := range entries {
		list = append(list, e.ID)
	}
	return list
}

func failed(pipeline, class, reason, fingerprint string, at time.Time) []string {
	return []string{
		record.HandlerPoisoned, pipeline, record.PoisonClass, class, record.ReasonPoisoned, reason, record.PoisonFingerprint, fingerprint,
		record.PoisonLastFailedAt, at.UTC().Format(time.RFC3339Nano), record.PoisonAttempts, "3", record.HeaderOrigin, "events.follow/3/7",
	}
}
