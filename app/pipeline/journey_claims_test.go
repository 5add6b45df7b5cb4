package pipeline_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/trieungochai/kafka-notify/app/store"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// memory is the store of claims for journeys: what it holds outlives every
// process. TestMemoryIsTheStore holds it to the real one.
type memory map[string][]handler.Claim

// take claims key; of a duplicate it returns who holds the key.
func (m memory) take(key string, by handler.Claim) (handler.Verdict, handler.Origin) {
	held := m[key]
	if m.holds(key, by.Origin) {
		return handler.Taken, handler.Origin{}
	}
	for _, c := range held {
		if c.AcceptedAt.Sub(by.AcceptedAt).Abs() < by.Window {
			return handler.Duplicate, c.Origin
		}
	}
	m[key] = append(held, by)
	return handler.Taken, handler.Origin{}
}

func (m memory) release(key string, origin handler.Origin) {
	m[key] = slices.DeleteFunc(m[key], func(c handler.Claim) bool { return c.Origin == origin })
}

func (m memory) holds(key string, origin handler.Origin) bool {
	return slices.ContainsFunc(m[key], func(c handler.Claim) bool { return c.Origin == origin })
}

// heldBy are the keys that origin holds, sorted.
func (m memory) heldBy(origin handler.Origin) (keys []string) {
	for key := range m {
		if m.holds(key, origin) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// The claims of the journeys answer as the embedded store does.
func TestMemoryIsTheStore(t *testing.T) {
	s, err := store.Open(t.Context(), config.Store{Embedded: &config.EmbeddedStore{DataDir: t.TempDir()}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	run, start := 0, time.Now()
	rapid.Check(t, func(t *rapid.T) {
		run++
		ctx, kept, ours := context.Background(), s.Claims(fmt.Sprint(run)), memory{}
		accepted := rapid.SliceOfN(rapid.IntRange(0, 8), 6, 6).Draw(t, "accepted, in half windows")
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			key := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key")
			n := rapid.IntRange(0, 5).Draw(t, "origin")
			origin := handler.Origin{Topic: "events.follow", Offset: int64(n)}
			if rapid.Bool().Draw(t, "release") {
				ours.release(key, origin)
				if err := kept.Release(ctx, key, origin); err != nil {
					t.Fatal(err)
				}
				continue
			}
			by := handler.Claim{Origin: origin, AcceptedAt: start.Add(time.Duration(accepted[n]) * window / 2), Window: window}
			want, err := kept.Take(ctx, key, by)
			if got, _ := ours.take(key, by); err != nil || got != want {
				t.Fatalf("take %s by %d: %v, and the store says %v, %v", key, n, got, want, err)
			}
		}
	})
}
