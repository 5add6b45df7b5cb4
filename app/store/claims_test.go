package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/trieungochai/kafka-notify/app/store"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

const window = time.Hour

func origin(offset int64) handler.Origin {
	return handler.Origin{Topic: "events.follow", Partition: 3, Offset: offset}
}

func claim(offset int64, acceptedAt time.Time) handler.Claim {
	return handler.Claim{Origin: origin(offset), AcceptedAt: acceptedAt, Window: window}
}

// limited is a claim of a key that so many origins may hold.
func limited(offset int64, acceptedAt time.Time, limit int) handler.Claim {
	c := claim(offset, acceptedAt)
	c.Limit = limit
	return c
}

func TestTake(t *testing.T) { eachStore(t, testTake) }

func testTake(t *testing.T, db database) {
	type take struct {
		claim handler.Claim
		want  handler.Verdict
	}
	at := func(d time.Duration) time.Time { return epoch.Add(d) }
	tests := []struct {
		name  string
		takes []take
	}{
		{"a free key", []take{{claim(1, at(0)), handler.Taken}}},
		{"the same origin again is no duplicate", []take{
			{claim(1, at(0)), handler.Taken},
			{claim(1, at(0)), handler.Taken},
		}},
		{"another origin within the window", []take{
			{claim(1, at(0)), handler.Taken},
			{claim(2, at(window-1)), handler.Duplicate},
		}},
		{"another origin within the window, accepted earlier", []take{
			{claim(2, at(window-1)), handler.Taken},
			{claim(1, at(0)), handler.Duplicate},
		}},
		{"another origin a window later", []take{
			{claim(1, at(0)), handler.Taken},
			{claim(2, at(window)), handler.Taken},
			{claim(3, at(window+1)), handler.Duplicate},
		}},
		{"a late message doesn't replace a newer claim", []take{
			{claim(2, at(2*window)), handler.Taken},
			{claim(1, at(0)), handler.Taken},
			{claim(3, at(2*window+1)), handler.Duplicate},
		}},
		{"a late message is remembered too", []take{
			{claim(2, at(2*window)), handler.Taken},
			{claim(1, at(0)), handler.Taken},
			{claim(3, at(1)), handler.Duplicate},
		}},
		{"an origin keeps its claim when a newer one has come", []take{
			{claim(1, at(0)), handler.Taken},
			{claim(2, at(window)), handler.Taken},
			{claim(1, at(0)), handler.Taken},
		}},
		{"without a window nothing is a duplicate", []take{
			{handler.Claim{Origin: origin(1), AcceptedAt: at(0)}, handler.Taken},
			{handler.Claim{Origin: origin(2), AcceptedAt: at(0)}, handler.Taken},
		}},
		{"as many as the limit", []take{
			{limited(1, at(0), 2), handler.Taken},
			{limited(2, at(1), 2), handler.Taken},
			{limited(3, at(2), 2), handler.Duplicate},
			{limited(2, at(1), 2), handler.Taken},
			{limited(4, at(window-1), 2), handler.Duplicate},
			{limited(5, at(window), 2), handler.Taken},
			{limited(6, at(window), 2), handler.Duplicate},
			{limited(7, at(window+1), 2), handler.Taken},
		}},
		{"late messages count in the windows of their time", []take{
			{limited(1, at(2*window), 2), handler.Taken},
			{limited(2, at(2*window), 2), handler.Taken},
			{limited(3, at(0), 2), handler.Taken},
			{limited(4, at(window-1), 2), handler.Taken},
			{limited(5, at(window/2), 2), handler.Duplicate},
			{limited(6, at(3*window/2), 2), handler.Duplicate},
			{limited(7, at(window), 2), handler.Taken},
		}},
		{"acceptances centuries apart", []take{
			{claim(1, time.Time{}), handler.Taken},
			{claim(2, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)), handler.Taken},
			{claim(3, time.Time{}), handler.Duplicate},
		}},
	}
	s := db.open(t)
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			claims := s.Claims(fmt.Sprint("pipeline-", i))
			for n, take := range test.takes {
				got, err := claims.Take(t.Context(), "key", take.claim)
				if err != nil {
					t.Fatal(err)
				}
				if got != take.want {
					t.Fatalf("take %d: verdict %v, want %v", n+1, got, take.want)
				}
			}
		})
	}
}

func TestClaimsAreScopedByPipelineAndKey(t *testing.T) {
	eachStore(t, testClaimsAreScopedByPipelineAndKey)
}

