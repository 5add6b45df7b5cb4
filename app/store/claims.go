package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// grace is how much longer than its window a claim lives, so that a pipeline
// that lags behind by up to a day doubles nothing.
const grace = 24 * time.Hour

// Claims returns the claims of one pipeline, named by its id.
func (s *Store) Claims(pipeline string) handler.Claims {
	return claims{store: s, pipeline: pipeline}
}

type claims struct {
	store    *Store
	pipeline string
}

// Take claims key for an origin, in one compare-and-set. The answer is Taken
// when the key is free or belongs to that origin already, and Duplicate when
// it belongs to another origin that was accepted less than the window before
// or after; with a limit, to so many that all were accepted, with this one,
// less than the window apart. Origins further apart each hold the key, so a
// late message neither replaces the claim of a newer one nor goes unremembered
// itself.
//
// Errors are ctx's own, which mean that nothing was taken; handler.Unavailable
// ones of the database, which leave open whether it was, and that does no harm:
// the same origin takes it again; and plain ones when the entry found can't be
// read.
func (c claims) Take(ctx context.Context, key string, by handler.Claim) (handler.Verdict, error) {
	return c.store.do(ctx, c.id(key), func(held entry, now time.Time) change {
		if held.of(by.Origin) {
			return change{verdict: handler.Taken}
		}
		limit := max(1, by.Limit)
		if held.full(limit, by.Window, by.AcceptedAt) {
			return change{verdict: handler.Duplicate}
		}
		return change{verdict: handler.Taken, write: true, entry: held.with(mark{
			origin:     by.Origin,
			acceptedAt: by.AcceptedAt,
			until:      now.Add(by.Window + grace),
		}, limit)}
	})
}

// Look answers as Take would, and takes nothing.
func (c claims) Look(ctx context.Context, key string, by handler.Claim) (handler.Verdict, error) {
	return c.store.do(ctx, c.id(key), func(held entry, _ time.Time) change {
		if !held.of(by.Origin) && held.full(max(1, by.Limit), by.Window, by.AcceptedAt) {
			return change{verdict: handler.Duplicate}
		}
		return change{verdict: handler.Taken}
	})
}

// Release gives key free as far as it belongs to that origin, and leaves the
// claims of others alone. Releasing what isn't held is no error.
func (c claims) Release(ctx context.Context, key string, origin handler.Origin) error {
	_, err := c.store.do(ctx, c.id(key), func(held entry, _ time.Time) change {
		if !held.of(origin) {
			return change{}
		}
		return change{write: true, entry: held.without(origin)}
	})
	return err
}

// id is the key in the database. It is a hash because badger limits the size
// of keys, and because keys may hold personal data that has no business on a
// disk. The lengths in front keep ("a", "bc") apart from ("ab", "c").
//
// It is short enough to be inlined, which saves an allocation.
func (c claims) id(key string) []byte {
	sum := c.sum(key)
	return sum[:]
}

func (c claims) sum(key string) [sha256.Size]byte {
	b := make([]byte, 0, 256)
	for _, part := range [...]string{c.pipeline, key} {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	return sha256.Sum256(b)
}
