package api_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/app/poison"
)

// rick is who the tests' requests come from.
var rick = action.By{Address: "127.0.0.1", Name: "rick", Front: "web"}

// act posts an order to the console as rick.
func (s *service) act(t testing.TB, path, body string) answer {
	t.Helper()
	return s.do(t, http.MethodPost, "/v1/poison"+path, body, "Content-Type", "application/json", "Operator-Name", "rick", "Operator-Front", "web")
}

// busy is a console with a message and a job.
func busy() *console {
	ended := now.Add(time.Minute)
	output := notification("n")
	output.Data = []byte(`{"n":9007199254740993}`)
	return &console{
		entries: []poison.Entry{entry("a/b", `{"a":1}`)},
		jobs: []poison.Job{{
			ID: "j/1", State: poison.Held, By: rick, BegunAt: now, EndedAt: &ended, Why: "1 of the first 2 messages failed again", Who: action.Service,
			Terms: action.Terms{Target: poison.ToPipeline, Selection: "all", Rate: 0.5, Canary: 2, MaxFailed: 0.25},
			Total: 10, Taken: 1, Sent: 5, Delivered: 1, Dropped: 1, Superseded: 1, Failed: 1, Gone: 1, Awaited: true,
		}},
		refused: []poison.Refusal{{Reason: "it is archived", Count: 11, IDs: []string{"x"}}},
		preview: poison.Preview{
			Selected: 3, Eligible: 2, Targets: []poison.Target{{Topic: "events.follow", Messages: 2, Readers: []string{"g"}}},
			Refused: []poison.Refusal{{Reason: "it is archived", Count: 1, IDs: []string{"x"}}},
		},
		trial: action.Trial{
			Pipeline: "follow", Outcome: "delivered",
			Steps:   []action.TrialStep{{Step: "enrich a.yaml:1", Did: "passes it on", Values: map[string]any{"actor": map[string]any{"id": "2"}}, Text: "Hi"}},
			Outputs: []action.TrialOutput{{Topic: "notifications.user.1", Key: "1", Notification: *output}},
		},
	}
}

