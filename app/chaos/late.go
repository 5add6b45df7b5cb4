package chaos

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// lateFor is how long the late lookup fails for a key that is new to it: longer
// than the attempts in place, shorter than a retry tier.
const lateFor = 2 * time.Second

// late is a lookup service that knows everybody, but not at first.
type late struct {
	url    string
	server *http.Server

	mu    sync.Mutex
	asked map[string]time.Time // by key: when for the first time
}

func startLate() (*late, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &late{url: "http://" + listener.Addr().String(), asked: make(map[string]time.Time)}
	l.server = &http.Server{Handler: l, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = l.server.Serve(listener) }()
	return l, nil
}

// ServeHTTP implements http.Handler.
func (l *late) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	l.mu.Lock()
	first, ok := l.asked[r.URL.Path]
	if !ok {
		first = now
		l.asked[r.URL.Path] = now
	}
	l.mu.Unlock()
	if now.Sub(first) < lateFor {
		http.Error(w, "not yet", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprint(w, `{"name":"Late"}`)
}

func (l *late) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := l.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, l.server.Close())
	}
	return err
}
