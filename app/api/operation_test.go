package api_test

import (
	"bytes"
	"context"
	"log/slog"
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

// serve asks a server for a submission, without a connection in between.
func serve(t testing.TB, o api.Options, body string) *httptest.ResponseRecorder {
	t.Helper()
	server, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	server.Handler().ServeHTTP(recorder, request)
	return recorder
}

func TestPipelines(t *testing.T) {
	status := pipeline.Status{
		Name: "follow", ID: "f", Subscribe: "events.follow", Group: "kafka-notify.f", State: pipeline.Running, Delivery: "exactly_once", Handlers: []string{"enrich", "route"},
		Sources:   []pipeline.SourceStatus{{Topic: "events.follow", Group: "kafka-notify.f", Lag: -1, OldestUnprocessedSeconds: 1.5}},
		Delivered: 1, Dropped: 2, Retried: 3, Poisoned: 4, Lag: -1, OldestUnprocessedSeconds: 1.5,
		Steps: []pipeline.StepStatus{{Type: "switch", At: "f.yaml:3", Calls: 7, Branches: []pipeline.BranchStatus{{Label: "data.n > 1", Steps: []pipeline.StepStatus{
			{Type: "route", At: "f.yaml:5", Topics: []string{"t"}, Calls: 6},
		}}}, Drops: []pipeline.DropStatus{{Handler: "switch", Reason: "odd", Count: 2}}}},
		Drops: []pipeline.DropStatus{{Handler: "switch", Reason: "odd", Count: 2}}, Rates: pipeline.Rates{Delivered: 0.5},
		DeliveredBySecond: []int{1},
		Tiers:             []pipeline.TierStatus{{Topic: "notifications.retry.follow.1", DelaySeconds: 10, Lag: 5}},
	}
	s := start(t, func(o *api.Options) {
		o.Pipelines = pipelines{status, {Name: "bare", ID: "bare", State: pipeline.Stopped, Delivery: "at_least_once"}}
	})
	got := s.do(t, http.MethodGet, "/v1/pipelines", "")
	want := `{"pipelines":[{"name":"follow","id":"f","subscribe":"events.follow","group":"kafka-notify.f","sources":[{"topic":"events.follow","group":"kafka-notify.f","lag":-1,"oldest_unprocessed_seconds":1.5}],"state":"running","delivery":"exactly_once","handlers":["enrich","route"],` +
		`"steps":[{"type":"switch","at":"f.yaml:3","calls":7,"drops":[{"handler":"switch","reason":"odd","count":2}],` +
		`"branches":[{"label":"data.n > 1","steps":[{"type":"route","at":"f.yaml:5","topics":["t"],"calls":6}]}]}],` +
		`"delivered":1,"dropped":2,"retried":3,"poisoned":4,"drops":[{"handler":"switch","reason":"odd","count":2}],` +
		`"rates":{"delivered":0.5,"dropped":0,"retried":0,"poisoned":0},"lag":-1,"oldest_unprocessed_seconds":1.5,"tiers":[{"topic":"notifications.retry.follow.1","delay_seconds":10,"lag":5}]},` +
		`{"name":"bare","id":"bare","subscribe":"","group":"","sources":[],"state":"stopped","delivery":"at_least_once","handlers":[],"steps":[],"delivered":0,"dropped":0,"retried":0,"poisoned":0,` +
		`"drops":[],"rates":{"delivered":0,"dropped":0,"retried":0,"poisoned":0},"lag":0,"oldest_unprocessed_seconds":0,"tiers":[]}]}`
	if diff := cmp.Diff(want, strings.TrimSpace(got.body)); diff != "" || got.StatusCode != http.StatusOK {
		t.Errorf("%d (-want +got)\n%s", got.StatusCode, diff)
	}
	if got := start(t).do(t, http.MethodGet, "/v1/pipelines", ""); strings.TrimSpace(got.body) != `{"pipelines":[]}` {
		t.Errorf("without pipelines: %s", got.body)
	}
}

func TestResume(t *testing.T) {
	since := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	s := start(t, func(o *api.Options) {
		o.Pipelines = pipelines{{Name: "a/b", ID: "f", State: pipeline.Paused, Delivery: "exactly_once", Breaker: &pipeline.BreakerStatus{
			Since: since, Share: 0.75, Poisoned: 90, Finished: 120, WindowSeconds: 60,
			Class: "lookup_missing", Step: "enrich kafka-notify.yaml:51", Reason: "no such user", NextTrial: since.Add(30 * time.Second),
		}}}
	})
	breaker := `"breaker":{"since":"2026-01-02T15:04:05Z","share":0.75,"poisoned":90,"finished":120,"window_seconds":60,` +
		`"class":"lookup_missing","step":"enrich kafka-notify.yaml:51","reason":"no such user","next_trial":"2026-01-02T15:04:35Z"}`
	if got := s.do(t, http.MethodGet, "/v1/pipelines", ""); !strings.Contains(got.body, `"state":"paused","delivery":"exactly_once",`+breaker) {
		t.Errorf("while it is paused: %s", got.body)
	}
	for _, tt := range []struct {
		name, origin string
		want         int
	}{
		{"a%2Fb", "https://evil.example", http.StatusForbidden},
		{"none", "", http.StatusNotFound},
		{"%FF", "", http.StatusBadRequest},
		{"a%2Fb", "", http.StatusOK},
		{"a%2Fb", "", http.StatusOK}, // it isn't paused any more
	} {
		got := s.do(t, http.MethodPost, "/v1/pipelines/"+tt.name+"/resume", "", "Origin", tt.origin)
		if got.StatusCode != tt.want {
			t.Errorf("%s from %q: %d, want %d: %s", tt.name, tt.origin, got.StatusCode, tt.want, got.body)
		}
		if running := strings.Contains(got.body, `"state":"running","delivery":"exactly_once","handlers":[]`); running != (tt.want == http.StatusOK) {
			t.Errorf("%s from %q: %s", tt.name, tt.origin, got.body)
		}
	}
}

func TestHealth(t *testing.T) {
	well := start(t)
	for path, want := range map[string]string{"/livez": `{"status":"ok"}`, "/readyz": `{"status":"ready"}`} {
		if got := well.do(t, http.MethodGet, path, ""); got.StatusCode != http.StatusOK || strings.TrimSpace(got.body) != want {
			t.Errorf("%s: %d %s", path, got.StatusCode, got.body)
		}
		if got := well.do(t, http.MethodHead, path, ""); got.StatusCode != http.StatusOK || got.body != "" {
			t.Errorf("HEAD %s: %d %q", path, got.StatusCode, got.body)
		}
	}
	ill := start(t, func(o *api.Options) {
		o.Health = health{"the broker is out of reach", "pipeline follow has not joined its group"}
	})
	got := ill.do(t, http.MethodGet, "/readyz", "")
	p := problemOf(t, got)
	if got.StatusCode != http.StatusServiceUnavailable || len(p.Errors) != 2 || !strings.Contains(p.Detail, "pipeline follow has not joined its group") {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	if got := ill.do(t, http.MethodGet, "/livez", ""); got.StatusCode != http.StatusOK {
		t.Errorf("/livez: %d", got.StatusCode)
	}
}

func TestMetricsAreServed(t *testing.T) {
	s := start(t)
	s.submit(t, "application/json", native)
	s.do(t, http.MethodGet, "/v1/users/1/notifications", "")
	s.do(t, http.MethodGet, "/nowhere", "")
	got := s.do(t, http.MethodGet, "/metrics", "")
	for _, want := range []string{
		`kafka_notify_events_accepted_total{type="follow"} 1`,
		`kafka_notify_submit_publish_seconds_count 1`,
		`kafka_notify_http_request_seconds_count{code="202",method="POST",route="/v1/events"} 1`,
		`kafka_notify_http_request_seconds_count{code="200",method="GET",route="/v1/users/{id}/notifications"} 1`,
		`kafka_notify_http_request_seconds_count{code="404",method="GET",route="none"} 1`,
	} {
		if !strings.Contains(got.body, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

func TestNoSuchRoute(t *testing.T) {
	s := start(t)
	for _, path := range []string{"/", "/v1", "/v1/events/", "/v1//events", "/notifications/", "/v1/users//notifications", "/v1/users/a/b/notifications"} {
		got := s.do(t, http.MethodPost, path, "x")
		if p := problemOf(t, got); got.StatusCode != http.StatusNotFound || !strings.Contains(p.Detail, "/openapi.yaml") {
			t.Errorf("%s: %d %s", path, got.StatusCode, got.body)
		}
	}
	for _, tt := range []struct{ method, path, allow string }{
		{http.MethodGet, "/v1/events", "POST"},
		{http.MethodDelete, "/v1/poison/x", "GET, HEAD"},
		{http.MethodOptions, "/send", "POST"},
		{"BREW", "/livez", "GET, HEAD"},
	} {
		got := s.do(t, tt.method, tt.path, "")
		if p := problemOf(t, got); got.StatusCode != http.StatusMethodNotAllowed || got.Header.Get("Allow") != tt.allow || p.Status != got.StatusCode {
			t.Errorf("%s %s: %d, Allow %q, %s", tt.method, tt.path, got.StatusCode, got.Header.Get("Allow"), got.body)
		}
	}
}

// panicking panics on every question.
type panicking struct{ console }

func (*panicking) Get(context.Context, string) (poison.Detail, error) { panic("boom") }

func TestAPanicIsOneAnswer(t *testing.T) {
	var log bytes.Buffer
	s := start(t, func(o *api.Options) {
		o.Poison = &panicking{}
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	got := s.do(t, http.MethodGet, "/v1/poison/x", "")
	if p := problemOf(t, got); got.StatusCode != http.StatusInternalServerError || p.Type != "urn:kafka-notify:problem:internal" || strings.Contains(got.body, "boom") {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	if !strings.Contains(log.String(), "boom") || !strings.Contains(log.String(), "operation_test.go") {
		t.Errorf("log: %s", log.String())
	}
	if got := s.do(t, http.MethodGet, "/livez", ""); got.StatusCode != http.StatusOK {
		t.Errorf("afterwards %d", got.StatusCode)
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	_, err := api.New(api.Options{})
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{"Types", "Publisher", "Inbox", "Poison", "Pipelines", "Health"} {
		if !strings.Contains(err.Error(), "option "+name+" is required") {
			t.Errorf("the error lacks %s: %v", name, err)
		}
	}
	if _, err := api.New(options(t)); err != nil {
		t.Errorf("with the rest left out: %v", err)
	}
	o := options(t)
	first := start(t)
	o.Metrics = first.metrics
	if _, err := api.New(o); err == nil {
		t.Error("the metrics are registered twice without an error")
	}
}

func TestConfigureBoundsEveryConnection(t *testing.T) {
	var server http.Server
	api.Configure(&server)
	if server.MaxHeaderBytes != 32<<10 || server.ReadHeaderTimeout <= 0 || server.ReadTimeout <= 0 || server.IdleTimeout <= 0 {
		t.Errorf("limits are missing: %+v", &server)
	}
	if server.WriteTimeout <= api.DefaultPublishTimeout {
		t.Errorf("an answer may take %v, and the broker %v", server.WriteTimeout, api.DefaultPublishTimeout)
	}
}
