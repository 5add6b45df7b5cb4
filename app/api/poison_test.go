package api_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/app/poison"
)

func entry(id, value string) poison.Entry {
	return poison.Entry{
		ID: id, Pipeline: "follow", Class: "lookup_missing", Step: "enrich (kafka-notify.yaml:57:9)", Reason: "no <user>",
		Topic: "events.follow", Partition: 4, Offset: 17, Key: "1", Value: poison.Value(value),
		Headers: []poison.Header{{Key: "event_id", Value: "f-9"}, {Key: "event_id", Value: "f-9"}}, EventID: "f-9", EventType: "follow",
		Attempts: 1, FirstFailedAt: now, LastFailedAt: now, Fingerprint: "5f2a", State: poison.Open,
		Record: poison.Place{Topic: "notifications.poison", Offset: 2, Timestamp: now},
	}
}

// with runs a service on a console.
func with(c api.Poison) func(*api.Options) { return func(o *api.Options) { o.Poison = c } }

func TestPoison(t *testing.T) {
	expires := now.Add(time.Hour)
	sent := entry("text", "no json")
	sent.State, sent.Job, sent.Fate, sent.ExpiresAt = poison.Redriven, "j", action.Delivered, &expires
	c := &console{entries: []poison.Entry{entry("json", `{"a":9007199254740993}`), sent, entry("binary", "\xff\x00")}}
	s := start(t, with(c))
	list := s.do(t, http.MethodGet, "/v1/poison", "")
	if list.StatusCode != http.StatusOK || list.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", list.StatusCode, list.body)
	}
	for _, want := range []string{
		`"value":{"a":9007199254740993}`, `"value_text":"no json"`, `"value_base64":"/wA="`, `"next_cursor":"next"`, `"headers":[{"key":"event_id"`,
		`"reason":"no <user>"`, `"state":"open"`, `"state":"redriven","job":"j","fate":"delivered"`, `"expires_at":"2026-01-02T16:04:05.123456789Z"`, `"total":3`,
	} {
		if !strings.Contains(list.body, want) {
			t.Errorf("the list lacks %s: %s", want, list.body)
		}
	}
	one := s.do(t, http.MethodGet, "/v1/poison/text", "")
	for _, want := range []string{
		`"value_text":"no json"`, `"timeline":[{"at":"2026-01-02T15:04:05.123456789Z","what":"failed","round":0,"class":"lookup_missing"`,
		`"by":{"name":"rick","front":"cli"},"job":"j","edited":true,"diff":"-a\n+b\n","refused":"another was faster"`,
	} {
		if one.StatusCode != http.StatusOK || !strings.Contains(one.body, want) {
			t.Errorf("%d, without %s: %s", one.StatusCode, want, one.body)
		}
	}
	none := s.do(t, http.MethodGet, "/v1/poison/none", "")
	if p := problemOf(t, none); none.StatusCode != http.StatusNotFound || p.Type != "urn:kafka-notify:problem:not-found" {
		t.Errorf("%d %s", none.StatusCode, none.body)
	}
}

func TestEmptyPoisonIsAList(t *testing.T) {
	s := start(t)
	for path, want := range map[string]string{
		"/v1/poison":          `{"entries":[],"next_cursor":"next","total":0}`,
		"/v1/poison/groups":   `{"groups":[]}`,
		"/v1/poison/redrives": `{"redrives":[]}`,
		"/v1/poison/export":   ``,
	} {
		if got := s.do(t, http.MethodGet, path, ""); got.StatusCode != http.StatusOK || strings.TrimSpace(got.body) != want {
			t.Errorf("%s: %d %s", path, got.StatusCode, got.body)
		}
	}
}

