package lookup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/trieungochai/kafka-notify/config"
)

// Files opens the files that a configuration names, by their config.Text's
// Filename.
type Files interface {
	ReadFile(path string) ([]byte, error)
	Stat(path string) (fs.FileInfo, error)
}

// file is a lookup in one YAML or JSON mapping, key to record.
type file struct {
	name  string
	path  string
	node  config.Node
	files Files
	log   *slog.Logger

	current atomic.Pointer[content]

	// Of the polling goroutine alone, once started:
	tried fs.FileInfo // the version last loaded or refused
	seen  fs.FileInfo // a newer one, seen at the last look
}

// content is what a file lookup answers from. It is replaced as a whole.
type content struct {
	records  map[string]map[string]any
	loadedAt time.Time
	err      error // why the newest version isn't in use
}

func newFile(name string, c config.Lookup, files Files, log *slog.Logger) *file {
	return &file{name: name, path: c.File.Filename(), node: c.Node, files: files, log: log.With("lookup", name)}
}

// Get returns the record of a key. It fails only before Start.
func (f *file) Get(_ context.Context, key string) (record map[string]any, found bool, err error) {
	c := f.current.Load()
	if c == nil {
		return nil, false, fmt.Errorf("lookup %q: %w", f.name, errNotRunning)
	}
	record, found = c.records[key]
	return record, found, nil
}

// Instant implements handler.Instant.
func (f *file) Instant() bool { return true }

// start reads the file for the first time.
func (f *file) start() config.Faults {
	info, err := f.files.Stat(f.path)
	if err == nil {
		var records map[string]map[string]any
		if records, err = f.read(); err == nil {
			f.tried = info
			f.use(records)
			return nil
		}
	}
	var faults config.Faults
	if errors.As(err, &faults) {
		return faults
	}
	return config.Faults{f.node.Faultf("lookup %q: cannot read its file: %v", f.name, err)}
}

// poll looks whether the file has changed and, once it holds still, puts the
// new version to use. A faulty one changes nothing and is logged once: a
// notification worded with yesterday's names is better than none.
func (f *file) poll() {
	info, err := f.files.Stat(f.path)
	switch {
	case err != nil:
		// Whatever is there next is to be read, even if it looks the same.
		f.tried, f.seen = nil, nil
		f.refuse(err)
		return
	case same(info, f.tried):
		f.seen = nil
		return
	case !same(info, f.seen):
		// It may be half written: a cut YAML file can be a valid one.
		f.seen = info
		return
	}
	records, err := f.read()
	if after, statErr := f.files.Stat(f.path); statErr != nil || !same(after, info) {
		f.seen = nil
		return
	}
	f.tried, f.seen = info, nil
	if err != nil {
		if faults := config.Faults(nil); !errors.As(err, &faults) {
			f.tried = nil // Reading failed, which may heal without a new version.
		}
		f.refuse(err)
		return
	}
	f.use(records)
	f.log.Info("lookup file reloaded", "file", f.path, "records", len(records))
}

// same reports whether two looks at a file saw the same version of it. Files
// swapped at once can agree in time and size, and then differ in identity;
// those embedded in the binary have no identity, and never change.
func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return false
	}
	return a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() &&
		(os.SameFile(a, b) || !os.SameFile(a, a))
}

func (f *file) use(records map[string]map[string]any) {
	f.current.Store(&content{records: records, loadedAt: time.Now()})
}

// refuse keeps the records in use and remembers why.
func (f *file) refuse(err error) {
	c := *f.current.Load()
	if c.err == nil || c.err.Error() != err.Error() {
		f.log.Error("lookup file can't be used; its last good version stays in use",
			"file", f.path, "error", err)
	}
	c.err = err
	f.current.Store(&c)
}

func (f *file) health() Health {
	h := Health{Name: f.name}
	if c := f.current.Load(); c != nil {
		h.Records, h.LoadedAt, h.Err = len(c.records), c.loadedAt, c.err
	}
	return h
}

// read reads and checks the whole file. What is wrong inside is config.Faults.
func (f *file) read() (map[string]map[string]any, error) {
	data, err := f.files.ReadFile(f.path)
	if err != nil {
		return nil, err
	}
	records, faults := parse(f.path, data)
	return records, faults.Err()
}

// parse reads one mapping, key to record.
func parse(path string, data []byte) (map[string]map[string]any, config.Faults) {
	root, faults := config.Parse(path, data, nil) // no variables: secrets have no business in notifications
	if len(faults) > 0 {
		return nil, faults
	}
	if root.Kind() != config.Mapping {
		fault := root.Faultf("a lookup file is one mapping, key to record, not %v", root.Kind())
		if root.IsZero() {
			fault.Pos = config.Pos{File: path, Line: 1, Col: 1}
		}
		return nil, config.Faults{fault}
	}
	records := map[string]map[string]any{}
	for _, e := range root.Entries() {
		value, f := e.Value.Value()
		record, ok := value.(map[string]any)
		switch {
		case len(f) > 0:
			faults = append(faults, f...)
		case !ok:
			faults = append(faults, e.Value.Faultf("the record of key %q must be a mapping, not %v", e.Key.Value, e.Value.Kind()))
		default:
			records[e.Key.Value] = withID(record, e.Key.Value)
		}
	}
	return records, faults
}
