//go:build redis

package store_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trieungochai/kafka-notify/app/store"
	"github.com/trieungochai/kafka-notify/app/store/storetest"
)

// leastACL is what a user of the store needs to be allowed to do.
var leastACL = []any{"on", ">hunter2", "~kafka-notify:claim:*", "+get", "+set", "+del", "+eval", "+evalsha", "+ping", "+select", "+info", "+config|get"}

// open opens a store as user notify, whom rules are set for, in the Redis that
// options set up. It returns what was logged.
func openAs(t *testing.T, rules []any, options ...string) (logged string, err error) {
	t.Helper()
	r := storetest.StartRedis(t, options...)
	if err := admin(t, r).Do(t.Context(), append([]any{"ACL", "SETUSER", "notify"}, rules...)...).Err(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s, err := store.OpenRedis(t.Context(), strings.Replace(r.URL(), "://", "://notify:hunter2@", 1),
		slog.New(slog.NewTextHandler(&log, nil)), time.Now, time.Minute)
	if err == nil {
		mustTake(t, s.Claims("p"), claim(1, epoch))
		if err := s.Claims("p").Release(t.Context(), "key", origin(1)); err != nil {
			t.Error(err)
		}
		closeStore(t, s)
	} else if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the password shows: %v", err)
	}
	return log.String(), err
}

func TestOpenRedis(t *testing.T) {
	allow := func(rules ...any) []any { return append(leastACL[:len(leastACL):len(leastACL)], rules...) }
	for _, test := range []struct {
		name    string
		rules   []any
		options []string
		want    []string // in the error; none: it opens
		logged  []string
	}{
		{name: "the least that it needs", rules: leastACL},
		{name: "settings in INFO only", rules: allow("-config")},
		{name: "settings in CONFIG only", rules: allow("-info")},
		{
			name: "settings nowhere", rules: allow("-config", "-info"), options: []string{"--appendonly", "no"},
			logged: []string{"setting=appendonly needed=yes", "setting=maxmemory-policy needed=noeviction"},
		},
		{
			name: "snapshots only", rules: leastACL, options: []string{"--appendonly", "no"},
			want: []string{"set appendonly to yes, it is no: a crash would"},
		},
		{
			name: "eviction", rules: leastACL, options: []string{"--maxmemory-policy", "allkeys-lru"},
			want: []string{"set maxmemory-policy to noeviction, it is allkeys-lru: Redis would drop claims"},
		},
		{
			name: "both", rules: leastACL, options: []string{"--maxmemory-policy", "volatile-ttl", "--appendonly", "no"},
			want: []string{"set appendonly to yes", "set maxmemory-policy to noeviction, it is volatile-ttl"},
		},
		{
			name: "snapshots only, by INFO", rules: allow("-config"), options: []string{"--appendonly", "no"},
			want: []string{"set appendonly to yes, it is not (INFO says aof_enabled:0): a crash would"},
		},
		{
			name: "eviction, by INFO", rules: allow("-config"), options: []string{"--maxmemory-policy", "allkeys-lru"},
			want: []string{"set maxmemory-policy to noeviction, it is not (INFO says maxmemory_policy:allkeys-lru)"},
		},
		{
			name: "CONFIG that has another name", rules: allow("+@all"), options: []string{"--rename-command", "CONFIG", "hidden", "--appendonly", "no"},
			want: []string{"set appendonly to yes, it is not (INFO"},
		},
		{name: "a cluster", rules: leastACL, options: []string{"--cluster-enabled", "yes"}, want: []string{"a node of a Redis cluster"}},
		{name: "another password", rules: allow("resetpass", ">other"), want: []string{"refuses the user or the password of store.redis.url: ", "WRONGPASS"}},
		{name: "no scripts", rules: allow("-eval"), want: []string{"a command that claims need fails", "eval"}},
		{name: "other keys", rules: allow("resetkeys", "~other:*"), want: []string{"a command that claims need fails", "NOPERM"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			logged, err := openAs(t, test.rules, test.options...)
			if (err != nil) != (len(test.want) > 0) {
				t.Fatalf("Open = %v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "store.redis.url") {
					t.Errorf("Open = %v, want %q and the key in it", err, want)
				}
			}
			if got := strings.Count(logged, "\n"); got != len(test.logged) {
				t.Errorf("logged:\n%s", logged)
			}
			for _, want := range test.logged {
				if !strings.Contains(logged, want) {
					t.Errorf("%q is not in the log:\n%s", want, logged)
				}
			}
		})
	}
}

// syncBuffer is a log that is read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestOpenWaitsForRedis(t *testing.T) {
	r := storetest.StartRedis(t)
	url := strings.Replace(r.URL(), "://", "://:hunter2@", 1)
	if err := admin(t, r).ConfigSet(t.Context(), "requirepass", "hunter2").Err(); err != nil {
		t.Fatal(err)
	}
	r.Kill()

	_, err := store.OpenRedis(t.Context(), url, quiet(), time.Now, 10*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), r.Address()+" (store.redis.url) is out of reach: ") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("after its patience: %v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	log := new(syncBuffer)
	failed := make(chan error, 1)
	go func() {
		_, err := store.OpenRedis(ctx, url, slog.New(slog.NewTextHandler(log, nil)), time.Now, time.Minute)
		failed <- err
	}()
	waiting := func() bool { return strings.Contains(log.String(), "waiting for redis") }
	for !waiting() {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-failed; err == nil {
		t.Error("it waits no longer than its context, and is open")
	}

	log = new(syncBuffer)
	opened := make(chan *store.Store, 1)
	go func() {
		s, err := store.OpenRedis(t.Context(), r.URL(), slog.New(slog.NewTextHandler(log, nil)), time.Now, time.Minute)
		if err != nil {
			t.Error(errors.Unwrap(err))
		}
		opened <- s
	}()
	for !waiting() {
		time.Sleep(time.Millisecond)
	}
	r.Restart() // which needs no password any more
	if s := <-opened; s != nil {
		mustTake(t, s.Claims("p"), claim(1, epoch))
		closeStore(t, s)
	}
	if strings.Contains(log.String(), "hunter2") {
		t.Errorf("the password shows:\n%s", log)
	}
}