func TestActions(t *testing.T) {
	filter := poison.Query{State: poison.Open, Pipeline: "follow", Class: "decode", Filter: `a == "<b>"`, Words: "emma", OlderThan: 48 * time.Hour}
	chosen := poison.Selection{Query: filter, Limit: 7}
	const choice = `"state":"open","pipeline":"follow","class":"decode","filter":"a == \"<b>\"","q":"emma","older_than":"48h","limit":7`
	const job = `"id":"j/1","state":"held","by":{"address":"127.0.0.1","name":"rick","front":"web"}`
	tests := map[string]struct {
		path, body string
		status     int
		want       asked
		answer     string
	}{
		"archive by filter": {
			"/archive", `{` + choice + `,"reason":"test data"}`, 200,
			asked{What: "archive", Order: poison.Order{Selection: chosen, Reason: "test data"}},
			`{"done":2,"refused":[{"reason":"it is archived","count":11,"ids":["x"]}]}`,
		},
		"restore by ids":    {"/restore", `{"ids":["a","b"]}`, 200, asked{What: "restore", Order: poison.Order{Selection: poison.Selection{IDs: []string{"a", "b"}}}}, `"done":2`},
		"discard all":       {"/discard", `{"all":true,"reason":"r"}`, 200, asked{What: "discard", Order: poison.Order{Selection: poison.Selection{All: true}, Reason: "r"}}, `"done":2`},
		"nothing is chosen": {"/discard", `{}`, 200, asked{What: "discard"}, `"done":2`}, // the console itself refuses that
		"redrive": {
			"/redrives", `{` + choice + `,"target":"source","rate":0.5,"canary":2,"max_failed":0.25,"reason":"r"}`, 202,
			asked{What: "redrive", Order: poison.Order{Selection: chosen, Reason: "r", Terms: action.Terms{
				Target: "source", Rate: 0.5, Canary: 2, MaxFailed: 0.25,
				Selection: `state open, pipeline follow, class decode, filter a == "<b>", words emma, older than 48h0m0s, at most 7`,
			}}},
			`"refused":[{"reason":"it is archived","count":11,"ids":["x"]}]`,
		},
		"preview": {
			"/redrives", `{"ids":["a"],"dry_run":true}`, 200,
			asked{What: "preview", Order: poison.Order{Selection: poison.Selection{IDs: []string{"a"}}, Terms: action.Terms{Selection: "id a"}}},
			`{"selected":3,"eligible":2,"targets":[{"topic":"events.follow","messages":2,"readers":["g"]}],"refused":[{"reason":"it is archived","count":1,"ids":["x"]}]}`,
		},
		"redrive one": {
			"/a%2Fb/redrive", ``, 202,
			asked{What: "redrive", Order: poison.Order{Selection: poison.Selection{IDs: []string{"a/b"}}, Terms: action.Terms{Selection: "id a/b"}}},
			job,
		},
		"edit, text":       {"/a%2Fb/edit", `{"value_text":"{\"<\":1}\n","reason":"r"}`, 202, asked{What: "edit", ID: "a/b", Value: "{\"<\":1}\n", Order: poison.Order{Reason: "r"}}, job},
		"edit, bytes":      {"/a%2Fb/edit", `{"value_base64":"/wA="}`, 202, asked{What: "edit", ID: "a/b", Value: "\xff\x00"}, `"refused":[]`},
		"edit, dry":        {"/a/edit", `{"value_text":"x","dry_run":true}`, 200, asked{What: "try", ID: "a", Value: "x"}, `{"diff":"-a\n+b\n","trial":{"pipeline":"follow","outcome":"delivered"`},
		"edit, empty":      {"/a/edit", `{"value_base64":"","dry_run":true}`, 200, asked{What: "try", ID: "a"}, `"diff"`},
		"edit, empty text": {"/a/edit", `{"value_text":"","dry_run":true}`, 200, asked{What: "try", ID: "a"}, `"diff"`},
		"pause":            {"/redrives/j%2F1/pause", ``, 200, asked{What: "pause", ID: "j/1"}, job},
		"resume":           {"/redrives/j%2F1/resume", ``, 200, asked{What: "resume", ID: "j/1"}, job},
		"cancel":           {"/redrives/j%2F1/cancel", ``, 200, asked{What: "cancel", ID: "j/1"}, job},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := busy()
			s := start(t, with(c))
			got := s.act(t, tt.path, tt.body)
			if got.StatusCode != tt.status || !strings.Contains(got.body, tt.answer) {
				t.Errorf("%d %s, want %d %s", got.StatusCode, got.body, tt.status, tt.answer)
			}
			if location := got.Header.Get("Location"); (location == "/v1/poison/redrives/j%2F1") != (tt.status == http.StatusAccepted) {
				t.Errorf("Location %q", location)
			}
			if tt.want.What != "try" && tt.want.What != "preview" {
				tt.want.By = rick
			}
			if diff := cmp.Diff(tt.want, c.last()); diff != "" {
				t.Errorf("asked (-want +got)\n%s", diff)
			}
		})
	}
	s := start(t, with(busy()))
	for _, path := range []string{"/v1/poison/redrives", "/v1/poison/redrives/j%2F1"} {
		if got := s.do(t, http.MethodGet, path, ""); got.StatusCode != http.StatusOK || !strings.Contains(got.body, job) {
			t.Errorf("%s: %d %s", path, got.StatusCode, got.body)
		}
	}
}

