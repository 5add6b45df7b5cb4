//go:build redis

package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/trieungochai/kafka-notify/app/store"
	"github.com/trieungochai/kafka-notify/app/store/storetest"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func init() {
	databases["redis"] = func(t testing.TB) database { return onRedis(storetest.StartRedis(t).URL()) }
}

// onRedis is the database in a Redis.
func onRedis(url string) database {
	return func(t testing.TB, now func() time.Time) *store.Store {
		s, err := store.OpenRedis(context.Background(), url, quiet(), now, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// admin is a client that sets a Redis up or looks into it.
func admin(t testing.TB, r *storetest.Redis) *redis.Client {
	o, err := redis.ParseURL(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	o.PipelinePoolSize = -1
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestInstancesShareClaims(t *testing.T) {
	db := onRedis(storetest.StartRedis(t).URL())
	a, b := db.open(t).Claims("p"), db.open(t).Claims("p")
	mustTake(t, a, claim(1, epoch))
	if got, err := b.Take(t.Context(), "key", claim(2, epoch)); err != nil || got != handler.Duplicate {
		t.Errorf("another instance takes what is taken: %v, %v", got, err)
	}
	mustTake(t, b, claim(1, epoch)) // a redelivery, after a rebalance
	if err := b.Release(t.Context(), "key", origin(2)); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Take(t.Context(), "key", claim(2, epoch)); err != nil || got != handler.Duplicate {
		t.Errorf("an instance released what isn't its own: %v, %v", got, err)
	}
	if err := b.Release(t.Context(), "key", origin(1)); err != nil {
		t.Fatal(err)
	}
	mustTake(t, a, claim(2, epoch))
}

// Instances that change one entry at the same time don't undo each other.
func TestInstancesChangeAnEntryTogether(t *testing.T) {
	db := onRedis(storetest.StartRedis(t).URL())
	instances := []handler.Claims{db.open(t).Claims("p"), db.open(t).Claims("p"), db.open(t).Claims("p")}
	at := func(i int) time.Time { return epoch.Add(time.Duration(i) * window) }
	var wg sync.WaitGroup
	for i := range store.MaxMarks {
		wg.Go(func() {
			if got, err := instances[i%3].Take(t.Context(), "key", claim(int64(i), at(i))); err != nil || got != handler.Taken {
				t.Errorf("claim %d: %v, %v", i, got, err)
			}
		})
	}
	wg.Wait()
	for i := range store.MaxMarks {
		if got, err := instances[0].Take(t.Context(), "key", claim(100, at(i))); err != nil || got != handler.Duplicate {
			t.Errorf("claim %d was undone: %v, %v", i, got, err)
		}
		wg.Go(func() {
			if err := instances[i%3].Release(t.Context(), "key", origin(int64(i))); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
	}
	mustTake(t, instances[0], claim(100, epoch))
}

// A key lives no shorter than its claims, and not for ever; a released one goes.
func TestClaimsLeaveRedis(t *testing.T) {
	r := storetest.StartRedis(t)
	claims, client := onRedis(r.URL()).open(t).Claims("p"), admin(t, r)
	mustTake(t, claims, claim(1, epoch))
	keys := client.Keys(t.Context(), "*").Val()
	if len(keys) != 1 || !strings.HasPrefix(keys[0], "kafka-notify:claim:") || strings.Contains(keys[0], "key") {
		t.Fatalf("keys = %q", keys)
	}
	least := window + 24*time.Hour
	if life := client.PTTL(t.Context(), keys[0]).Val(); life < least || life > least+time.Second {
		t.Errorf("it lives for %v, want %v and at most a second more", life, least)
	}
	if err := claims.Release(t.Context(), "key", origin(1)); err != nil {
		t.Fatal(err)
	}
	if n := client.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys are left after the release", n)
	}
}

// Redis forgets scripts when it is restarted, or told to.
func TestAForgottenScriptIsSentAgain(t *testing.T) {
	r := storetest.StartRedis(t)
	claims, client := onRedis(r.URL()).open(t).Claims("p"), admin(t, r)
	mustTake(t, claims, claim(1, epoch))
	if err := client.ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range int64(8) {
		wg.Go(func() {
			by := claim(i+2, epoch.Add(time.Duration(i+1)*window))
			if got, err := claims.Take(t.Context(), "key", by); err != nil || got != handler.Taken {
				t.Errorf("claim %d: %v, %v", i, got, err)
			}
		})
	}
	wg.Wait()
}

// What can't be read fails its message, visibly, instead of having the pipeline
// wait for ever.
func TestADamagedEntryInRedisIsNoOutage(t *testing.T) {
	r := storetest.StartRedis(t)
	claims, client := onRedis(r.URL()).open(t).Claims("p"), admin(t, r)
	mustTake(t, claims, claim(1, epoch))
	key := client.Keys(t.Context(), "*").Val()[0]
	for name, damage := range map[string]func() error{
		"other bytes": func() error { return client.Set(t.Context(), key, "damaged", 0).Err() },
		"another type": func() error {
			return errors.Join(client.Del(t.Context(), key).Err(), client.HSet(t.Context(), key, "a", "b").Err())
		},
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		if _, err := claims.Take(t.Context(), "key", claim(2, epoch)); !errors.Is(err, store.ErrEntry) || handler.IsUnavailable(err) {
			t.Errorf("%s: Take = %v, want ErrEntry and no outage", name, err)
		}
		if err := claims.Release(t.Context(), "key", origin(1)); !errors.Is(err, store.ErrEntry) || handler.IsUnavailable(err) {
			t.Errorf("%s: Release = %v, want ErrEntry and no outage", name, err)
		}
	}
}

// Whatever keeps Redis from writing is an outage, and ends with it.
func TestRedisThatRefusesToWriteIsAnOutage(t *testing.T) {
	for name, test := range map[string]struct{ begin, end []any }{
		"full":         {[]any{"CONFIG", "SET", "maxmemory", "1"}, []any{"CONFIG", "SET", "maxmemory", "0"}},
		"read-only":    {[]any{"REPLICAOF", "127.0.0.1", "1"}, []any{"REPLICAOF", "NO", "ONE"}},
		"no good user": {[]any{"ACL", "SETUSER", "notify", "-set"}, []any{"ACL", "SETUSER", "notify", "+set"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := storetest.StartRedis(t)
			client := admin(t, r)
			if err := client.Do(t.Context(), "ACL", "SETUSER", "notify", "on", ">hunter2", "~*", "+@all").Err(); err != nil {
				t.Fatal(err)
			}
			claims := onRedis(strings.Replace(r.URL(), "://", "://notify:hunter2@", 1)).open(t).Claims("p")
			if err := client.Do(t.Context(), test.begin...).Err(); err != nil {
				t.Fatal(err)
			}
			if _, err := claims.Take(t.Context(), "key", claim(1, epoch)); !handler.IsUnavailable(err) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("Take = %v, want it unavailable", err)
			}
			if err := client.Do(t.Context(), test.end...).Err(); err != nil {
				t.Fatal(err)
			}
			mustTake(t, claims, claim(1, epoch))
		})
	}
}

// A Redis that takes connections and says nothing is an outage too, for those
// who wait in the queue as well.
func TestASilentRedisIsAnOutage(t *testing.T) {
	r := storetest.StartRedis(t)
	s := onRedis(r.URL("read_timeout=300ms")).open(t)
	claims := s.Claims("p")
	r.Signal(syscall.SIGSTOP)
	var wg sync.WaitGroup
	for i := range int64(32) {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if _, err := claims.Take(ctx, fmt.Sprint(i), claim(i, epoch)); !handler.IsUnavailable(err) {
				t.Errorf("Take = %v, want it unavailable", err)
			}
		})
	}
	wg.Wait()
	if err := s.Ping(t.Context()); !handler.IsUnavailable(err) {
		t.Errorf("Ping = %v, want it unavailable", err)
	}
	r.Signal(syscall.SIGCONT)
	for i := range int64(32) {
		if got, err := claims.Take(t.Context(), fmt.Sprint(i), claim(i, epoch)); err != nil || got != handler.Taken {
			t.Errorf("claim %d afterwards: %v, %v", i, got, err)
		}
	}
}

// TestClaimsSurviveRedisKilled kills Redis amid claims, and starts it again.
// Here it flushes before it answers: with appendfsync everysec it answers up to
// two seconds ahead of what it has written while a flush is slow.
func TestClaimsSurviveRedisKilled(t *testing.T) {
	r := storetest.StartRedis(t, "--appendfsync", "always")
	s := onRedis(r.URL()).open(t)
	claims := s.Claims("p")
	const callers, restarts, phase = 32, 3, 1_000
	var taken [callers]int64
	var total, outages atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for i := int64(0); ; {
				select {
				case <-stop:
					taken[caller] = i
					return
				default:
				}
				switch got, err := claims.Take(t.Context(), fmt.Sprint(caller, " ", i), claim(i, epoch)); {
				case handler.IsUnavailable(err):
					outages.Add(1)
					time.Sleep(10 * time.Millisecond)
				case err != nil || got != handler.Taken:
					t.Errorf("Take = %v, %v", got, err)
					taken[caller] = i
					return
				default:
					i++
					total.Add(1)
				}
			}
		})
	}
	more := func(what string) {
		t.Helper()
		for goal, deadline := total.Load()+phase, time.Now().Add(time.Minute); total.Load() < goal; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("no claims are taken " + what)
			}
		}
	}
	more("at first")
	for range restarts {
		r.Kill()
		for seen, deadline := outages.Load(), time.Now().Add(time.Minute); outages.Load() == seen; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("nobody notices that Redis is gone")
			}
		}
		r.Restart()
		more("after a restart")
	}
	close(stop)
	wg.Wait()
	for caller, n := range taken {
		for i := range n {
			key := fmt.Sprint(caller, " ", i)
			if got, err := claims.Take(t.Context(), key, claim(-1, epoch)); err != nil || got != handler.Duplicate {
				t.Fatalf("claim %s is lost: %v, %v", key, got, err)
			}
		}
	}
	t.Logf("%d claims, %d outages", total.Load(), outages.Load())
}
