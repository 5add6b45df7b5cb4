package handler

import (
	"context"
	"log/slog"
	"time"
)

// Handler processes messages. It may be called for several messages at once.
type Handler interface {
	// Handle turns a message into none, one or several: see Next, Many and Drop. It may change m, and
	// never publishes by itself: it appends to m.Outputs. An error may heal unless it is marked with
	// Permanent; its class is named with Classify.
	Handle(ctx context.Context, m *Message) (Result, error)
}

// Lookup finds records by key.
type Lookup interface {
	// Get returns the record of a key. It belongs to the lookup and must not be changed. A record that
	// does not exist is no error. An error may heal unless it is marked with Permanent.
	Get(ctx context.Context, key string) (record map[string]any, found bool, err error)
}

// Instant is a Lookup that may answer from memory, where asking several keys at once costs more
// than it saves.
type Instant interface {
	// Instant tells whether all answers come from memory.
	Instant() bool
}

// Claims is the store of claims, scoped to one pipeline by whoever builds Deps.
type Claims interface {
	// Take claims key for an origin. The origin that holds the claim already takes it again.
	Take(ctx context.Context, key string, by Claim) (Verdict, error)
	// Look answers as Take would, and takes nothing.
	Look(ctx context.Context, key string, by Claim) (Verdict, error)
	// Release gives a claim up, if origin holds it: compare and delete.
	Release(ctx context.Context, key string, origin Origin) error
}

// Claim says for whom and how long a key is claimed.
type Claim struct {
	Origin     Origin
	AcceptedAt time.Time
	// Window is how far apart two events have to be accepted for both to count.
	Window time.Duration
	// Limit is how many origins may hold the key within any one window; 0 counts as 1.
	Limit int
}

// Verdict is the answer to an attempt to take a claim.
type Verdict int

const (
	// Taken means that the origin holds the claim, now or since an earlier attempt.
	Taken Verdict = iota + 1
	// Duplicate means that another origin holds it, and was accepted less than the window apart; with a
	// limit, that so many do, and that all of them and this one were.
	Duplicate
)

// String returns "taken" or "duplicate".
func (v Verdict) String() string {
	switch v {
	case Taken:
		return "taken"
	case Duplicate:
		return "duplicate"
	default:
		return "unknown"
	}
}

// Deps are what handlers get from the service. What a later kind of handler needs (state, timers)
// becomes a field here.
type Deps struct {
	// Pipeline is the pipeline's id.
	Pipeline string
	// Step is the handler's index in the pipeline. Registry.Chain sets it.
	Step int
	// Names are the names that are declared before the first handler, besides event and data.
	Names []string
	// Lookups are all lookups of the configuration by name.
	Lookups map[string]Lookup
	Claims  Claims
	// Now is the clock. Nil is time.Now.
	Now func() time.Time
	// Log is the service's log, scoped to the pipeline by whoever builds Deps. Nil discards.
	Log *slog.Logger
}