func testClaimsAreScopedByPipelineAndKey(t *testing.T, db database) {
	s := db.open(t)
	for i, scope := range [][2]string{{"a", "bc"}, {"ab", "c"}, {"a", "b"}, {"b", "a"}, {"", "abc"}, {"abc", ""}} {
		got, err := s.Claims(scope[0]).Take(t.Context(), scope[1], claim(int64(i), epoch))
		if err != nil {
			t.Fatal(err)
		}
		if got != handler.Taken {
			t.Errorf("key %q of pipeline %q is taken by another scope", scope[1], scope[0])
		}
	}
}

func TestKeysOfAnySize(t *testing.T) { eachStore(t, testKeysOfAnySize) }

func testKeysOfAnySize(t *testing.T, db database) {
	claims := db.open(t).Claims("p")
	long := strings.Repeat("x", 1<<20)
	for i, want := range []handler.Verdict{handler.Taken, handler.Duplicate} {
		got, err := claims.Take(t.Context(), long, claim(int64(i), epoch))
		if err != nil || got != want {
			t.Errorf("Take of a key of 1 MiB = %v, %v; want %v", got, err, want)
		}
	}
}

func TestRelease(t *testing.T) { eachStore(t, testRelease) }

func testRelease(t *testing.T, db database) {
	s := db.open(t)
	tests := []struct {
		name     string
		releases []int64
		want     handler.Verdict // of origin 9, accepted when origin 1 was
	}{
		{"by its owner", []int64{1}, handler.Taken},
		{"by another origin", []int64{2}, handler.Duplicate},
		{"by nobody", nil, handler.Duplicate},
		{"twice", []int64{1, 1}, handler.Taken},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			claims := s.Claims(test.name)
			mustTake(t, claims, claim(1, epoch))
			for _, offset := range test.releases {
				if err := claims.Release(t.Context(), "key", origin(offset)); err != nil {
					t.Fatal(err)
				}
			}
			got, err := claims.Take(t.Context(), "key", claim(9, epoch))
			if err != nil || got != test.want {
				t.Errorf("Take = %v, %v; want %v", got, err, test.want)
			}
		})
	}
}

func mustTake(t *testing.T, claims handler.Claims, by handler.Claim) {
	t.Helper()
	if got, err := claims.Take(t.Context(), "key", by); err != nil || got != handler.Taken {
		t.Fatalf("Take(%v) = %v, %v", by.Origin, got, err)
	}
}

func TestTakeWithAnEndedContext(t *testing.T) { eachStore(t, testTakeWithAnEndedContext) }

func testTakeWithAnEndedContext(t *testing.T, db database) {
	claims := db.open(t).Claims("p")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := claims.Take(ended, "key", claim(1, epoch))
	if !errors.Is(err, context.Canceled) || handler.IsUnavailable(err) {
		t.Errorf("Take = %v, want context.Canceled and not an outage", err)
	}
	mustTake(t, claims, claim(2, epoch))
}

// TestOneWinner lets many origins race for few keys: each key goes to one.
func TestOneWinner(t *testing.T) { eachStore(t, testOneWinner) }

func testOneWinner(t *testing.T, db database) {
	claims := db.open(t).Claims("p")
	const keys, callers = 8, 64
	var winners [keys]atomic.Int64
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for i := range keys {
				got, err := claims.Take(t.Context(), fmt.Sprint(i), claim(int64(caller), epoch))
				if err != nil {
					t.Error(err)
				}
				if got == handler.Taken {
					winners[i].Add(1)
				}
			}
		})
	}
	wg.Wait()
	for i := range winners {
		if n := winners[i].Load(); n != 1 {
			t.Errorf("key %d has %d winners, want 1", i, n)
		}
	}
}

func TestAnEntryIsBounded(t *testing.T) { eachStore(t, testAnEntryIsBounded) }

func testAnEntryIsBounded(t *testing.T, db database) {
	claims := db.open(t).Claims("p")
	for i := range int64(store.MaxMarks + 1) {
		mustTake(t, claims, claim(i, epoch.Add(time.Duration(i)*window)))
	}
	// The second is still held; the first made room.
	if got, _ := claims.Take(t.Context(), "key", claim(100, epoch.Add(window))); got != handler.Duplicate {
		t.Errorf("the second oldest claim is gone: %v", got)
	}
	if got, _ := claims.Take(t.Context(), "key", claim(101, epoch.Add(-window/2))); got != handler.Taken {
		t.Errorf("the oldest of %d claims is still held", store.MaxMarks+1)
	}
}

