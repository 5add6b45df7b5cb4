// Package store keeps what pipelines must remember about messages: which
// origin a key belongs to, and for how long.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/trieungochai/kafka-notify/config"
)

// Store is the store of claims. It groups the requests of its callers and hands
// them to its database in batches, because most of what a claim costs, it costs
// once a batch.
type Store struct {
	db  database
	now func() time.Time

	queue   queue
	used    sync.Pool // of requests
	workers sync.WaitGroup

	closing sync.Mutex
	closed  bool
}

// database is where a store keeps its entries.
type database interface {
	// commit carries out a batch as of now and leaves its answer in each of the
	// requests. Taking and releasing are atomic in it: what it writes is made
	// of what it overwrites.
	commit(batch []*request, now time.Time)
	close() error
}

// Open opens the store that the configuration names: the embedded one, which
// belongs to this process, or one in Redis, which all instances share. For a
// Redis that can't be reached yet it waits, up to a minute or until ctx ends.
func Open(ctx context.Context, c config.Store, log *slog.Logger) (*Store, error) {
	switch {
	case c.Redis != nil:
		return openRedis(ctx, c.Redis.URL.Value, log)
	case c.Embedded != nil:
		return openEmbedded(c.Embedded.DataDir, log, time.Now)
	}
	return nil, errors.New("store needs embedded or redis")
}

// newStore starts the workers of a store: each has the database carry out one
// batch at a time.
func newStore(db database, workers int, now func() time.Time) *Store {
	s := &Store{db: db, now: now}
	s.queue.filled.L = &s.queue.mu
	for range workers {
		s.workers.Go(s.work)
	}
	return s
}

// Close finishes the calls under way and closes the database. Calls made
// afterwards fail. Closing twice is no error.
func (s *Store) Close() error {
	s.closing.Lock()
	defer s.closing.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.queue.close()
	s.workers.Wait()
	if err := s.db.close(); err != nil {
		return fmt.Errorf("close the store: %w", err)
	}
	return nil
}

// Ping reads from the store, through the same queue as everything else, and
// returns why that isn't possible, or wasn't before ctx ended.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.do(ctx, []byte("ping"), func(entry, time.Time) change { return change{} })
	if err != nil {
		return fmt.Errorf("read the store: %w", err)
	}
	return nil
}

// errClosed is what a store answers after Close.
var errClosed = errors.New("the store is closed")
