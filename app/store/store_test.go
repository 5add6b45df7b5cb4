package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/trieungochai/kafka-notify/app/store"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

var epoch = time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func openStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(filepath.Join(t.TempDir(), "store"), quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
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
	first, err := store.Open(dir, log)
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(dir, log)
	if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "store.embedded.data_dir") {
		t.Errorf("second Open = %v, want an error that names the folder and the key", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := store.Open(dir, log)
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
	_, err := store.Open("/dev/null/store", quiet())
	if err == nil || !strings.Contains(err.Error(), "store.embedded.data_dir") {
		t.Errorf("Open = %v, want an error that names the key", err)
	}
}

func TestCloseLeavesNoGoroutines(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s, err := store.Open(t.TempDir(), quiet())
	if err != nil {
		t.Fatal(err)
	}
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

func TestPing(t *testing.T) {
	s := openStore(t)
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

func TestClosedStoreIsUnavailable(t *testing.T) {
	s := openStore(t)
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
func TestCloseAmidCalls(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s, err := store.Open(dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	const callers = 16
	var taken [callers]int64
	var wg sync.WaitGroup
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
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()

	if s, err = store.Open(dir, quiet()); err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
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
