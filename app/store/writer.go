package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// maxBatch is how many requests share one transaction at most, and how many
// may wait for the next one before callers wait themselves.
const maxBatch = 512

// request asks the writer to change the entry of one key.
type request struct {
	ctx    context.Context
	id     []byte
	revise func(held entry, now time.Time) change

	// verdict and err are the answer, there once done is closed.
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

// do has the writer change the entry under id and waits until that is written.
// An error of ctx means that nothing was changed: what the writer has begun is
// waited for, or a claim could be held by a message that doesn't know it.
func (s *Store) do(ctx context.Context, id []byte, revise func(entry, time.Time) change) (handler.Verdict, error) {
	r, err := s.send(ctx, id, revise)
	if err != nil {
		return 0, err
	}
	<-r.done
	return r.verdict, r.err
}

// send puts a request into the queue. It will be answered.
func (s *Store) send(ctx context.Context, id []byte, revise func(entry, time.Time) change) (*request, error) {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return nil, handler.Unavailable(errClosed)
	}
	r := &request{ctx: ctx, id: id, revise: revise, done: make(chan struct{})}
	select {
	case s.queue <- r:
		return r, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// write carries out requests until Close. That there is one writer is what
// makes taking and releasing atomic, and that it puts everything that waits
// into one transaction is what makes them cheap: most of a claim's cost is
// badger's commit.
func (s *Store) write() {
	defer close(s.stopped)
	batch := make([]*request, 0, maxBatch)
	for first := range s.queue {
		batch = append(batch[:0], first)
		for waiting := len(s.queue); waiting > 0 && len(batch) < maxBatch; waiting-- {
			batch = append(batch, <-s.queue)
		}
		s.commit(batch)
		clear(batch)
	}
}

// commit carries out a batch in one transaction and answers it. Requests see
// what those before them did, so two for one key may share a batch.
func (s *Store) commit(batch []*request) {
	now := s.now()
	err := s.db.Update(func(txn *badger.Txn) error {
		for _, r := range batch {
			if err := r.apply(txn, now); err != nil {
				return err
			}
		}
		return nil
	})
	for _, r := range batch {
		if err != nil && r.err == nil {
			r.err = handler.Unavailable(fmt.Errorf("the store: %w", err))
		}
		close(r.done)
	}
}

// apply carries out one request. It returns the errors of the database, which
// concern the whole batch; an entry that can't be read concerns r alone.
func (r *request) apply(txn *badger.Txn, now time.Time) error {
	if r.err = r.ctx.Err(); r.err != nil {
		return nil
	}
	held, err := read(txn, r.id, now)
	if errors.Is(err, errEntry) {
		r.err = err
		return nil
	}
	if err != nil {
		return err
	}
	c := r.revise(held, now)
	r.verdict = c.verdict
	switch {
	case !c.write:
		return nil
	case len(c.entry) == 0:
		return txn.Delete(r.id)
	}
	e := badger.NewEntry(r.id, c.entry.encode())
	// The marks decide by themselves when they end; badger, which counts in
	// whole seconds, only takes the space back, so it must not be early.
	e.ExpiresAt = uint64(c.entry.until().Unix()) + 1
	return txn.SetEntry(e)
}

// read returns the entry under id, nil where there is none.
func read(txn *badger.Txn, id []byte, now time.Time) (held entry, err error) {
	item, err := txn.Get(id)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = item.Value(func(b []byte) error {
		held, err = decode(b, now)
		return err
	})
	return held, err
}
