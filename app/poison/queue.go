package poison

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
)

// Publisher sends one record and returns once all in-sync replicas have it.
type Publisher interface {
	Publish(ctx context.Context, rec *record.Record) error
}

// Queue is the poison topic: read newest first by direct fetches, with nothing
// kept in memory.
type Queue struct {
	topic     string
	reader    kafka.Reader
	publisher Publisher
	// retryTopic is the topic that a pipeline's redrives go to, by the name
	// the pipeline has in the poison record; false for one that doesn't run.
	retryTopic func(pipeline string) (string, bool)
}

// NewQueue reads topic and sends back through the topics that retryTopic names.
func NewQueue(topic string, r kafka.Reader, p Publisher, retryTopic func(pipeline string) (string, bool)) *Queue {
	return &Queue{topic: topic, reader: r, publisher: p, retryTopic: retryTopic}
}

const (
	// step is how many offsets one fetch goes back.
	step = 200
	// lookAhead is how many newer records are read along with a page, to leave
	// out those that were written again there.
	lookAhead = 500
)

// List returns at most q.Limit entries, newest first, and the cursor of the
// page after, "" at the end. Of a message poisoned more than once the newest
// entry counts. A *kafka.CursorError is the caller's fault.
func (b *Queue) List(ctx context.Context, q Query) (entries []Entry, next string, err error) {
	bounds, err := b.reader.Bounds(ctx, b.topic, 0)
	if errors.Is(err, kafka.ErrTopicMissing) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	end, err := kafka.ParseCursor(q.Cursor, bounds.End)
	if err != nil {
		return nil, "", err
	}
	newer, err := kafka.ReadRange(ctx, b.reader, b.topic, end, min(bounds.End, end+lookAhead))
	if err != nil {
		return nil, "", err
	}
	seen := make(map[string]bool)
	for _, r := range newer {
		seen[idOf(r)] = true
	}
	err = b.back(ctx, bounds.Start, end, func(r *record.Record) bool {
		end = r.Offset
		if id := idOf(r); !seen[id] {
			seen[id] = true
			if e := entryOf(r); q.matches(&e) {
				entries = append(entries, e)
			}
		}
		return len(entries) < q.Limit
	})
	if err != nil {
		return nil, "", err
	}
	if len(entries) == q.Limit && end > bounds.Start {
		next = kafka.FormatCursor(end)
	}
	return entries, next, nil
}

func (q Query) matches(e *Entry) bool {
	return (q.Pipeline == "" || e.Pipeline == q.Pipeline) && (q.Class == "" || e.Class == q.Class)
}

// Get returns the newest entry of that id.
func (b *Queue) Get(ctx context.Context, id string) (entry Entry, found bool, err error) {
	r, err := b.find(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return Entry{}, false, nil
	case err != nil:
		return Entry{}, false, err
	}
	return entryOf(r), true, nil
}

func (b *Queue) find(ctx context.Context, id string) (found *record.Record, err error) {
	bounds, err := b.reader.Bounds(ctx, b.topic, 0)
	if errors.Is(err, kafka.ErrTopicMissing) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	err = b.back(ctx, bounds.Start, bounds.End, func(r *record.Record) bool {
		if idOf(r) == id {
			found = r
		}
		return found == nil
	})
	if err == nil && found == nil {
		err = fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return found, err
}

// back visits the records before end, newest first, until visit returns false.
func (b *Queue) back(ctx context.Context, start, end int64, visit func(*record.Record) bool) error {
	for end > start {
		from := max(start, end-step)
		records, err := kafka.ReadRange(ctx, b.reader, b.topic, from, end)
		if err != nil {
			return err
		}
		for i := len(records) - 1; i >= 0; i-- {
			if !visit(records[i]) {
				return nil
			}
		}
		end = from
	}
	return nil
}

// Redrive sends the entry back to the pipeline that gave it up, through that
// pipeline's own retry topic, so that nobody else gets it again. Its origin
// stays, so deduplication lets it pass. Errors: ErrNotFound, *RefusedError.
func (b *Queue) Redrive(ctx context.Context, id string) (Receipt, error) {
	r, err := b.find(ctx, id)
	if err != nil {
		return Receipt{}, err
	}
	e := entryOf(r)
	if e.Truncated {
		return Receipt{}, &RefusedError{Reason: "the broker refused the message's value as too large, so it is not in the poison topic; submit the event again"}
	}
	if r.Get(record.HeaderOrigin) == "" {
		return Receipt{}, &RefusedError{Reason: "the record carries no origin: another program wrote it"}
	}
	topic, ok := b.retryTopic(e.Pipeline)
	if !ok {
		return Receipt{}, &RefusedError{Reason: fmt.Sprintf("no pipeline %q runs here; put it back into the configuration first", e.Pipeline)}
	}
	back := r.Copy()
	back.Topic = topic
	for _, name := range record.PoisonHeaders {
		if name != record.PoisonFirstFailedAt {
			back.Delete(name)
		}
	}
	back.Set(record.PoisonRedrives, strconv.Itoa(e.Redrives+1))
	back.Set(record.HeaderRetryTier, "0")
	back.Set(record.HeaderRetryDue, time.Now().UTC().Format(time.RFC3339Nano))
	back.Set(record.HeaderAttempts, "0")
	if err := b.publisher.Publish(ctx, back); err != nil {
		return Receipt{}, fmt.Errorf("send %s back to %s: %w", id, topic, err)
	}
	return Receipt{ID: e.ID, Pipeline: e.Pipeline, Topic: topic, Redrives: e.Redrives + 1}, nil
}
