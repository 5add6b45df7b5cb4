// Package store keeps what pipelines must remember about messages: which
// origin a key belongs to, and for how long.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// Store is the embedded store: a folder that belongs to one process.
//
// What it acknowledged survives the death of the process, SIGKILL included,
// because every write is in the operating system's page cache by then. It
// isn't flushed to the disk each time, so a power cut or a kernel crash can
// cost the claims of the last seconds: a message repeated at that very moment
// would then be delivered a second time. Nothing is ever lost by it.
type Store struct {
	db  *badger.DB
	now func() time.Time

	queue   chan *request
	stopped chan struct{} // closed by the writer when it has ended

	closing sync.RWMutex // held while a request enters the queue
	closed  bool
}

// Open opens the store in the folder dir, which it creates when it isn't
// there. It fails when another process has the folder open.
func Open(dir string, log *slog.Logger) (*Store, error) {
	return open(dir, log, time.Now)
}

func open(dir string, log *slog.Logger, now func() time.Time) (*Store, error) {
	db, err := badger.Open(settings(dir, log))
	if err != nil {
		// Badger flattens the error of flock into its own text.
		if strings.Contains(err.Error(), "Cannot acquire directory lock") {
			return nil, fmt.Errorf("store.embedded.data_dir: the folder %s is in use by another process; "+
				"give each process a folder of its own, or stop the other one", dir)
		}
		return nil, fmt.Errorf("store.embedded.data_dir: cannot open the store in %s: %w", dir, err)
	}
	s := &Store{
		db:      db,
		now:     now,
		queue:   make(chan *request, maxBatch),
		stopped: make(chan struct{}),
	}
	go s.write()
	return s, nil
}

// settings fit badger to a sidecar: some 60 MiB of memory at rest, where its
// defaults take several hundred.
//
// All values are a few dozen bytes and stay in the LSM tree, so the value log
// stays empty and there is nothing in it to collect. Expired claims go when a
// compaction rewrites them: keys are hashes, spread evenly, so compactions
// pass by all of the key space.
func settings(dir string, log *slog.Logger) badger.Options {
	return badger.DefaultOptions(dir).
		WithLogger(logger{log}).
		WithMetricsEnabled(false).  // They are global to the process.
		WithDetectConflicts(false). // There is one writer.
		WithMemTableSize(16 << 20).
		WithNumMemtables(3).
		WithNumLevelZeroTables(2).
		WithNumLevelZeroTablesStall(6).
		WithNumCompactors(2).
		WithValueThreshold(1 << 20).
		WithValueLogFileSize(1 << 20).
		// Hashes don't compress, and without compression blocks are read
		// from the mapped file: the page cache is the only cache needed.
		WithCompression(options.None).
		WithBlockCacheSize(0)
}

// Close finishes the calls under way, writes what is still in memory to tables
// and gives the folder free. Calls made afterwards fail. Closing twice is no
// error.
func (s *Store) Close() error {
	s.closing.Lock()
	defer s.closing.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	close(s.queue)
	<-s.stopped
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close the store: %w", err)
	}
	return nil
}

// Ping reads from the store, through the same queue as everything else, and
// returns why that isn't possible, or wasn't before ctx ended.
func (s *Store) Ping(ctx context.Context) error {
	r, err := s.send(ctx, []byte("ping"), func(entry, time.Time) change { return change{} })
	if err == nil {
		select {
		case <-r.done:
			err = r.err
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err != nil {
		return fmt.Errorf("read the store: %w", err)
	}
	return nil
}

// errClosed is what a store answers after Close.
var errClosed = errors.New("the store is closed")

// logger routes badger's own messages to slog, from warnings upwards: the rest
// tells of its inner life only.
type logger struct{ log *slog.Logger }

func (l logger) Errorf(format string, a ...any) {
	l.log.Error("store: " + message(format, a))
}

func (l logger) Warningf(format string, a ...any) {
	l.log.Warn("store: " + message(format, a))
}

func (logger) Infof(string, ...any)  {}
func (logger) Debugf(string, ...any) {}

func message(format string, a []any) string {
	return strings.TrimSpace(fmt.Sprintf(format, a...))
}
