package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/poison"
)

func newClient(t *testing.T, address string) *api.Client {
	t.Helper()
	c, err := api.NewClient(address)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClient(t *testing.T) {
	status := pipeline.Status{Name: "follow", ID: "follow", State: pipeline.Running, Delivery: "exactly_once", Sources: []pipeline.SourceStatus{}, Handlers: []string{"route"}, Steps: []pipeline.StepStatus{}, Drops: []pipeline.DropStatus{}, Tiers: []pipeline.TierStatus{}}
	s := start(t, withNotifications, func(o *api.Options) { o.Pipelines = pipelines{status} })
	c, ctx := newClient(t, s.URL+"/"), t.Context()

	accepted, err := c.Send(ctx, api.Submission{Type: "follow", ID: "i", Source: "/s", Time: now, Data: json.RawMessage(`{"follower_id":"<2>","followee_id":9007199254740993}`)})
	if diff := cmp.Diff(api.Accept{ID: "i", Type: "follow", Status: api.Accepted}, accepted); err != nil || diff != "" {
		t.Errorf("Send: %v %s", err, diff)
	}
	if value := string(s.publisher.records[0].Value); !strings.HasSuffix(value, `"data":{"follower_id":"<2>","followee_id":9007199254740993}}`) {
		t.Errorf("sent %s", value)
	}
	if accepted, err = c.Send(ctx, api.Submission{Type: "open", Data: json.RawMessage(`1`)}); err != nil || accepted.ID != "made-1" {
		t.Errorf("Send without an id: %+v %v", accepted, err)
	}

	page, err := c.Inbox(ctx, "a/b", 0, "")
	if err != nil || len(page.Notifications) != 1 || page.NextCursor != "" {
		t.Errorf("Inbox: %+v %v", page, err)
	}
	page, err = c.Inbox(ctx, "1", 2, "after-1")
	if err != nil || len(page.Notifications) != 2 || !strings.Contains(string(page.Notifications[0]), `"id":"b"`) {
		t.Errorf("Inbox, second page: %+v %v", page, err)
	}

	running, err := c.Pipelines(ctx)
	if diff := cmp.Diff([]pipeline.Status{status}, running); err != nil || diff != "" {
		t.Errorf("Pipelines: %v %s", err, diff)
	}
}

func TestClientShowsProblems(t *testing.T) {
	s := start(t, failing(errAway, "away"))
	c, ctx := newClient(t, s.URL), t.Context()
	tests := map[string]struct {
		call   func() error
		status int
		want   string
	}{
		"fault": {func() error {
			_, err := c.Send(ctx, api.Submission{Type: "follow", Data: json.RawMessage(`{}`)})
			return err
		}, 400, "the event has 2 faults\n  /data/followee_id: is missing\n  /data/follower_id: is missing"},
		"ids": {func() error {
			_, err := c.Send(ctx, api.Submission{Type: "open", ID: "away", Data: json.RawMessage(`1`)})
			return err
		}, 503, "it is delivered once\n  event ids used: away"},
		"parameter": {func() error { _, err := c.Inbox(ctx, "1", 5000, ""); return err }, 400, "limit must be a number from 1 to 1000\n  limit: must be"},
		"not found": {func() error { _, err := c.PoisonEntry(ctx, "x"); return err }, 404, "there is no such poison entry"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := tt.call()
			var p *api.Problem
			if !errors.As(err, &p) || p.Status != tt.status || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestClientWithoutAService(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = newClient(t, address).Pipelines(t.Context())
	want := "no service answers at " + address + `: start one with "kafka-notify serve", or name another with --server`
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

func TestClientGivesUp(t *testing.T) {
	s := start(t)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if _, err := newClient(t, s.URL).Pipelines(ctx); err == nil || !strings.Contains(err.Error(), "did not answer in time") {
		t.Errorf("error %v", err)
	}
}

// Something else may listen there.
func TestClientAndAnotherService(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/poison") {
			http.Error(w, "<html>bad gateway</html>", http.StatusBadGateway)
			return
		}
		_, _ = w.Write([]byte("<html>"))
	}))
	defer other.Close()
	c, ctx := newClient(t, other.URL), t.Context()
	if _, err := c.Pipelines(ctx); err == nil || !strings.Contains(err.Error(), "is that kafka-notify?") {
		t.Errorf("error %v", err)
	}
	_, err := c.Poison(ctx, poison.Query{})
	var p *api.Problem
	if !errors.As(err, &p) || p.Status != http.StatusBadGateway || !strings.Contains(err.Error(), "the service answered 502 Bad Gateway") {
		t.Errorf("error %v", err)
	}
}

func TestClientAddress(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1:8080", "localhost", "ftp://x", "http://", "http://x?y", "http://x#y", "http://[::1"} {
		if _, err := api.NewClient(address); err == nil {
			t.Errorf("NewClient(%q) gave no error", address)
		}
	}
	for _, address := range []string{"http://127.0.0.1:8080", "https://example.com/notify/", "http://[::1]:8080"} {
		if _, err := api.NewClient(address); err != nil {
			t.Errorf("NewClient(%q): %v", address, err)
		}
	}
}
