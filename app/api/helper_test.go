package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func TestMain(m *testing.M) {
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", openapi3filter.PlainBodyDecoder)
	goleak.VerifyTestMain(m)
}

const eventTypes = `
follow:
  key: "{data.followee_id}"
  schema:
    type: object
    required: [follower_id, followee_id]
    properties:
      follower_id: {type: [string, integer]}
      followee_id: {type: [string, integer]}
message:
  key: "{data.to_id}"
  schema:
    type: object
    required: [from_id, to_id, message]
    properties:
      message: {type: string, maxLength: 2000000}
open:
  key: all
`

// now is the time that every test runs at.
var now = time.Date(2026, 1, 2, 15, 4, 5, 123456789, time.UTC)

// publisher records what is published. fail, where it is set, decides.
type publisher struct {
	mu      sync.Mutex
	records []*record.Record
	calls   [][]*record.Record
	fail    func(ctx context.Context, rec *record.Record) error
}

func (p *publisher) Publish(ctx context.Context, records ...*record.Record) []error {
	errs := make([]error, len(records))
	p.mu.Lock()
	p.calls = append(p.calls, records)
	p.mu.Unlock()
	for i, rec := range records {
		if p.fail != nil {
			if errs[i] = p.fail(ctx, rec); errs[i] != nil {
				continue
			}
		}
		p.mu.Lock()
		p.records = append(p.records, rec)
		p.mu.Unlock()
	}
	return errs
}

// ids returns the event ids published, in order.
func (p *publisher) ids() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	ids := []string{}
	for _, rec := range p.records {
		ids = append(ids, rec.Get(record.HeaderEventID))
	}
	return ids
}

// badInput is how the lower floors say that the client is at fault.
type badInput string

func (b badInput) Error() string      { return "bad: " + string(b) }
func (b badInput) BadRequest() string { return string(b) }

// inbox has the notifications of each person, oldest first.
type inbox struct {
	people map[string][]*handler.Notification
	err    error
}

func (i *inbox) Page(_ context.Context, user string, limit int, cursor string) ([]*handler.Notification, string, error) {
	if i.err != nil {
		return nil, "", i.err
	}
	all := i.people[user]
	skip := 0
	if cursor != "" {
		if _, err := fmt.Sscanf(cursor, "after-%d", &skip); err != nil {
			return nil, "", badInput("the cursor is none that this service has given")
		}
	}
	var list []*handler.Notification
	for n := len(all) - 1 - skip; n >= 0; n-- {
		if len(list) == limit {
			return list, fmt.Sprintf("after-%d", skip+limit), nil
		}
		list = append(list, all[n])
	}
	return list, "", nil
}

func (i *inbox) All(_ context.Context, user string) ([]*handler.Notification, error) {
	return i.people[user], i.err
}

type pipelines []pipeline.Status

func (p pipelines) Status(context.Context) []pipeline.Status { return p }

func (p pipelines) Resume(_ context.Context, name string) (pipeline.Status, bool) {
	for i := range p {
		if p[i].Name == name {
			p[i].State, p[i].Breaker = pipeline.Running, nil
			return p[i], true
		}
	}
	return pipeline.Status{}, false
}

type health []string

func (h health) Ready(context.Context) (bool, []string) { return len(h) == 0, h }

type users struct {
	names map[string]string
	err   error
}

func (u users) Get(_ context.Context, key string) (map[string]any, bool, error) {
	name, found := u.names[key]
	return map[string]any{"id": key, "name": name}, found, u.err
}

// service is a running server whose every answer is held against openapi.yaml.
type service struct {
	*httptest.Server
	client    *http.Client
	publisher *publisher
	metrics   *prometheus.Registry
}

// start runs a server on fakes, which change may replace.
func start(t testing.TB, change ...func(o *api.Options)) *service {
	t.Helper()
	s := &service{metrics: prometheus.NewRegistry()}
	o := options(t)
	o.Metrics = s.metrics
	s.publisher = o.Publisher.(*publisher)
	for _, c := range change {
		c(&o)
	}
	server, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewUnstartedServer(server.Handler())
	api.Configure(s.Config)
	s.Start()
	transport := &http.Transport{}
	s.client = &http.Client{Transport: &checked{next: transport, t: t, router: description(t)}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		s.Close()
	})
	return s
}

// options are those of a service in which all is well.
func options(t testing.TB) api.Options {
	t.Helper()
	node, faults := config.Parse("test.yaml", []byte(eventTypes), func(string) (string, bool) { return "", false })
	var declared map[string]config.Event
	faults = append(faults, node.Decode(&declared)...)
	types, wrong := event.Compile(declared)
	if faults = append(faults, wrong...); len(faults) > 0 {
		t.Fatal(faults)
	}
	var mu sync.Mutex
	made := 0
	return api.Options{
		Types: types, Publisher: &publisher{}, Inbox: &inbox{}, Poison: &console{}, Pipelines: pipelines{}, Health: health{},
		Users: users{names: map[string]string{"1": "Emma", "2": "Bruno", "3": "Rick", "4": "Lena"}},
		Now:   func() time.Time { return now },
		NewID: func() string {
			mu.Lock()
			defer mu.Unlock()
			made++
			return fmt.Sprintf("made-%d", made)
		},
	}
}

// answer is an answer with its body read.
type answer struct {
	*http.Response
	body string
}

// do sends a request. Headers are given in pairs.
func (s *service) do(t testing.TB, method, path, body string, header ...string) answer {
	t.Helper()
	request, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	response, err := s.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response, string(text)}
}

// submit posts events.
func (s *service) submit(t testing.TB, contentType, body string, header ...string) answer {
	t.Helper()
	return s.do(t, http.MethodPost, "/v1/events", body, append([]string{"Content-Type", contentType}, header...)...)
}

// checked holds every answer against openapi.yaml.
type checked struct {
	next   http.RoundTripper
	t      testing.TB
	router routers.Router
}

func (c *checked) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	if fault := c.check(r, response, body); fault != nil {
		c.t.Errorf("%s %s: the answer is against openapi.yaml: %v\n%d %s", r.Method, r.URL, fault, response.StatusCode, body)
	}
	return response, nil
}

func (c *checked) check(r *http.Request, response *http.Response, body []byte) error {
	asked := r.Clone(context.Background())
	if r.Method == http.MethodHead {
		if len(body) > 0 {
			return errors.New("an answer to HEAD with a body")
		}
		return nil
	}
	route, parameters, err := c.router.FindRoute(asked)
	if err != nil {
		if response.StatusCode != http.StatusNotFound && response.StatusCode != http.StatusMethodNotAllowed {
			return err
		}
		if got := response.Header.Get("Content-Type"); got != "application/problem+json" {
			return errors.New("an error with the content type " + got)
		}
		return nil
	}
	return openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: asked, PathParams: parameters, Route: route},
		Status:                 response.StatusCode,
		Header:                 response.Header,
		Body:                   io.NopCloser(bytes.NewReader(body)),
		Options:                &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	})
}

var loaded = sync.OnceValues(func() (*openapi3.T, error) {
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(context.Background())
})

// document returns openapi.yaml, loaded and checked with all its examples.
func document(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := loaded()
	if err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	return doc
}

func description(t testing.TB) routers.Router {
	t.Helper()
	router, err := gorillamux.NewRouter(document(t))
	if err != nil {
		t.Fatal(err)
	}
	return router
}
