package store

import "time"

// These open stores with a clock, and a patience, of the test's own.
var (
	OpenEmbedded = openEmbedded
	OpenRedis    = openRedisAt
)

// MaxMarks is how many claims one key can hold.
const MaxMarks = maxMarks

// ErrEntry says that an entry can't be read.
var ErrEntry = errEntry

// Connections is how many batches are under way to Redis at once.
const Connections = connections

// StopFilter has an embedded store look for every key. It must not have been
// asked for any yet.
func StopFilter(s *Store) { s.db.(embedded).known.stop() }

// Kept opens stores in memory, each with what the one before it has left.
func Kept() (open func(now func() time.Time) *Store) {
	kept := memory{}
	return func(now func() time.Time) *Store { return newStore(kept, 1, now) }
}