func TestALimitHasRoom(t *testing.T) { eachStore(t, testALimitHasRoom) }

func testALimitHasRoom(t *testing.T, db database) {
	const limit = 40
	claims := db.open(t).Claims("p")
	take := func(offset int64, acceptedAt time.Time, want handler.Verdict) {
		t.Helper()
		if got, err := claims.Take(t.Context(), "key", limited(offset, acceptedAt, limit)); err != nil || got != want {
			t.Fatalf("claim %d = %v, %v; want %v", offset, got, err, want)
		}
	}
	for n := range int64(3) {
		for i := range int64(limit) {
			take(n*limit+i, epoch.Add(time.Duration(n)*window+time.Duration(i)), handler.Taken)
		}
	}
	for n := range int64(2) {
		take(1000, epoch.Add(time.Duration(n+1)*window+limit), handler.Duplicate)
	}
}

func TestAClaimEndsADayAfterItsWindow(t *testing.T) { eachStore(t, testAClaimEndsADayAfterItsWindow) }

func testAClaimEndsADayAfterItsWindow(t *testing.T, db database) {
	now := time.Now()
	s := db(t, func() time.Time { return now })
	defer closeStore(t, s)
	claims := s.Claims("p")
	accepted := now
	mustTake(t, claims, claim(1, accepted))
	now = now.Add(window + 24*time.Hour - 1)
	if got, _ := claims.Take(t.Context(), "key", claim(2, accepted)); got != handler.Duplicate {
		t.Errorf("just before the end: %v, want a duplicate", got)
	}
	now = now.Add(1)
	mustTake(t, claims, claim(2, accepted))
}

// TestClaimsAgainstModel compares the store to the rule of the claims, said
// over a plain map: no window has more origins that hold a key than its limit;
// without one, any two were accepted at least a window apart.
func TestClaimsAgainstModel(t *testing.T) { eachStore(t, testClaimsAgainstModel) }

func testClaimsAgainstModel(t *testing.T, db database) {
	type held struct{ acceptedAt, until time.Time }
	start := time.Now()
	now := start
	s := db(t, func() time.Time { return now })
	defer closeStore(t, s)
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		now = start
		claims := s.Claims(fmt.Sprint("run-", run))
		model := map[string]map[handler.Origin]held{"a": {}, "b": {}}
		keys := rapid.SampledFrom([]string{"a", "b"})
		offsets := rapid.Int64Range(0, 7)
		limit := rapid.IntRange(0, 3).Draw(t, "limit")
		// An origin is accepted once, whenever it is worked on.
		accepted := rapid.SliceOfN(rapid.Int64Range(-6, 6), 8, 8).Draw(t, "half windows")
		t.Repeat(map[string]func(*rapid.T){
			"take": func(t *rapid.T) {
				key, offset := keys.Draw(t, "key"), offsets.Draw(t, "offset")
				by := limited(offset, start.Add(time.Duration(accepted[offset])*window/2), limit)
				maps.DeleteFunc(model[key], func(_ handler.Origin, h held) bool { return !h.until.After(now) })
				want := handler.Taken
				// Windows begin at half windows, as acceptances do.
				for from := -window / 2; from <= 0; from += window / 2 {
					within := 0
					for o, h := range model[key] {
						if after := h.acceptedAt.Sub(by.AcceptedAt); o != by.Origin && after >= from && after < from+window {
							within++
						}
					}
					if within >= max(1, limit) {
						want = handler.Duplicate
					}
				}
				_, mine := model[key][by.Origin]
				if mine {
					want = handler.Taken
				}
				if !mine && want == handler.Taken {
					model[key][by.Origin] = held{by.AcceptedAt, now.Add(window + 24*time.Hour)}
				}
				if got, err := claims.Look(context.Background(), key, by); err != nil || got != want {
					t.Fatalf("Look(%s, %v) = %v, %v; want %v", key, by, got, err, want)
				}
				got, err := claims.Take(context.Background(), key, by)
				if err != nil || got != want {
					t.Fatalf("Take(%s, %v) = %v, %v; want %v", key, by, got, err, want)
				}
			},
			"release": func(t *rapid.T) {
				key, o := keys.Draw(t, "key"), origin(offsets.Draw(t, "offset"))
				delete(model[key], o)
				if err := claims.Release(context.Background(), key, o); err != nil {
					t.Fatal(err)
				}
			},
			"time passes": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.Int64Range(0, 15).Draw(t, "hours")) * time.Hour)
			},
		})
	})
}
