package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/poison"
)

func TestListShowsGroupsAndMessages(t *testing.T) {
	hours := make([]int, 24)
	hours[0], hours[23] = 8, 1
	large := entry("large", `"`+strings.Repeat("x", 1<<20)+`"`)
	c := &console{
		entries: []poison.Entry{entry("a/b", "{}"), large},
		groups:  []poison.Group{{Fingerprint: `5f"2a`, Pipeline: "follow", Class: "lookup_missing", Reason: "no user 5", Count: 1234, LastSeen: now, Hours: hours}},
	}
	a := open(t, c).get("/ui/poison")
	a.has(t, `href="/ui/poison/messages/a%2Fb"`, "no user 5", "enrich kafka-notify.yaml:57", "redriven 1×", "expires in 2 d", "2026-01-02 15:03:05", "60 s ago",
		"1,234,567", "1,234", `aria-label="9 in the last 24 hours, at most 8 in one, 1 in the running one"`,
		`d="M0 24v-24h4v24zM115 24v-3h4v3z"`)
	if len(a.body) > 64<<10 {
		t.Errorf("the page has %d bytes", len(a.body))
	}
	want := poison.Query{State: poison.Open, Limit: 50}
	if diff := cmp.Diff(want, c.queries[0]); diff != "" {
		t.Error(diff)
	}
}

func TestFilter(t *testing.T) {
	c := &console{entries: []poison.Entry{entry("m", "{}")}, next: "page-2"}
	a := open(t, c).get("/ui/poison?state=all&pipeline=follow&class=schema&filter=attempts+%3E+1&q=emma&older_than=48h&cursor=page-1")
	want := poison.Query{Pipeline: "follow", Class: "schema", Filter: "attempts > 1", Words: "emma", OlderThan: 48 * 3600e9, Limit: 50, Cursor: "page-1"}
	if diff := cmp.Diff(want, c.queries[0]); diff != "" {
		t.Error(diff)
	}
	same := url.Values{
		"class": {"schema"}, "filter": {"attempts > 1"}, "older_than": {"48h"}, "pipeline": {"follow"}, "q": {"emma"}, "state": {"all"},
	}
	for _, cursor := range []string{"", "page-2"} {
		if cursor != "" {
			same.Set("cursor", cursor)
		}
		if link := "/ui/poison?" + same.Encode(); !slices.Contains(a.links(), link) {
			t.Errorf("no link leads to %s: %q", link, a.links())
		}
	}
	form := a.form(t, "/ui/poison")
	for name, value := range map[string]string{"state": "all", "pipeline": "follow", "filter": "attempts > 1", "q": "emma", "older_than": "48h"} {
		if form.Get(name) != value {
			t.Errorf("%s is %q", name, form.Get(name))
		}
	}
	if first := open(t, &console{}).get("/ui/poison"); slices.ContainsFunc(first.links(), func(l string) bool { return strings.Contains(l, "cursor") }) {
		t.Errorf("the only page leads on: %q", first.links())
	}
}

func TestMistakeInAFilter(t *testing.T) {
	c := &console{err: &poison.FilterError{Filter: "attempts > 1 &&\n\té pipelin == \"x\"", Offset: 20, Message: `unknown name "pipelin"`}}
	a := open(t, c).get("/ui/poison?filter=" + url.QueryEscape("attempts > 1 && pipelin"))
	if a.StatusCode != http.StatusBadRequest {
		t.Errorf("%d", a.StatusCode)
	}
	a.has(t, "filter: unknown name &#34;pipelin&#34;", `value="attempts &gt; 1 &amp;&amp; pipelin"`, `aria-invalid="true"`)
	pre := inner(a.all("pre")[0])
	if want := "\té pipelin == \"x\"\n\t  ^"; pre != want {
		t.Errorf("%q, want %q", pre, want)
	}
}

// A group's links select what the list shows of it, and nothing else.
func TestGroupNarrowsTheFilter(t *testing.T) {
	c := &console{groups: []poison.Group{{Fingerprint: `a"b`, Count: 1, Hours: make([]int, 24)}, {Fingerprint: "c", Count: 1, Hours: make([]int, 24)}}}
	a := open(t, c).get("/ui/poison?filter=attempts+%3E+1+||+truncated&pipeline=follow")
	want := url.Values{"filter": {`(attempts > 1 || truncated) && fingerprint == "a\"b"`}, "pipeline": {"follow"}}
	if link := "/ui/poison?" + want.Encode(); !slices.Contains(a.links(), link) {
		t.Errorf("no link leads to %s: %q", link, a.links())
	}
	want.Set("scope", "shown")
	if link := "/ui/poison/redrive?" + want.Encode(); !slices.Contains(a.links(), link) {
		t.Errorf("no link leads to %s: %q", link, a.links())
	}
}

func TestManyGroupsAreFolded(t *testing.T) {
	c := new(console)
	for i := range 150 {
		c.groups = append(c.groups, poison.Group{Fingerprint: fmt.Sprint(i), Count: 1, Hours: make([]int, 24)})
	}
	a := open(t, c).get("/ui/poison")
	a.has(t, "94 more causes", "50 smaller ones are not shown")
	if n := len(a.all("svg")); n != 100 {
		t.Errorf("%d groups", n)
	}
}

func TestButtonsFitTheState(t *testing.T) {
	for state, want := range map[string][]string{
		"open":      {"redrive", "archive", "discard"},
		"archived":  {"restore", "discard"},
		"discarded": {"restore"},
		"redriven":  nil,
		"all":       {"redrive", "archive", "restore", "discard"},
	} {
		a := open(t, &console{entries: []poison.Entry{entry("m", "{}")}}).get("/ui/poison?state=" + state)
		var got []string
		for _, button := range a.all("button") {
			if attribute(button, "name") == "scope" && attribute(button, "value") == "ticked" {
				got = append(got, strings.TrimPrefix(attribute(button, "formaction"), "/ui/poison/"))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", state, diff)
		}
	}
}
