package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

var errAway = handler.Unavailable(errors.New("connection refused"))

// tooLarge is how the broker's refusal of a size arrives.
type tooLarge struct{}

func (tooLarge) Error() string  { return "message was too large" }
func (tooLarge) TooLarge() bool { return true }

// failing makes the publisher fail for the ids named.
func failing(err error, ids ...string) func(o *api.Options) {
	return func(o *api.Options) {
		o.Publisher.(*publisher).fail = func(_ context.Context, rec *record.Record) error {
			for _, id := range ids {
				if rec.Get(record.HeaderEventID) == id {
					return fmt.Errorf("publish: %w", err)
				}
			}
			return nil
		}
	}
}

func problemOf(t *testing.T, got answer) api.Problem {
	t.Helper()
	var p api.Problem
	if err := json.Unmarshal([]byte(got.body), &p); err != nil {
		t.Fatalf("%v in %s", err, got.body)
	}
	return p
}

func TestPublishFails(t *testing.T) {
	tests := map[string]struct {
		err     error
		status  int
		problem string
		retry   string
		ids     []string
	}{
		"broker away":     {errAway, 503, "unavailable", "5", []string{"made-1"}},
		"no answer":       {context.DeadlineExceeded, 503, "unavailable", "5", []string{"made-1"}},
		"too large":       {tooLarge{}, 413, "too-large", "", nil},
		"something else":  {errors.New("secret of the inside"), 500, "internal", "", []string{"made-1"}},
		"cluster refuses": {errors.New("not authorized"), 500, "internal", "", []string{"made-1"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t, failing(tt.err, "made-1"))
			got := s.submit(t, "application/json", `{"type":"open","data":1}`)
			p := problemOf(t, got)
			if got.StatusCode != tt.status || p.Type != "urn:kafka-notify:problem:"+tt.problem || got.Header.Get("Retry-After") != tt.retry {
				t.Errorf("%d %s, Retry-After %q", got.StatusCode, got.body, got.Header.Get("Retry-After"))
			}
			if diff := cmp.Diff(tt.ids, p.IDs); diff != "" {
				t.Errorf("ids (-want +got)\n%s", diff)
			}
			if strings.Contains(got.body, tt.err.Error()) {
				t.Errorf("the inside shows: %s", got.body)
			}
			// It heals by itself: the next event gets another id, which works.
			if again := s.submit(t, "application/json", `{"type":"open","data":1}`); again.StatusCode != http.StatusAccepted {
				t.Errorf("afterwards %d %s", again.StatusCode, again.body)
			}
		})
	}
}

func follows(pairs ...string) string {
	var items []string
	for i := 0; i < len(pairs); i += 2 {
		items = append(items, fmt.Sprintf(`{"type":"follow","id":"%s","data":{"follower_id":"9","followee_id":"%s"}}`, pairs[i], pairs[i+1]))
	}
	return "[" + strings.Join(items, ",") + "]"
}

func TestAfterAFailureTheLaterOnesOfTheKeyAreNotAttempted(t *testing.T) {
	s := start(t, failing(errAway, "b"))
	got := s.submit(t, "application/json", follows("a", "1", "b", "1", "c", "2", "d", "1", "e", "2"))
	if got.StatusCode != http.StatusMultiStatus {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	var batch api.BatchAccept
	if err := json.Unmarshal([]byte(got.body), &batch); err != nil {
		t.Fatal(err)
	}
	want := []string{"a accepted 0 []", "b failed 503 [b]", "c accepted 0 []", "d not_attempted 503 [d]", "e accepted 0 []"}
	var results []string
	for _, r := range batch.Results {
		status, ids := 0, []string{}
		if r.Problem != nil {
			status, ids = r.Problem.Status, r.Problem.IDs
		}
		results = append(results, fmt.Sprint(r.ID, " ", r.Status, " ", status, " ", ids))
	}
	if diff := cmp.Diff(want, results); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if batch.Accepted != 3 || batch.Rejected != 2 {
		t.Errorf("accepted %d, rejected %d", batch.Accepted, batch.Rejected)
	}
}

func TestNothingAcceptedForWantOfABrokerIsOne503(t *testing.T) {
	s := start(t, failing(errAway, "a", "b", "c"))
	got := s.submit(t, "application/json", follows("a", "1", "b", "1", "c", "2"))
	p := problemOf(t, got)
	if got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") != "5" {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, p.IDs); diff != "" {
		t.Errorf("ids (-want +got)\n%s", diff)
	}
}

