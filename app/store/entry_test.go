package store

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func marks() *rapid.Generator[mark] {
	times := rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
	})
	return rapid.Custom(func(t *rapid.T) mark {
		return mark{
			origin: handler.Origin{
				Topic:     rapid.String().Draw(t, "topic"),
				Partition: rapid.Int32().Draw(t, "partition"),
				Offset:    rapid.Int64().Draw(t, "offset"),
			},
			acceptedAt: times.Draw(t, "accepted at"),
			until:      times.Draw(t, "until"),
		}
	})
}

var longAgo = time.Unix(-1<<41, 0)

func TestEncodedEntriesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := entry(rapid.SliceOfN(marks(), 1, 4).Draw(t, "entry"))
		got, err := decode(e.encode(), longAgo)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, got, cmp.AllowUnexported(mark{})); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestDamagedEntries(t *testing.T) {
	whole := entry{{origin: handler.Origin{Topic: "events.follow", Offset: 7}, until: time.Unix(1, 0)}}.encode()
	for n := range whole {
		// The version alone is an entry without marks.
		if _, err := decode(whole[:n], longAgo); n != 1 && !errors.Is(err, errEntry) {
			t.Errorf("the first %d of %d bytes: %v, want errEntry", n, len(whole), err)
		}
	}
	whole[0]++
	if _, err := decode(whole, longAgo); !errors.Is(err, errEntry) {
		t.Errorf("another version: %v, want errEntry", err)
	}
	rapid.Check(t, func(t *rapid.T) {
		_, _ = decode(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"), longAgo) // must not panic
	})
}

// TestABatchOfLargeEntries is more than badger takes in one transaction.
func TestABatchOfLargeEntries(t *testing.T) {
	s, err := openEmbedded(t.TempDir(), slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	large := slices.Repeat(entry{{origin: handler.Origin{Topic: "events.follow"}, until: time.Now().Add(time.Hour)}}, 2000)
	batch := make([]*request, maxBatch)
	for i := range batch {
		batch[i] = &request{id: fmt.Appendf(nil, "%032d", i), revise: func(entry, time.Time) change {
			return change{verdict: handler.Taken, write: true, entry: large}
		}}
	}
	s.db.commit(batch, time.Now())
	for i, r := range batch {
		if r.err != nil || r.verdict != handler.Taken {
			t.Fatalf("request %d: %v, %v", i, r.verdict, r.err)
		}
		_, err := s.do(t.Context(), r.id, func(held entry, _ time.Time) change {
			if len(held) != len(large) {
				t.Errorf("request %d wrote %d marks", i, len(held))
			}
			return change{}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestADamagedEntryIsNoOutage makes sure that such an entry fails its message,
// visibly, instead of having the pipeline wait for ever.
func TestADamagedEntryIsNoOutage(t *testing.T) {
	s, err := openEmbedded(t.TempDir(), slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	c := claims{store: s, pipeline: "p"}
	if err := s.db.(embedded).db.Update(func(txn *badger.Txn) error { return txn.Set(c.id("key"), []byte("damaged")) }); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Take(t.Context(), "key", handler.Claim{}); !errors.Is(err, errEntry) || handler.IsUnavailable(err) {
		t.Errorf("Take = %v, want errEntry and no outage", err)
	}
}