// Bad orders reach no console.
func TestBadOrders(t *testing.T) {
	large := `{"value_base64":"` + base64.StdEncoding.EncodeToString(make([]byte, 1001+(16<<10))) + `"}`
	tests := map[string]struct {
		path, body, contentType string
		status                  int
		problem, pointer        string
		detail                  string
	}{
		"unknown member":        {"/archive", `{"ids":["a"],"resaon":"r"}`, "", 400, "malformed", "/resaon", "is no member that is known here"},
		"unknown, of a redrive": {"/redrives", `{"ids":["a"],"retries":1}`, "", 400, "malformed", "/retries", "is no member that is known here"},
		"unknown, of an edit":   {"/a/edit", `{"value":{}}`, "", 400, "malformed", "/value", "is no member that is known here"},
		"no object":             {"/archive", `["a"]`, "", 400, "malformed", "", "must be an object"},
		"ids of numbers":        {"/archive", `{"ids":[1]}`, "", 400, "malformed", "/ids/0", "must be a string"},
		"ids are no list":       {"/archive", `{"ids":"a"}`, "", 400, "malformed", "/ids", "must be a list of strings"},
		"half a message":        {"/redrives", `{"canary":1.5}`, "", 400, "malformed", "/canary", "must be a whole number"},
		"rate":                  {"/redrives", `{"rate":"fast"}`, "", 400, "malformed", "/rate", "must be a number"},
		"dry_run":               {"/redrives", `{"dry_run":"yes"}`, "", 400, "malformed", "/dry_run", "must be true or false"},
		"no base64":             {"/a/edit", `{"value_base64":"%"}`, "", 400, "malformed", "/value_base64", "must be text in base64"},
		"twice":                 {"/archive", `{"reason":"a","reason":"b"}`, "", 400, "malformed", "/reason", "stands twice"},
		"no JSON":               {"/archive", `{`, "", 400, "malformed", "", "invalid JSON"},
		"more after it":         {"/archive", `{} {}`, "", 400, "malformed", "", "something after the JSON value"},
		"empty":                 {"/archive", ` `, "", 400, "malformed", "", "the body is empty"},
		"class":                 {"/archive", `{"class":"x"}`, "", 400, "invalid-parameter", "/class", "must be one of decode"},
		"state":                 {"/redrives", `{"state":"x"}`, "", 400, "invalid-parameter", "/state", "must be one of open"},
		"older_than":            {"/discard", `{"older_than":"2d"}`, "", 400, "invalid-parameter", "/older_than", "such as 90m or 48h"},
		"limit":                 {"/archive", `{"limit":-1}`, "", 400, "invalid-parameter", "/limit", "0 for all"},
		"both payloads":         {"/a/edit", `{"value_text":"","value_base64":""}`, "", 400, "malformed", "", "one of them"},
		"no payload":            {"/a/edit", `{"reason":"r"}`, "", 400, "malformed", "", "one of them"},
		"payload too large":     {"/a/edit", large, "", 413, "too-large", "", "the payload has 17385 bytes, the most is 17384"},
		"body too large":        {"/archive", `{"reason":"` + strings.Repeat("r", 200_000) + `"}`, "", 413, "too-large", "", "the body is larger than"},
		"content type":          {"/archive", `{}`, "text/plain", 415, "unsupported-media-type", "", "send application/json"},
		"form":                  {"/a/edit", `{}`, "application/x-www-form-urlencoded", 415, "unsupported-media-type", "", "send application/json"},
		"id":                    {"/%FF/edit", `{"value_text":""}`, "", 400, "invalid-parameter", "", "is not valid UTF-8"},
		"id of one":             {"/%FF/redrive", ``, "", 400, "invalid-parameter", "", "is not valid UTF-8"},
		"id of a job":           {"/redrives/%FF/pause", ``, "", 400, "invalid-parameter", "", "is not valid UTF-8"},
	}
	c := busy()
	s := start(t, with(c), func(o *api.Options) { o.MaxBytes = 1000 })
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			contentType := tt.contentType
			if contentType == "" {
				contentType = "application/json; charset=utf-8"
			}
			got := s.do(t, http.MethodPost, "/v1/poison"+tt.path, tt.body, "Content-Type", contentType)
			p := problemOf(t, got)
			if got.StatusCode != tt.status || p.Type != "urn:kafka-notify:problem:"+tt.problem || !strings.Contains(p.Detail, tt.detail) {
				t.Errorf("%d %s", got.StatusCode, got.body)
			}
			if tt.pointer != "" && (len(p.Errors) != 1 || p.Errors[0].Pointer == nil || *p.Errors[0].Pointer != tt.pointer) {
				t.Errorf("the pointer is not %s: %s", tt.pointer, got.body)
			}
			if got := c.last(); got.What != "" {
				t.Errorf("asked %+v", got)
			}
		})
	}
	if got := s.do(t, http.MethodPost, "/v1/poison/archive", `{}`); got.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("without a content type: %d %s", got.StatusCode, got.body)
	}
}

// posts are all routes that change something.
var posts = map[string]string{
	"/archive": `{"all":true}`, "/restore": `{"all":true}`, "/discard": `{"all":true}`, "/redrives": `{"all":true}`,
	"/a%2Fb/redrive": ``, "/a%2Fb/edit": `{"value_text":""}`,
	"/redrives/j%2F1/pause": ``, "/redrives/j%2F1/resume": ``, "/redrives/j%2F1/cancel": ``,
}

// asker asks a server without a connection in between, from any address.
func asker(t *testing.T, c *console) func(method, path, body, from string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	o := options(t)
	o.Poison = c
	server, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return func(method, path, body, from string, header ...string) *httptest.ResponseRecorder {
		request := httptest.NewRequest(method, "/v1/poison"+path, strings.NewReader(body))
		request.RemoteAddr, request.Host = from, "127.0.0.1:8080"
		request.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		recorder := httptest.NewRecorder()
		server.Handler().ServeHTTP(recorder, request)
		return recorder
	}
}

