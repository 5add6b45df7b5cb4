package lookup

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/expr"
)

var errNotRunning = errors.New("lookups are not running")

// cache holds records by key. It makes one request for all who ask for a key
// meanwhile.
type cache = otter.Cache[string, map[string]any]

// remote is a lookup in an HTTP service.
type remote struct {
	name    string
	url     *expr.Template
	headers http.Header
	timeout time.Duration
	ttl     time.Duration
	size    int
	client  *http.Client

	cache atomic.Pointer[cache] // nil unless started

	mu      sync.Mutex // orders loads.Add before loads.Wait
	started bool
	alive   context.Context // of every request; ends with stop
	end     context.CancelFunc
	loads   sync.WaitGroup
}

func newRemote(name string, c *config.HTTPLookup, client *http.Client) (*remote, config.Faults) {
	r := &remote{
		name:    name,
		headers: http.Header{"Accept": {"application/json"}, "User-Agent": {"kafka-notify"}},
		timeout: c.Timeout,
		ttl:     c.Cache.TTL,
		size:    c.Cache.Size,
		client:  client,
	}
	for header, value := range c.Headers {
		r.headers.Set(header, value)
	}
	var fault *config.Fault
	if r.url, fault = parseURL(c.URL); fault != nil {
		return nil, config.Faults{*fault}
	}
	return r, nil
}

// parseURL compiles the template of a URL. Which host is asked must not depend
// on the key: keys come from whoever may submit an event.
func parseURL(text config.Text) (*expr.Template, *config.Fault) {
	fail := func(offset int, format string, a ...any) (*expr.Template, *config.Fault) {
		f := text.Node.FaultAt(offset, format, a...)
		return nil, &f
	}
	t, err := expr.NewEnv("key").Template(text.Value)
	if err != nil {
		var at *expr.Error
		if errors.As(err, &at) {
			return fail(at.Offset, "%s", at.Message)
		}
		return fail(0, "%v", err)
	}
	if !strings.Contains(text.Value, "key") {
		return fail(0, "the url names no {key}: every key would find the same record")
	}
	var hosts [2]string
	for i, key := range []key{"1", "2"} {
		filled, err := t.Eval(key)
		if err != nil {
			return fail(0, "the url can't be filled in for the key %q: %v", string(key), err)
		}
		u, err := url.Parse(filled)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			// The text may hold a password, so it isn't shown.
			return fail(0, "the url must be absolute and begin with http:// or https://")
		}
		hosts[i] = u.Scheme + "://" + u.Host
	}
	if hosts[0] != hosts[1] {
		return fail(0, "the host must not depend on the key")
	}
	return t, nil
}

// key is the variable of a URL's template. Its value is escaped already, so
// that no key can leave its place, be it in the path or in the query.
type key string

// ResolveName implements expr.Vars.
func (k key) ResolveName(name string) (any, bool) {
	if name != "key" {
		return nil, false
	}
	// PathEscape leaves & and = alone, QueryEscape turns a blank into a plus.
	return strings.ReplaceAll(url.QueryEscape(string(k)), "+", "%20"), true
}

func (r *remote) start() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alive, r.end = context.WithCancel(context.Background())
	r.started = true
	r.cache.Store(otter.Must(&otter.Options[string, map[string]any]{
		MaximumSize:      r.size,
		ExpiryCalculator: otter.ExpiryWriting[string, map[string]any](r.ttl),
		Logger:           &otter.NoopLogger{}, // It only repeats the errors that Get returns.
	}))
}

// stop ends requests under way, waits for them and closes connections.
func (r *remote) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.started {
		return
	}
	r.started = false
	r.end()
	r.loads.Wait()
	r.cache.Swap(nil).StopAllGoroutines()
	r.client.CloseIdleConnections()
}

// Get returns the record of a key: from the cache, or by asking the service.
// 200 with a JSON object is a record, 404 means that there is none, and isn't
// remembered, so that a repair is seen at once. Anything else is an error that
// may heal. Errors name the lookup and what went wrong, and neither the URL
// nor a header: these may hold secrets.
//
// Keys that can't name one thing in a path ("", "." and "..") are never found.
func (r *remote) Get(ctx context.Context, key string) (record map[string]any, found bool, err error) {
	record, err = r.get(ctx, key)
	switch {
	case errors.Is(err, otter.ErrNotFound):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("lookup %q: %w", r.name, err)
	}
	return record, true, nil
}

func (r *remote) get(ctx context.Context, key string) (map[string]any, error) {
	if key == "" || key == "." || key == ".." {
		return nil, otter.ErrNotFound
	}
	c := r.cache.Load()
	if c == nil {
		return nil, errNotRunning
	}
	if record, ok := c.GetIfPresent(key); ok {
		return record, nil
	}
	r.mu.Lock()
	if !r.started {
		r.mu.Unlock()
		return nil, errNotRunning
	}
	r.loads.Add(1)
	r.mu.Unlock()
	// The request is shared by all who ask for the key meanwhile, so it
	// outlives the first of them, who may go away at any time.
	type answer struct {
		record map[string]any
		err    error
	}
	answered := make(chan answer, 1)
	go func() {
		defer r.loads.Done()
		record, err := c.Get(context.WithoutCancel(ctx), key, otter.LoaderFunc[string, map[string]any](r.ask))
		answered <- answer{record, err}
	}()
	select {
	case a := <-answered:
		return a.record, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
