package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/trieungochai/kafka-notify/app/store"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

var epoch = time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// database is where a store of a test keeps its entries. Each time it is opened
// they are still there.
type database func(t testing.TB, now func() time.Time) *store.Store

// databases are all that there are, made anew for each test. What the tests of
// eachStore say holds for every one of them.
var databases = map[string]func(testing.TB) database{
	"embedded": func(t testing.TB) database {
		dir := filepath.Join(t.TempDir(), "store")
		return func(t testing.TB, now func() time.Time) *store.Store {
			s, err := store.OpenEmbedded(dir, quiet(), now)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	},
	"memory": func(testing.TB) database {
		open := store.Kept()
		return func(_ testing.TB, now func() time.Time) *store.Store { return open(now) }
	},
}

func eachStore(t *testing.T, test func(*testing.T, database)) {
	for _, name := range slices.Sorted(maps.Keys(databases)) {
		t.Run(name, func(t *testing.T) { test(t, databases[name](t)) })
	}
}

// open opens a store that is closed with the test.
func (d database) open(t testing.TB) *store.Store {
	t.Helper()
	s := d(t, time.Now)
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

// openDir opens the embedded store of a folder.
func openDir(dir string, log *slog.Logger) (*store.Store, error) {
	return store.Open(context.Background(), config.Store{Embedded: &config.EmbeddedStore{DataDir: dir}}, log)
}

func closeStore(t testing.TB, s *store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenNamesTheFolderInUse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, nil))
	first, err := openDir(dir, log)
	if err != nil {
		t.Fatal(err)
	}
	_, err = openDir(dir, log)
	if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "store.embedded.data_dir") {
		t.Errorf("second Open = %v, want an error that names the folder and the key", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := openDir(dir, log)
	if err != nil {
		t.Fatalf("Open after Close: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	if logged.Len() > 0 {
		t.Errorf("a healthy store logged:\n%s", &logged)
	}
}

func TestOpenWhereNoFolderCanBe(t *testing.T) {
	_, err := openDir("/dev/null/store", quiet())
	if err == nil || !strings.Contains(err.Error(), "store.embedded.data_dir") {
		t.Errorf("Open = %v, want an error that names the key", err)
	}
}

func TestOpenNeedsADatabase(t *testing.T) {
	if s, err := store.Open(t.Context(), config.Store{}, quiet()); err == nil {
		closeStore(t, s)
		t.Error("a store that is kept nowhere")
	}
}

func TestCloseLeavesNoGoroutines(t *testing.T) { eachStore(t, testCloseLeavesNoGoroutines) }

func testCloseLeavesNoGoroutines(t *testing.T, db database) {
	before := goleak.IgnoreCurrent()
	s := db(t, time.Now)
	if _, err := s.Claims("p").Take(t.Context(), "key", claim(1, epoch)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	goleak.VerifyNone(t, before)
}

func TestPing(t *testing.T) { eachStore(t, testPing) }

func testPing(t *testing.T, db database) {
	s := db.open(t)
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("Ping of an open store: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Ping(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Ping with an ended context = %v, want context.Canceled", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); !handler.IsUnavailable(err) {
		t.Errorf("Ping of a closed store = %v, want it unavailable", err)
	}
}

func TestClosedStoreIsUnavailable(t *testing.T) { eachStore(t, testClosedStoreIsUnavailable) }

func testClosedStoreIsUnavailable(t *testing.T, db database) {
	s := db.open(t)
	claims := s.Claims("p")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := claims.Take(t.Context(), "key", claim(1, epoch)); !handler.IsUnavailable(err) {
		t.Errorf("Take = %v, want it unavailable", err)
	}
	if err := claims.Release(t.Context(), "key", claim(1, epoch).Origin); !handler.IsUnavailable(err) {
		t.Errorf("Release = %v, want it unavailable", err)
	}
}

// TestCloseAmidCalls closes a store that is busy: what was answered before is
// kept, and everything else is told that the store is closed.
func TestCloseAmidCalls(t *testing.T) { eachStore(t, testCloseAmidCalls) }

func testCloseAmidCalls(t *testing.T, db database) {
	s := db(t, time.Now)
	const callers = 16
	var taken [callers]int64
	var wg, first sync.WaitGroup
	first.Add(callers)
	for caller := range callers {
		wg.Go(func() {
			claims := s.Claims(fmt.Sprint(caller))
			for i := int64(0); ; i++ {
				_, err := claims.Take(t.Context(), fmt.Sprint(i), claim(i, epoch))
				if err != nil {
					if !handler.IsUnavailable(err) {
						t.Errorf("Take = %v, want it unavailable", err)
					}
					taken[caller] = i
					return
				}
				if i == 0 {
					first.Done()
				}
			}
		})
	}
	first.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()

	s = db.open(t)
	for caller, n := range taken {
		if n == 0 {
			t.Errorf("caller %d took nothing", caller)
		}
		for i := range n {
			got, err := s.Claims(fmt.Sprint(caller)).Take(t.Context(), fmt.Sprint(i), claim(-1, epoch))
			if err != nil || got != handler.Duplicate {
				t.Fatalf("claim %d of caller %d is lost: %v, %v", i, caller, got, err)
			}
		}
	}
}
