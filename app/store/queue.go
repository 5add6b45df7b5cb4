package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// maxBatch is how many requests share one batch at most, and how many may wait
// for the next one before callers wait themselves.
const maxBatch = 512

// request asks for a change of the entry of one key.
type request struct {
	ctx context.Context
	id  []byte
	// revise says what becomes of the entry that is held. A database may ask
	// it again, when the entry has changed meanwhile.
	revise func(held entry, now time.Time) change

	state atomic.Int32

	// verdict and err are the answer, there once done is closed.
	verdict handler.Verdict
	err     error
	done    chan struct{}
}

// The states of a request. Who brings it from waiting to one of the others
// decides whether it is carried out.
const (
	waiting int32 = iota
	begun         // by a worker: it will be answered
	left          // by its caller: nothing was done and nothing will be
)

// change is what becomes of an entry. An entry left without marks is deleted.
type change struct {
	verdict handler.Verdict
	write   bool
	entry   entry
}

// do has the entry under id changed and waits until that is written. An error
// of ctx means that nothing was changed: what a worker has begun is waited for,
// or a claim could be held by a message that doesn't know it.
func (s *Store) do(ctx context.Context, id []byte, revise func(entry, time.Time) change) (handler.Verdict, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	r := &request{ctx: ctx, id: id, revise: revise, done: make(chan struct{})}
	if err := s.send(r); err != nil {
		return 0, err
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.state.CompareAndSwap(waiting, left) {
			return 0, tooLate(ctx)
		}
		<-r.done
	}
	return r.verdict, r.err
}

// send puts a request into the queue.
func (s *Store) send(r *request) error {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return handler.Unavailable(errClosed)
	}
	select {
	case s.queue <- r:
		return nil
	case <-r.ctx.Done():
		return tooLate(r.ctx)
	}
}

// tooLate is the error of a request that wasn't begun before its ctx ended. A
// deadline that passes in the queue is no fault of the message: the store is
// slower than it should be, or out of reach.
func tooLate(ctx context.Context) error {
	err := ctx.Err()
	if errors.Is(err, context.DeadlineExceeded) {
		return handler.Unavailable(fmt.Errorf("the store had no time before the deadline: %w", err))
	}
	return err
}

// work has requests carried out until Close, all that wait in one batch.
func (s *Store) work() {
	batch := make([]*request, 0, maxBatch)
	for first := range s.queue {
		batch = s.gather(first.begin(batch[:0]))
		if len(batch) > 0 {
			s.db.commit(batch, s.now())
		}
		for _, r := range batch {
			close(r.done)
		}
		clear(batch)
	}
}

// gather adds to a batch what waits in the queue by now.
func (s *Store) gather(batch []*request) []*request {
	for len(batch) < maxBatch {
		select {
		case r, open := <-s.queue:
			if !open {
				return batch
			}
			batch = r.begin(batch)
		default:
			return batch
		}
	}
	return batch
}

// begin appends the request to a batch, unless its caller is gone.
func (r *request) begin(batch []*request) []*request {
	if r.state.CompareAndSwap(waiting, begun) {
		batch = append(batch, r)
	}
	return batch
}
