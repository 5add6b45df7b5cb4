package suite

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/trieungochai/kafka-notify/app/lookup"
	"github.com/trieungochai/kafka-notify/app/store"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// begin of every test that sets no other.
var epoch = time.Date(2026, time.January, 2, 15, 4, 5, 0, time.UTC)

// stage is all that pipelines have around them while a test runs: a clock, a
// store, and lookups.
type stage struct {
	cfg   *config.Config
	files *lookup.Set

	// of the test that runs
	now    time.Time
	store  *store.Store
	offset int64 // of the next record
	fakes  map[string]fake
	asked  map[string]bool // the lookups that nobody may ask
}

// fake is what a lookup answers in a test.
type fake struct {
	records     map[string]map[string]any
	unavailable bool
}

func newStage(cfg *config.Config, files *lookup.Set) *stage {
	return &stage{cfg: cfg, files: files}
}

// begin sets the stage for a test.
func (s *stage) begin(t config.Test) {
	s.now, s.offset, s.asked = epoch, 0, make(map[string]bool)
	if !t.Now.IsZero() {
		s.now = t.Now.UTC()
	}
	s.fakes = make(map[string]fake, len(t.Lookups))
	for name, n := range t.Lookups {
		records, unavailable, _ := config.FakeLookup(n)
		s.fakes[name] = fake{records, unavailable}
	}
	s.store = store.OpenMemory(s.clock)
}

// end clears it.
func (s *stage) end() { _ = s.store.Close() } // nothing of it is kept, so nothing can fail

func (s *stage) clock() time.Time { return s.now }

// unfaked are the lookups that were asked and have no answer, sorted, each once.
func (s *stage) unfaked() []string {
	names := slices.Sorted(maps.Keys(s.asked))
	s.asked = make(map[string]bool)
	return names
}

// lookups are those of the configuration, as the test that runs has them.
func (s *stage) lookups() map[string]handler.Lookup {
	all := make(map[string]handler.Lookup, len(s.cfg.Lookups))
	for name := range s.cfg.Lookups {
		all[name] = stagedLookup{s, name}
	}
	return all
}

type stagedLookup struct {
	stage *stage
	name  string
}

var errUnfaked = errors.New("the test does not say what it answers")

// Get implements handler.Lookup.
func (l stagedLookup) Get(ctx context.Context, key string) (map[string]any, bool, error) {
	if f, ok := l.stage.fakes[l.name]; ok {
		if f.unavailable {
			return nil, false, fmt.Errorf("lookup %q: the test has it unavailable", l.name)
		}
		record, found := f.records[key]
		return record, found, nil
	}
	if file, ok := l.stage.files.Get(l.name); ok {
		return file.Get(ctx, key)
	}
	l.stage.asked[l.name] = true
	return nil, false, fmt.Errorf("lookup %q: %w", l.name, errUnfaked)
}

// Instant implements handler.Instant: handlers ask one after the other.
func (stagedLookup) Instant() bool { return true }

// claims are those of the test that runs.
func (s *stage) claims(pipelineID string) handler.Claims { return stagedClaims{s, pipelineID} }

type stagedClaims struct {
	stage      *stage
	pipelineID string
}

// Take implements handler.Claims.
func (c stagedClaims) Take(ctx context.Context, key string, by handler.Claim) (handler.Verdict, error) {
	return c.stage.store.Claims(c.pipelineID).Take(ctx, key, by)
}

// Look implements handler.Claims.
func (c stagedClaims) Look(ctx context.Context, key string, by handler.Claim) (handler.Verdict, error) {
	return c.stage.store.Claims(c.pipelineID).Look(ctx, key, by)
}

// Release implements handler.Claims.
func (c stagedClaims) Release(ctx context.Context, key string, origin handler.Origin) error {
	return c.stage.store.Claims(c.pipelineID).Release(ctx, key, origin)
}
