package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/app/poison"
)

// exported are many entries.
func exported(n int) *console {
	c := &console{}
	for i := range n {
		c.entries = append(c.entries, entry(fmt.Sprintf("e%d", i), `{"html":"<&>"}`))
	}
	return c
}

func TestExport(t *testing.T) {
	const n = 2500
	c := exported(n)
	s := start(t, with(c))
	got := s.do(t, http.MethodGet, "/v1/poison/export", "")
	if got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != "application/x-ndjson" || !strings.Contains(got.Header.Get("Content-Disposition"), "poison.ndjson") {
		t.Errorf("%d %v", got.StatusCode, got.Header)
	}
	lines := strings.Split(strings.TrimSuffix(got.body, "\n"), "\n")
	if len(lines) != n {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines {
		var e poison.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.ID != fmt.Sprintf("e%d", i) || string(e.Value) != `{"html":"<&>"}` {
			t.Fatalf("line %d: %v %s", i, err, line)
		}
	}
	var out bytes.Buffer
	if err := newClient(t, s.URL).ExportPoison(t.Context(), poison.Query{State: poison.Open}, &out); err != nil || out.String() != got.body {
		t.Errorf("the client's export: %v, %d bytes", err, out.Len())
	}
	if q := c.last().Query; q.State != poison.Open {
		t.Errorf("query %+v", q)
	}
}

// A part of an export never looks like the whole.
func TestExportBreaksOff(t *testing.T) {
	c := exported(2500)
	c.breaks = 2000
	s := start(t, with(c))
	var out bytes.Buffer
	err := newClient(t, s.URL).ExportPoison(t.Context(), poison.Query{}, &out)
	if err == nil || !strings.Contains(err.Error(), "the export broke off, what was written is a part") {
		t.Errorf("error %v after %d lines", err, bytes.Count(out.Bytes(), []byte("\n")))
	}
	c.breaks, c.entries, c.err = 0, nil, errAway
	err = newClient(t, s.URL).ExportPoison(t.Context(), poison.Query{}, &out)
	if err == nil || !strings.Contains(err.Error(), "the broker is out of reach") {
		t.Errorf("before anything is written: %v", err)
	}
}

// nextEvent reads an event of a stream and returns its data.
func nextEvent(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	var lines []string
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("the stream ended: %v", err)
		}
		if line = strings.TrimSuffix(line, "\n"); line == "" {
			break
		}
		lines = append(lines, line)
	}
	if len(lines) != 2 || lines[0] != "event: change" {
		t.Fatalf("an event of %q", lines)
	}
	return strings.TrimPrefix(lines[1], "data: ")
}

// streaming runs a service whose connections have little time, and opens the
// stream of a console.
func streaming(t *testing.T, c *console, stopping <-chan struct{}) (*http.Response, context.CancelFunc) {
	t.Helper()
	o := options(t)
	o.Poison, o.Stopping = c, stopping
	server, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(server.Handler())
	s.Config.ReadTimeout, s.Config.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond
	s.Start()
	t.Cleanup(s.Close) // which waits for the stream to end
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/v1/poison/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" || response.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", response.StatusCode, response.Header)
	}
	return response, cancel
}

func TestStream(t *testing.T) {
	stopping := make(chan struct{})
	c := &console{open: 3, jobs: busy().jobs}
	response, _ := streaming(t, c, stopping)
	events := bufio.NewReader(response.Body)
	for i, want := range []int{3, 4, 7} {
		if i > 0 {
			time.Sleep(150 * time.Millisecond) // longer than the connection's limits
			c.change(want - 1)
			c.change(want)
		}
		var got poison.Summary
		text := nextEvent(t, events)
		if err := json.Unmarshal([]byte(text), &got); err != nil || got.Open != want || len(got.Jobs) != 1 || got.Jobs[0].Sent != 5 {
			t.Errorf("event %d: %v %s", i, err, text)
		}
		schema := document(t).Components.Schemas["PoisonSummary"].Value
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		if err := schema.VisitJSON(value); err != nil {
			t.Errorf("against openapi.yaml: %v", err)
		}
	}
	close(stopping)
	if rest, err := io.ReadAll(events); err != nil || len(rest) > 0 {
		t.Errorf("after the service stops: %q %v", rest, err)
	}
}

// A client that goes leaves nothing behind: closing the server waits for the
// handler, and the package's tests end without a goroutine.
func TestStreamIsLeft(t *testing.T) {
	c := &console{}
	response, cancel := streaming(t, c, nil)
	nextEvent(t, bufio.NewReader(response.Body))
	cancel()
	c.change(1)
}

// HEAD asks for the headers only, and gives its connection back.
func TestHeadOfAStream(t *testing.T) {
	s := start(t)
	for range 3 {
		if got := s.do(t, http.MethodHead, "/v1/poison/stream", ""); got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("%d %v", got.StatusCode, got.Header)
		}
	}
}

func TestClientWatches(t *testing.T) {
	stopping := make(chan struct{})
	c := &console{open: 1}
	for i := range 1000 { // more than one line of a reader holds
		c.jobs = append(c.jobs, poison.Job{ID: fmt.Sprint(i), State: poison.Running, BegunAt: now})
	}
	s := start(t, with(c), func(o *api.Options) { o.Stopping = stopping })
	var seen []int
	err := newClient(t, s.URL).WatchPoison(t.Context(), func(s poison.Summary) error {
		if seen = append(seen, s.Open); len(seen) == 1 {
			c.change(2)
		} else {
			close(stopping)
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "the service has ended the stream") || fmt.Sprint(seen) != "[1 2]" {
		t.Errorf("%v, saw %v", err, seen)
	}

	s = start(t, with(c))
	ctx, cancel := context.WithCancel(t.Context())
	if err := newClient(t, s.URL).WatchPoison(ctx, func(poison.Summary) error { cancel(); return nil }); err != nil {
		t.Errorf("when its caller ends it: %v", err)
	}
	if err := newClient(t, s.URL).WatchPoison(t.Context(), func(poison.Summary) error { return errAway }); !errors.Is(err, errAway) {
		t.Errorf("when its caller fails: %v", err)
	}
}
