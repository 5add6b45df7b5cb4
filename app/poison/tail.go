package poison

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
)

// tail reads a topic of one partition to its end, and then what is written to
// it.
type tail struct {
	topic string
	next  atomic.Int64 // offset; whoever reads, one at a time, sets it
	// add takes up records in order. forget lets go of what stood before an
	// offset; read tells that the present end was reached.
	add    func([]*record.Record)
	forget func(before int64)
	read   func()
	log    *slog.Logger
}

// pageBytes bounds one fetch.
const pageBytes = 4 << 20

// follow reads until ctx ends. It needs a reader of its own: a request that
// waits for records holds up those behind it on its connection.
func (t *tail) follow(ctx context.Context, r kafka.Reader) {
	wait := time.Duration(0)
	for ctx.Err() == nil {
		begun := time.Now()
		err := t.readOn(ctx, r)
		if ctx.Err() != nil {
			return
		}
		if !errors.Is(err, kafka.ErrTopicMissing) {
			t.log.Warn("the index of poisoned messages is out of date: a topic can't be read", "topic", t.topic, "error", err)
		}
		if time.Since(begun) > time.Minute {
			wait = 0
		}
		wait = min(wait+100*time.Millisecond, 5*time.Second)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// readOn reads the topic to its end, and then what comes, until an error. Once a
// minute it looks what retention has taken.
func (t *tail) readOn(ctx context.Context, r kafka.Reader) error {
	for {
		if err := t.catchUp(ctx, r); err != nil {
			return err
		}
		for looked := time.Now(); time.Since(looked) < time.Minute; {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := t.fetch(ctx, r, time.Second); err != nil {
				return err
			}
		}
	}
}

// catchUp reads the topic to its present end.
func (t *tail) catchUp(ctx context.Context, r kafka.Reader) error {
	bounds, err := r.Bounds(ctx, t.topic, 0)
	if err != nil && !errors.Is(err, kafka.ErrTopicMissing) {
		return err
	}
	if bounds.End < t.next.Load() { // the topic was deleted, or made anew
		t.next.Store(0)
		t.forget(math.MaxInt64)
	}
	t.next.Store(max(t.next.Load(), bounds.Start))
	t.forget(bounds.Start)
	for t.next.Load() < bounds.End {
		from := t.next.Load()
		if err := t.fetch(ctx, r, 0); err != nil {
			return err
		}
		if t.next.Load() == from {
			break // what is left is no record
		}
	}
	t.read()
	return nil
}

// fetch takes up one page, for which it waits so long at the most.
func (t *tail) fetch(ctx context.Context, r kafka.Reader, wait time.Duration) error {
	page, err := r.Fetch(ctx, t.topic, 0, t.next.Load(), pageBytes, wait)
	if err != nil {
		return err
	}
	if len(page.Records) > 0 {
		t.add(page.Records)
	}
	t.next.Store(page.Next)
	return nil
}
