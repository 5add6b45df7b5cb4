// Package lookup answers what the enrich handler asks: the record that belongs
// to a key, out of a file or from an HTTP service.
package lookup

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// pollEvery is how often files are looked at. A changed file is read when it
// has held still from one look to the next, so within two seconds.
const pollEvery = time.Second

// Set is the lookups of one configuration, by name.
type Set struct {
	files   map[string]*file
	remotes map[string]*remote

	startOnce, stopOnce sync.Once
	stop                chan struct{}
	polling             sync.WaitGroup
}

// New makes the lookups of a configuration that config.Load has checked. It
// reads and asks nothing: that begins with Start. Faults are URLs that can't be
// right.
func New(cfg map[string]config.Lookup, files Files, log *slog.Logger) (*Set, config.Faults) {
	s := &Set{
		files:   map[string]*file{},
		remotes: map[string]*remote{},
		stop:    make(chan struct{}),
	}
	client := newClient()
	var faults config.Faults
	for _, name := range slices.Sorted(maps.Keys(cfg)) {
		c := cfg[name]
		if c.HTTP == nil {
			s.files[name] = newFile(name, c, files, log)
			continue
		}
		r, f := newRemote(name, c.HTTP, client)
		s.remotes[name] = r
		faults = append(faults, f...)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return s, nil
}

// Start reads all files and watches them from then on. Everything wrong with
// them is reported at once, as config.Faults; nothing is running then. Other
// errors are ctx's. A set is started once.
func (s *Set) Start(ctx context.Context) error {
	var faults config.Faults
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		faults = append(faults, s.files[name].start()...)
	}
	if err := faults.Err(); err != nil {
		return err
	}
	s.startOnce.Do(func() {
		for _, r := range s.remotes {
			r.start()
		}
		if len(s.files) > 0 {
			s.polling.Go(s.poll)
		}
	})
	return nil
}

// poll looks at the files until Stop. It asks for their modification times
// instead of having the kernel report changes: inotify watches an inode, and
// what Kubernetes swaps when a ConfigMap changes is a symbolic link two levels
// up; network file systems report nothing at all.
func (s *Set) poll() {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			for _, f := range s.files {
				f.poll()
			}
		case <-s.stop:
			return
		}
	}
}

// Stop ends requests under way and the watching of files, and waits for both.
// Lookups over HTTP fail from then on. It may be called twice, and without
// Start.
func (s *Set) Stop() {
	s.stopOnce.Do(func() { close(s.stop) })
	s.polling.Wait()
	for _, r := range s.remotes {
		r.stop()
	}
}

// Get returns the lookup of that name. The records it answers with are shared:
// whoever wants to change one copies it. They have an "id", the key where they
// came without one.
func (s *Set) Get(name string) (handler.Lookup, bool) {
	if f, ok := s.files[name]; ok {
		return f, true
	}
	if r, ok := s.remotes[name]; ok {
		return r, true
	}
	return nil, false
}

// Names returns the names of all lookups, sorted.
func (s *Set) Names() []string {
	names := slices.Collect(maps.Keys(s.files))
	names = slices.AppendSeq(names, maps.Keys(s.remotes))
	slices.Sort(names)
	return names
}

// Health is how a file lookup stands.
type Health struct {
	Name     string
	Records  int
	LoadedAt time.Time // when the records in use were read
	// Err is why the newest version of the file isn't in use, nil when it is.
	Err error
}

// Health tells of every file lookup, by name, whether it is up to date.
// Lookups over HTTP are not in it: they fail request by request.
func (s *Set) Health() []Health {
	health := make([]Health, 0, len(s.files))
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		health = append(health, s.files[name].health())
	}
	return health
}

// withID gives a record its key as id where it has none.
func withID(record map[string]any, key string) map[string]any {
	if record["id"] == nil {
		record["id"] = key
	}
	return record
}