// What the console refuses is a problem with the reason it gives.
func TestRefusedActions(t *testing.T) {
	for name, tt := range map[string]struct {
		err     error
		status  int
		problem string
		detail  string
	}{
		"as things stand":   {&poison.RefusedError{Reason: `no pipeline "follow" runs here`}, 409, "refused", `no pipeline "follow" runs here`},
		"nothing is chosen": {poison.ErrNoSelection, 400, "invalid-parameter", "nothing is selected: name ids, or a filter"},
		"no such entry":     {poison.ErrNotFound, 404, "not-found", "there is no such poison entry"},
		"no such job":       {poison.ErrNoJob, 404, "not-found", "there is no such redrive job"},
		"the broker":        {errAway, 503, "unavailable", "the broker is out of reach: try again in 5 seconds"},
	} {
		t.Run(name, func(t *testing.T) {
			c := busy()
			c.err = tt.err
			ask := asker(t, c)
			for path, body := range posts {
				got := ask(http.MethodPost, path, body, "127.0.0.1:1")
				var p api.Problem
				if err := json.Unmarshal(got.Body.Bytes(), &p); err != nil || got.Code != tt.status || p.Type != "urn:kafka-notify:problem:"+tt.problem || !strings.HasPrefix(p.Detail, tt.detail) {
					t.Errorf("%s: %d %s", path, got.Code, got.Body)
				}
			}
		})
	}
}

// Only who calls from the machine of the service may change anything, and no
// page of another site.
func TestWhoMayAct(t *testing.T) {
	c := busy()
	ask := asker(t, c)
	for path, body := range posts {
		for _, from := range []string{"192.0.2.1:4711", "[2001:db8::1]:4711", "10.0.0.7", "", "localhost:80"} {
			got := ask(http.MethodPost, path, body, from, "X-Forwarded-For", "127.0.0.1", "Forwarded", "for=127.0.0.1")
			var p api.Problem
			if err := json.Unmarshal(got.Body.Bytes(), &p); err != nil || got.Code != http.StatusForbidden || p.Type != "urn:kafka-notify:problem:forbidden" {
				t.Errorf("%s from %q: %d %s", path, from, got.Code, got.Body)
			}
		}
		if got := ask(http.MethodPost, path, body, "127.0.0.1:4711", "Origin", "https://evil.example"); got.Code != http.StatusForbidden || !strings.Contains(got.Body.String(), "problem:cross-origin") {
			t.Errorf("%s from another site: %d %s", path, got.Code, got.Body)
		}
		if c.last().What != "" {
			t.Fatalf("%s: asked %+v", path, c.last())
		}
	}
	for _, from := range []string{"127.0.0.1:4711", "[::1]:4711", "127.8.9.10:1"} {
		for path, body := range posts {
			if got := ask(http.MethodPost, path, body, from); got.Code >= http.StatusBadRequest {
				t.Errorf("%s from %q: %d %s", path, from, got.Code, got.Body)
			}
		}
	}
	for _, path := range []string{"", "/groups", "/export", "/a%2Fb", "/redrives", "/redrives/j%2F1"} {
		if got := ask(http.MethodGet, path, "", "192.0.2.1:4711"); got.Code != http.StatusOK {
			t.Errorf("%s: %d %s", path, got.Code, got.Body)
		}
	}
}

// Who asks is what the request says, cut and made harmless; the address is the
// connection's.
func TestOperator(t *testing.T) {
	c := &console{}
	s := start(t, with(c))
	for _, tt := range []struct {
		header []string
		want   action.By
	}{
		{nil, action.By{Address: "127.0.0.1", Front: "api"}},
		{[]string{"Operator-Name", "Noor"}, action.By{Address: "127.0.0.1", Name: "Noor", Front: "api"}},
		{[]string{"Operator-Name", strings.Repeat("x", 5000), "Operator-Front", "cli"}, action.By{Address: "127.0.0.1", Name: strings.Repeat("x", 97) + "…", Front: "cli"}},
	} {
		s.do(t, http.MethodPost, "/v1/poison/archive", `{"all":true}`, append([]string{"Content-Type", "application/json"}, tt.header...)...)
		if diff := cmp.Diff(tt.want, c.last().By); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}
