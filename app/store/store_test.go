package store_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
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
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
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
