package store

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// embedded is the database in a folder that belongs to one process.
//
// What it acknowledged survives the death of the process, SIGKILL included,
// because every write is in the operating system's page cache by then. It
// isn't flushed to the disk each time, so a power cut or a kernel crash can
// cost the claims of the last seconds: a message repeated at that very moment
// would then be delivered a second time. Nothing is ever lost by it.
type embedded struct{ db *badger.DB }

// openEmbedded opens the store in the folder dir, which it creates when it
// isn't there. It fails when another process has the folder open.
func openEmbedded(dir string, log *slog.Logger, now func() time.Time) (*Store, error) {
	db, err := badger.Open(settings(dir, log))
	if err != nil {
		// Badger flattens the error of flock into its own text.
		if strings.Contains(err.Error(), "Cannot acquire directory lock") {
			return nil, fmt.Errorf("store.embedded.data_dir: the folder %s is in use by another process; "+
				"give each process a folder of its own, or stop the other one", dir)
		}
		return nil, fmt.Errorf("store.embedded.data_dir: cannot open the store in %s: %w", dir, err)
	}
	// One worker makes taking and releasing atomic.
	return newStore(embedded{db}, 1, now), nil
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

// close writes what is still in memory to tables and gives the folder free.
func (d embedded) close() error { return d.db.Close() }

// commit carries out a batch in one transaction. Requests see what those
// before them did, so two for one key may share a batch.
func (d embedded) commit(batch []*request, now time.Time) {
	err := d.db.Update(func(txn *badger.Txn) error {
		for _, r := range batch {
			if err := apply(txn, r, now); err != nil {
				return err
			}
		}
		return nil
	})
	for _, r := range batch {
		if err != nil && r.err == nil {
			r.err = handler.Unavailable(fmt.Errorf("the store: %w", err))
		}
	}
}

// apply carries out one request. It returns the errors of the database, which
// concern the whole batch; an entry that can't be read concerns r alone.
func apply(txn *badger.Txn, r *request, now time.Time) error {
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