// Lists, groups and export select in the same way.
func TestPoisonIsSelected(t *testing.T) {
	c := &console{groups: []poison.Group{{Fingerprint: "5f2a", Pipeline: "follow", Count: 3, FirstSeen: now, LastSeen: now, Hours: make([]int, 24)}}}
	s := start(t, with(c))
	all := "state=archived&pipeline=follow&class=lookup_missing&filter=" + url.QueryEscape("attempts > 1") + "&q=emma&older_than=1h30m"
	want := poison.Query{
		State: poison.Archived, Pipeline: "follow", Class: "lookup_missing", Filter: "attempts > 1", Words: "emma", OlderThan: 90 * time.Minute,
	}
	paged := want
	paged.Limit, paged.Cursor = 7, "c"
	for path, want := range map[string]asked{
		"/v1/poison?limit=7&cursor=c&" + all: {What: "list", Query: paged},
		"/v1/poison":                         {What: "list", Query: poison.Query{Limit: 50}},
		"/v1/poison/groups?" + all:           {What: "groups", Query: want},
		"/v1/poison/groups":                  {What: "groups"},
		"/v1/poison/export?" + all:           {What: "each", Query: want},
		"/v1/poison/export":                  {What: "each"},
	} {
		got := s.do(t, http.MethodGet, path, "")
		if diff := cmp.Diff(want, c.last()); got.StatusCode != http.StatusOK || diff != "" {
			t.Errorf("%s: %d %s, asked (-want +got)\n%s", path, got.StatusCode, got.body, diff)
		}
	}
	for query, want := range map[string]string{
		"class=lookup":                   "class must be one of decode, schema, lookup_missing",
		"state=closed":                   "state must be one of open, redriven, archived, discarded",
		"older_than=2d":                  "older_than must be a duration such as 90m or 48h",
		"older_than=-1h":                 "older_than must be a duration such as 90m or 48h",
		"older_than=0s":                  "older_than must be a duration such as 90m or 48h",
		"state=open&class=Decode":        "class must be one of",
		"older_than=90&pipeline=follow":  "older_than must be a duration",
		"class=" + url.QueryEscape("\n"): "class must be one of",
	} {
		name, _, _ := strings.Cut(want, " ")
		for _, path := range []string{"/v1/poison", "/v1/poison/groups", "/v1/poison/export"} {
			got := s.do(t, http.MethodGet, path+"?"+query, "")
			p := problemOf(t, got)
			if got.StatusCode != http.StatusBadRequest || !strings.HasPrefix(p.Detail, want) || len(p.Errors) != 1 || p.Errors[0].Parameter != name {
				t.Errorf("%s?%s: %d %s", path, query, got.StatusCode, got.body)
			}
		}
	}
}

// What the console says is wrong is said to the caller, whatever the route.
func TestFaultsOfReading(t *testing.T) {
	selecting := []string{"", "/groups", "/export"}
	all := append([]string{"/stream", "/x", "/redrives", "/redrives/x"}, selecting...)
	for name, tt := range map[string]struct {
		err    error
		paths  []string
		status int
		detail string
	}{
		"a filter":    {&poison.FilterError{Filter: "clas", Message: `unknown name "clas"`}, selecting, http.StatusBadRequest, `filter, at character 1: unknown name "clas"`},
		"a cursor":    {badInput("the cursor is none"), selecting, http.StatusBadRequest, "the cursor is none"},
		"at start":    {poison.ErrNotReady, all, http.StatusServiceUnavailable, "the poison topic is still being read"},
		"the broker":  {errAway, all, http.StatusServiceUnavailable, "the broker is out of reach"},
		"the service": {errors.New("secret"), all, http.StatusInternalServerError, "its log says why"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, with(&console{err: tt.err}))
			for _, path := range tt.paths {
				got := s.do(t, http.MethodGet, "/v1/poison"+path, "")
				if p := problemOf(t, got); got.StatusCode != tt.status || !strings.Contains(p.Detail, tt.detail) {
					t.Errorf("%s: %d %s", path, got.StatusCode, got.body)
				}
			}
		})
	}
}
