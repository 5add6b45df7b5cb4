package store

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// filtered is an embedded store and its filter.
func filtered(t testing.TB, dir string) (*Store, *filter) {
	t.Helper()
	s, err := openEmbedded(dir, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return s, s.db.(embedded).known
}

// renew has the filter replaced at the next batch, as if it were full, and says
// whether it was there and no scan under way.
func (f *filter) renew() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current == nil || f.next != nil {
		return false
	}
	f.current.room = 0
	return true
}

// writer takes keys of its own, one after the other.
type writer struct {
	claims handler.Claims
	taken  int
}

func (w *writer) take(t *testing.T, key int, origin int64, want handler.Verdict) {
	by := handler.Claim{Origin: handler.Origin{Offset: origin}, Window: time.Hour}
	if got, err := w.claims.Take(t.Context(), fmt.Sprint(key), by); err != nil || got != want {
		t.Errorf("key %d of %d: Take = %v, %v; want %v", key, w.taken, got, err, want)
	}
}

// work takes fresh keys and tries to take earlier ones for another origin, the
// newest of them above all: those are the ones that a scan doesn't see.
func (w *writer) work(t *testing.T, takes int) {
	for range takes {
		w.take(t, w.taken, 1, handler.Taken)
		w.taken++
		w.take(t, w.taken-1-rand.IntN(min(w.taken, 50)), 2, handler.Duplicate)
		w.take(t, rand.IntN(w.taken), 2, handler.Duplicate)
	}
}

// TestNoTakenKeyIsCalledAbsent has the filter replaced again and again while
// keys are written, in stores that hold the keys of those before them.
func TestNoTakenKeyIsCalledAbsent(t *testing.T) {
	dir := t.TempDir()
	writers := make([]writer, 8)
	for range 4 {
		s, f := filtered(t, dir)
		var wg sync.WaitGroup
		for i := range writers {
			w := &writers[i]
			w.claims = s.Claims(fmt.Sprint(i))
			wg.Go(func() { w.work(t, 500) })
		}
		written := make(chan struct{})
		var renewing sync.WaitGroup
		renewals := 0
		renewing.Go(func() {
			for {
				select {
				case <-written:
					return
				case <-time.After(100 * time.Microsecond):
					if f.renew() {
						renewals++
					}
				}
			}
		})
		wg.Wait()
		close(written)
		renewing.Wait()
		if renewals < 2 {
			t.Errorf("the filter was replaced %d times", renewals)
		}
		for i := range writers {
			for key := range writers[i].taken {
				writers[i].take(t, key, 2, handler.Duplicate)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// scanned waits for the end of a scan.
func (f *filter) scanned(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		f.mu.Lock()
		done := f.current != nil && f.next == nil
		f.mu.Unlock()
		if done {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the scan doesn't end")
		}
	}
}

// A filter holds what the database does, neither less nor what is long gone, and
// what is no key of a claim is always looked for.
func TestWhatAFilterHolds(t *testing.T) {
	dir := t.TempDir()
	s, f := filtered(t, dir)
	w := writer{claims: s.Claims("p")}
	w.work(t, 1000)
	f.scanned(t)
	for range 2 {
		if f.current.held != 1000 {
			t.Errorf("it holds %d keys, want 1000", f.current.held)
		}
		if s.db.(embedded).known.absent([]byte("ping")) {
			t.Error("a ping reads nothing")
		}
		if !f.absent(make([]byte, 32)) {
			t.Error("a free key is looked for")
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s, f = filtered(t, dir)
		if err := s.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.scanned(t)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A full filter makes way for one with room: the mistakes stay few however many
// claims come and go.
func TestAFullFilterIsReplaced(t *testing.T) {
	s, f := filtered(t, t.TempDir())
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	w := writer{claims: s.Claims("p")}
	w.work(t, 10)
	f.scanned(t)
	full := f.current
	for full.held < full.room {
		full.add(rand.Uint64())
	}
	w.work(t, 1)
	f.scanned(t)
	if f.current == full || f.current.held > 11 || f.current.room < leastRoom {
		t.Errorf("a full filter is followed by one of %d keys in %d", f.current.held, f.current.room)
	}
}

func TestMistakesOfAFullFilter(t *testing.T) {
	b := newBloom(0)
	for b.held < b.room {
		b.add(rand.Uint64())
	}
	mistakes := 0
	const asked = 100_000
	for range asked {
		if b.Has(rand.Uint64()) {
			mistakes++
		}
	}
	if mistakes > asked*3/100 {
		t.Errorf("%d of %d keys seem to be there", mistakes, asked)
	}
	for keys := range 10 {
		keys <<= 2 * keys
		if room := newBloom(keys).room; room < spare*keys || room > max(leastRoom, 2*spare*keys) {
			t.Errorf("a filter for %d keys has room for %d", keys, room)
		}
	}
}

// What a stopped scan has found is no filter.
func TestAStoppedScan(t *testing.T) {
	db, err := badger.Open(settings(t.TempDir(), slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	f := filter{next: newBloom(0)}
	f.stop()
	f.fill(db)
	f.tend(db)
	f.scan.Wait()
	if f.current != nil {
		t.Error("it is taken for a filter")
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
