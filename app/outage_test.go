//go:build !kafka

package app_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// While the broker is away a submission is a 503 that says when to come again
// and which id to repeat; when the broker is back it is a 202, by itself, and
// whatever was accepted before is delivered.
func TestTheServiceOutlivesItsBroker(t *testing.T) {
	site := newSite(t)
	b := newBroker(t, site)
	s := site.start()
	s.accept("before", "2", "1")
	b.down()

	body := `{"type":"follow-` + s.run + `","data":{"follower_id":"3","followee_id":"1"}}`
	start := time.Now()
	resp, err := http.Post(s.url+"/v1/events", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	problem := text(t, resp)
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !strings.Contains(problem, `"ids":["`) {
		t.Fatalf("after %v: %d, Retry-After %q, %s", time.Since(start), resp.StatusCode, resp.Header.Get("Retry-After"), problem)
	}
	resp, err = http.Post(s.url+"/v1/events", "application/json", strings.NewReader("["+body+","+body+","+strings.Replace(body, `"1"`, `"2"`, 1)+"]"))
	if err != nil {
		t.Fatal(err)
	}
	if problem := text(t, resp); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a batch: %d, Retry-After %q, %s", resp.StatusCode, resp.Header.Get("Retry-After"), problem)
	}
	eventually(t, "not ready", func() bool {
		resp, err := http.Get(s.url + "/readyz")
		return err == nil && len(text(t, resp)) > 0 && resp.StatusCode == http.StatusServiceUnavailable
	})

	b.up()
	eventually(t, "accepted again", func() bool {
		code, _ := s.post("after", "4", "1")
		return code == http.StatusAccepted
	})
	eventually(t, "both delivered", func() bool {
		list := strings.Join(s.inbox("1"), " ")
		return strings.Contains(list, "Bruno") && strings.Contains(list, "Lena")
	})
	if n := len(s.poison()); n != 0 {
		t.Errorf("%d poisoned by an outage", n)
	}
}

// A service that stops while its broker is away ends soon after its time is up.
func TestStoppingWithoutABrokerEnds(t *testing.T) {
	site := newSite(t)
	b := newBroker(t, site)
	s := site.start()
	s.accept("e1", "2", "1")
	eventually(t, "delivery", func() bool { return len(s.inbox("1")) == 1 })
	b.down()

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	start := time.Now()
	err := s.app.Stop(ctx) // an error, unless nothing waited to be committed
	if err != nil && !strings.Contains(err.Error(), "come again") {
		t.Errorf("stop: %v", err)
	}
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("stopping took %v", took)
	}
	t.Logf("stopped after %v", time.Since(start))
}
