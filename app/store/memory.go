package store

import (
	"slices"
	"time"
)

// memory is a database that ends with the process.
type memory map[string]entry

// OpenMemory opens a store that keeps its claims in memory only, for dry runs. now is its clock.
func OpenMemory(now func() time.Time) *Store { return newStore(memory{}, 1, now) }

// commit carries out a batch.
func (m memory) commit(batch []*request, now time.Time) {
	for _, r := range batch {
		held := slices.DeleteFunc(slices.Clone(m[string(r.id)]), func(k mark) bool { return !k.until.After(now) })
		c := r.revise(held, now)
		r.verdict = c.verdict
		switch {
		case !c.write:
		case len(c.entry) == 0:
			delete(m, string(r.id))
		default:
			m[string(r.id)] = c.entry
		}
	}
}

func (memory) close() error { return nil }
