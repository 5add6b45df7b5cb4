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

// embedded is the database in a folder that belongs to one process, which is why
// its filter can know all keys.
//
// What it acknowledged survives the death of the process, SIGKILL included,
// because every write is in the operating system's page cache by then. It
// isn't flushed to the disk each time, so a power cut or a kernel crash can
// cost the claims of the last seconds: a message repeated at that very moment
// would then be delivered a second time. Nothing is ever lost by it.
type embedded struct {
	db    *badger.DB
	known *filter
	// One batch at a time is carried out, so all share the memory.
	scratch *scratch
}

// scratch is memory that every batch uses anew.
type scratch struct {
	marks   entry          // of the entry that a request changes
	values  []byte         // of the entries that are written, one after the other
	entries []badger.Entry // as many as a batch can write
}

func newEmbedded(db *badger.DB) embedded {
	return embedded{db: db, known: &filter{}, scratch: &scratch{
		marks:   make(entry, 0, maxMarks+1),
		entries: make([]badger.Entry, 0, maxBatch),
	}}
}

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
	return newStore(newEmbedded(db), 1, now), nil
}

// settings fit badger to a sidecar: some 60 MiB of memory at rest, where its
// defaults take several hundred. The filter's few bytes a claim come on top.
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
		// Compacting costs more than all else, and reads, which many tables
		// make slower, are rare thanks to the filter.
		WithNumLevelZeroTables(5).
		WithNumLevelZeroTablesStall(10).
		WithBaseLevelSize(64 << 20).
		WithNumCompactors(2).
		WithValueThreshold(1 << 20).
		WithValueLogFileSize(1 << 20).
		// Hashes don't compress, and without compression blocks are read
		// from the mapped file: the page cache is the only cache needed.
		WithCompression(options.None).
		WithBlockCacheSize(0)
}

// close writes what is still in memory to tables and gives the folder free.
func (d embedded) close() error {
	d.known.stop()
	return d.db.Close()
}

// commit carries out a batch.
func (d embedded) commit(batch []*request, now time.Time) {
	d.known.tend(d.db)
	d.transact(batch, now)
}

// transact carries out requests in one transaction, in several where they are
// too big for one: keys with a high limit have entries of some ten KiB. Requests
// see what those before them did, so two for one key may share a batch.
func (d embedded) transact(batch []*request, now time.Time) {
	d.scratch.values, d.scratch.entries = d.scratch.values[:0], d.scratch.entries[:0]
	err := d.db.Update(func(txn *badger.Txn) error {
		for _, r := range batch {
			if err := d.apply(txn, r, now); err != nil {
				return err
			}
		}
		return nil
	})
	if half := len(batch) / 2; half > 0 && errors.Is(err, badger.ErrTxnTooBig) {
		d.transact(batch[:half], now)
		d.transact(batch[half:], now)
		return
	}
	for _, r := range batch {
		if err != nil && r.err == nil {
			r.err = handler.Unavailable(fmt.Errorf("the store: %w", err))
		}
	}
}

// apply carries out one request. It returns the errors of the database, which
// concern the whole batch; an entry that can't be read concerns r alone.
func (d embedded) apply(txn *badger.Txn, r *request, now time.Time) error {
	held, err := d.read(txn, r.id, now)
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
	d.known.add(r.id)
	return txn.SetEntry(d.scratch.entry(r.id, c.entry))
}

// read returns the entry under id, an empty one where there is none.
func (d embedded) read(txn *badger.Txn, id []byte, now time.Time) (held entry, err error) {
	held = d.scratch.marks[:0]
	if d.known.absent(id) {
		return held, nil
	}
	item, err := txn.Get(id)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return held, nil
	}
	if err != nil {
		return nil, err
	}
	err = item.Value(func(b []byte) error {
		held, err = held.appendFrom(b, now)
		return err
	})
	return held, err
}

// entry returns what badger is to write, which stays as it is until the next
// batch.
func (s *scratch) entry(id []byte, e entry) *badger.Entry {
	from := len(s.values)
	s.values = e.appendTo(s.values)
	s.entries = append(s.entries, badger.Entry{
		Key:   id,
		Value: s.values[from:],
		// The marks decide by themselves when they end; badger, which counts in
		// whole seconds, only takes the space back, so it must not be early.
		ExpiresAt: uint64(e.until().Unix()) + 1,
	})
	return &s.entries[len(s.entries)-1]
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
