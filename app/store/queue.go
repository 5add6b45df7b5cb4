package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// maxBatch is how many requests share one batch at most.
const maxBatch = 512

// request asks for a change of the entry of one key. It is used again for
// another one once its caller has the answer.
type request struct {
	id []byte
	// revise says what becomes of the entry that is held. A database may ask
	// it again, when the entry has changed meanwhile.
	revise func(held entry, now time.Time) change

	// verdict and err are the answer, there once done tells so.
	verdict handler.Verdict
	err     error
	done    chan struct{}
}

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
	r := s.newRequest(id, revise)
	if !s.queue.put(r) {
		return 0, handler.Unavailable(errClosed)
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if s.queue.leave(r) {
			return 0, tooLate(ctx)
		}
		<-r.done
	}
	verdict, err := r.verdict, r.err
	s.used.Put(r)
	return verdict, err
}

// newRequest returns a request, a used one if there is one. It keeps a copy of
// id, so that callers need no memory of their own for it.
func (s *Store) newRequest(id []byte, revise func(entry, time.Time) change) *request {
	r, ok := s.used.Get().(*request)
	if !ok {
		r = &request{done: make(chan struct{}, 1)}
	}
	*r = request{id: append(r.id[:0], id...), revise: revise, done: r.done}
	return r
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
	for batch = s.queue.take(batch); len(batch) > 0; batch = s.queue.take(batch[:0]) {
		s.db.commit(batch, s.now())
		for _, r := range batch {
			r.done <- struct{}{}
		}
		clear(batch)
		// Those who have just been answered come back with their next request
		// if they are let: a batch costs less than waking up for each.
		runtime.Gosched()
	}
}

// queue holds the requests that no worker has begun. Each belongs to a caller
// who waits for it, so there are never more of them than callers.
type queue struct {
	mu      sync.Mutex
	filled  sync.Cond
	waiting []*request
	closed  bool
}

// put appends a request, unless the queue is closed.
func (q *queue) put(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.waiting = append(q.waiting, r)
	q.filled.Signal()
	return true
}

// take moves what waits into an empty batch, as far as it fits, and waits until
// there is something. From then on it is begun: it will be answered. An empty
// batch means that the queue is closed.
func (q *queue) take(batch []*request) []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) == 0 && !q.closed {
		q.filled.Wait()
	}
	n := min(len(q.waiting), maxBatch)
	batch = append(batch, q.waiting[:n]...)
	q.waiting = slices.Delete(q.waiting, 0, n)
	return batch
}

// leave takes a request back: nothing was done and nothing will be. It returns
// false when a worker has begun it.
func (q *queue) leave(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := slices.Index(q.waiting, r)
	if at < 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, at, at+1)
	return true
}

// close has puts refused. What waits is still taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.filled.Broadcast()
}
