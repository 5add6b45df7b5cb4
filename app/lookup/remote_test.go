package lookup_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/trieungochai/kafka-notify/app/lookup"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// remote starts a lookup "users" at a handler's server; more is further YAML
// of its http mapping. It also checks that nothing is left running at the end.
func remote(t testing.TB, serve http.HandlerFunc, more string) (handler.Lookup, *lookup.Set) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	set, _ := started(t, fmt.Sprintf("users: {http: {url: '%s/users/{key}' %s}}", server.URL, more), folder(""))
	return get(t, set, "users"), set
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func TestRemote(t *testing.T) {
	tests := []struct {
		name    string
		serve   http.HandlerFunc
		want    map[string]any // nil: not found, or wantErr
		wantErr string
	}{
		{
			"a record", answer(200, `{"id": "emma", "name": "Emma", "tags": ["a", null, true]}`),
			map[string]any{"id": "emma", "name": "Emma", "tags": []any{"a", nil, true}},
			"",
		},
		{"a record without id", answer(200, `{"name": "Emma"}`), map[string]any{"id": "1", "name": "Emma"}, ""},
		{
			"numbers stay exact", answer(200, `{"id": 9007199254740993, "big": 18446744073709551615, "pi": 3.5}`),
			map[string]any{"id": int64(9007199254740993), "big": uint64(18446744073709551615), "pi": 3.5},
			"",
		},
		{"404", answer(404, `{"error": "no such user"}`), nil, ""},
		{"500", answer(500, `{"name": "Emma"}`), nil, "answered 500 Internal Server Error"},
		{"429", answer(429, ""), nil, "answered 429 Too Many Requests"},
		{"204 is no record", answer(204, ""), nil, "answered 204 No Content"},
		{"malformed JSON", answer(200, `{"name": "Emma"`), nil, "without valid JSON"},
		{"a key twice", answer(200, `{"name": "Emma", "name": "Bruno"}`), nil, "without valid JSON"},
		{"HTML", answer(200, `<html>please log in</html>`), nil, "without valid JSON"},
		{"two objects", answer(200, `{} {}`), nil, "without valid JSON"},
		{"an empty body", answer(200, ``), nil, "no object"},
		{"a list", answer(200, `[{"name": "Emma"}]`), nil, "no object"},
		{"null", answer(200, `null`), nil, "no object"},
		{"a huge body", answer(200, `{"name": "`+strings.Repeat("x", 1<<20)+`"}`), nil, "more than 1 MiB"},
		{"a body cut short", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{"name": "Emma"}`))
		}, nil, "no answer from the service: unexpected EOF"},
		{"a slow answer", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, nil, "did not answer within 200ms"},
		{"a slow body", func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(`{"name":`))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, nil, "did not answer within 200ms"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			users, _ := remote(t, test.serve, ", timeout: 200ms")
			record, found, err := users.Get(t.Context(), "1")
			if found != (test.want != nil) {
				t.Errorf("found = %v", found)
			}
			if diff := cmp.Diff(test.want, record); diff != "" {
				t.Error(diff)
			}
			switch {
			case test.wantErr == "" && err != nil:
				t.Errorf("error %v", err)
			case test.wantErr != "" && err == nil:
				t.Errorf("no error, want %q", test.wantErr)
			case test.wantErr != "":
				if !strings.HasPrefix(err.Error(), `lookup "users": `) || !strings.Contains(err.Error(), test.wantErr) {
					t.Errorf("error %q, want one that names the lookup and says %q", err, test.wantErr)
				}
				if handler.IsPermanent(err) || handler.IsUnavailable(err) {
					t.Errorf("error %q must be one that may heal", err)
				}
			}
		})
	}
}

func TestRemoteSendsHeaders(t *testing.T) {
	var got http.Header
	users, _ := remote(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		_, _ = w.Write([]byte(`{}`))
	}, ", headers: {x-api-key: abc}")
	if _, _, err := users.Get(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"X-Api-Key": "abc", "Accept": "application/json", "User-Agent": "kafka-notify"} {
		if got.Get(name) != want {
			t.Errorf("header %s = %q, want %q", name, got.Get(name), want)
		}
	}
}

// An answer that is no record leaves the connection to the next request.
func TestRemoteKeepsItsConnection(t *testing.T) {
	for _, status := range []int{200, 404, 500} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			var connections atomic.Int32
			server := httptest.NewUnstartedServer(answer(status, `{"told": "nothing"}`))
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					connections.Add(1)
				}
			}
			server.Start()
			defer server.Close()
			set, _ := started(t, fmt.Sprintf("users: {http: {url: '%s/users/{key}'}}", server.URL), folder(""))
			users := get(t, set, "users")
			for n := range 10 {
				_, _, _ = users.Get(t.Context(), strconv.Itoa(n))
			}
			if n := connections.Load(); n != 1 {
				t.Errorf("10 requests opened %d connections, want 1", n)
			}
		})
	}
}

func TestRemoteEscapesKeys(t *testing.T) {
	var uri atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		uri.Store(r.RequestURI)
		_, _ = w.Write([]byte(`{}`))
	}))
	defer server.Close()
	set, _ := started(t, "users: {http: {url: '"+server.URL+"/u/{key}?of={key}&admin=0'}}", folder(""))
	users := get(t, set, "users")
	for key, escaped := range map[string]string{
		"1":            "1",
		"../admin":     "..%2Fadmin",
		"a/b?c#d":      "a%2Fb%3Fc%23d",
		"1&admin=1":    "1%26admin%3D1",
		"a b+c%20":     "a%20b%2Bc%2520",
		"Zoë":          "Zo%C3%AB",
		"x\r\nHost: y": "x%0D%0AHost%3A%20y",
		"{key}":        "%7Bkey%7D",
	} {
		if _, found, err := users.Get(t.Context(), key); err != nil || !found {
			t.Errorf("Get(%q) = %v, %v", key, found, err)
		}
		if want := "/u/" + escaped + "?of=" + escaped + "&admin=0"; uri.Load() != want {
			t.Errorf("key %q asked for %s, want %s", key, uri.Load(), want)
		}
	}
	uri.Store("nothing")
	for _, key := range []string{"", ".", ".."} {
		if _, found, err := users.Get(t.Context(), key); err != nil || found {
			t.Errorf("Get(%q) = %v, %v; want it not found", key, found, err)
		}
	}
	if uri.Load() != "nothing" {
		t.Errorf("a key that names nothing asked for %s", uri.Load())
	}
}

func TestRemoteCache(t *testing.T) {
	var asked atomic.Int64
	var status atomic.Int64
	status.Store(404)
	users, _ := remote(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(int(status.Load()))
		_, _ = w.Write([]byte(`{}`))
	}, ", cache: {ttl: 300ms}")
	ask := func(key string, wantFound bool, wantAsked int64) {
		t.Helper()
		_, found, _ := users.Get(t.Context(), key)
		if found != wantFound || asked.Load() != wantAsked {
			t.Errorf("found %v after %d requests, want %v after %d", found, asked.Load(), wantFound, wantAsked)
		}
	}
	ask("1", false, 1)
	ask("1", false, 2) // That there is none isn't remembered,
	status.Store(500)
	ask("1", false, 3) // nor is a failure.
	status.Store(200)
	ask("1", true, 4)
	ask("1", true, 4)
	ask("2", true, 5)
	time.Sleep(400 * time.Millisecond)
	ask("1", true, 6)
}

func TestRemoteCacheSize(t *testing.T) {
	var asked atomic.Int64
	users, _ := remote(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write([]byte(`{}`))
	}, ", cache: {size: 10}")
	for range 2 {
		for i := range 100 {
			if _, _, err := users.Get(t.Context(), fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := asked.Load(); n < 150 {
		t.Errorf("%d requests for 200 gets of 100 keys: the cache holds more than 10 records", n)
	}
}

// TestRemoteSharesRequests has many ask for one key at once, of whom the first
// goes away.
func TestRemoteSharesRequests(t *testing.T) {
	var asked atomic.Int64
	arrived, release := make(chan struct{}), make(chan struct{})
	users, _ := remote(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			close(arrived)
		}
		<-release
		_, _ = w.Write([]byte(`{"name": "Emma"}`))
	}, "")
	first, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, _, err := users.Get(first, "1")
		gone <- err
	}()
	<-arrived
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			record, found, err := users.Get(t.Context(), "1")
			if err != nil || !found || record["name"] != "Emma" {
				t.Errorf("Get = %v, %v, %v", record, found, err)
			}
		})
	}
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller who went away got %v, want context.Canceled", err)
	}
	close(release)
	wg.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestStopEndsRequests(t *testing.T) {
	arrived := make(chan struct{})
	users, set := remote(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}, ", timeout: 1m")
	failed := make(chan error)
	go func() {
		_, _, err := users.Get(t.Context(), "1")
		failed <- err
	}()
	<-arrived
	stopping := time.Now()
	set.Stop()
	if took := time.Since(stopping); took > 10*time.Second {
		t.Errorf("Stop took %v", took)
	}
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "not running") {
		t.Errorf("the request under way ended with %v", err)
	}
	if _, _, err := users.Get(t.Context(), "2"); err == nil {
		t.Error("a stopped lookup answers")
	}
}

func BenchmarkRemoteCached(b *testing.B) {
	users, _ := remote(b, answer(200, `{"name": "Emma"}`), "")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, found, err := users.Get(b.Context(), "1"); err != nil || !found {
				b.Error(found, err)
			}
		}
	})
}