func TestRejectedBesideFailedIsAnswerPerItem(t *testing.T) {
	s := start(t, failing(errAway, "a"))
	got := s.submit(t, "application/json", strings.Replace(follows("a", "1", "b", ""), `"followee_id":""`, `"followee_id":null`, 1))
	if got.StatusCode != http.StatusMultiStatus {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}

// Two events of one key are never on their way at once; of different keys all
// are.
func TestBatchIsConcurrentAndKeepsTheOrderOfEachKey(t *testing.T) {
	s := start(t)
	var pairs []string
	want := map[string][]string{}
	for i := range 1000 {
		key := fmt.Sprint(i % 100)
		id := fmt.Sprintf("%s-%03d", key, i)
		pairs = append(pairs, id, key)
		want[key] = append(want[key], id)
	}
	if got := s.submit(t, "application/json", follows(pairs...)); got.StatusCode != http.StatusAccepted {
		t.Fatalf("%d %.300s", got.StatusCode, got.body)
	}
	got := map[string][]string{}
	for _, rec := range s.publisher.records {
		got[string(rec.Key)] = append(got[string(rec.Key)], rec.Get(record.HeaderEventID))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got)\n%s", diff)
	}
	for n, call := range s.publisher.calls {
		keys := map[string]bool{}
		for _, rec := range call {
			keys[string(rec.Key)] = true
		}
		if len(keys) != 100 || len(call) != 100 {
			t.Errorf("call %d has %d events of %d keys, want one of each of the 100", n, len(call), len(keys))
		}
	}
}

// A broker that never answers holds a request no longer than the limit, however
// many events it has.
func TestPublishTimeoutBoundsTheWholeRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(t)
		o.PublishTimeout = 10 * time.Second
		o.Publisher.(*publisher).fail = func(ctx context.Context, _ *record.Record) error {
			<-ctx.Done()
			return handler.Unavailable(ctx.Err())
		}
		var pairs []string
		for i := range 1000 {
			pairs = append(pairs, fmt.Sprint("id-", i), fmt.Sprint(i))
		}
		begin := time.Now()
		got := serve(t, o, follows(pairs...))
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("took %v", took)
		}
		var p api.Problem
		if err := json.Unmarshal(got.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if got.Code != http.StatusServiceUnavailable || len(p.IDs) != 1000 {
			t.Errorf("%d with %d ids: %.300s", got.Code, len(p.IDs), got.Body)
		}
	})
}

func TestSubmissionMetrics(t *testing.T) {
	s := start(t, failing(errAway, "away"))
	s.submit(t, "application/json", native)
	s.submit(t, "application/json", `[`+native+`,{"type":"follow","data":{}},{"type":"made-up","data":1},{"type":"open","id":"away","data":1}]`)
	s.submit(t, "application/json", `{`)
	s.submit(t, "text/plain", `x`)
	want := `
# HELP kafka_notify_events_accepted_total Events that the broker has confirmed.
# TYPE kafka_notify_events_accepted_total counter
kafka_notify_events_accepted_total{type="follow"} 2
# HELP kafka_notify_events_rejected_total Events, and requests that hold none that can be read, that were not accepted, by the name of the problem.
# TYPE kafka_notify_events_rejected_total counter
kafka_notify_events_rejected_total{reason="invalid-event",type="follow"} 1
kafka_notify_events_rejected_total{reason="malformed",type="unknown"} 1
kafka_notify_events_rejected_total{reason="unavailable",type="open"} 1
kafka_notify_events_rejected_total{reason="unknown-event-type",type="unknown"} 1
kafka_notify_events_rejected_total{reason="unsupported-media-type",type="unknown"} 1
`
	names := []string{"kafka_notify_events_accepted_total", "kafka_notify_events_rejected_total"}
	if err := testutil.GatherAndCompare(s.metrics, strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(s.metrics, "kafka_notify_submit_publish_seconds", "kafka_notify_http_request_seconds"); err != nil || n != 5 {
		t.Errorf("%d series of times, %v: want publish and 202, 207, 400, 415 of HTTP", n, err)
	}
	problems, err := testutil.GatherAndLint(s.metrics)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
}
