package web_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// pages are all that can be asked for.
var pages = []string{
	"/ui", "/ui/", "/ui/poison", "/ui/poison?filter=x", "/ui/poison/messages/m", "/ui/poison/messages/m/payload", "/ui/poison/messages/m/edit",
	"/ui/poison/messages/none", "/ui/poison/archive?scope=ticked&id=m", "/ui/poison/redrive?scope=shown", "/ui/poison/redrives", "/ui/poison/redrives/j",
	"/ui/pipelines", "/ui/nothing", "/ui/static/console.css", "/ui/static/console.js", "/ui/static/icon.svg", "/ui/static/nothing",
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	b := open(t, &console{entries: []poison.Entry{entry("m", "{}")}})
	answers := map[string]*answer{"POST": b.post("/ui/poison/archive", url.Values{"scope": {"ticked"}, "id": {"m"}}), "DELETE": b.do(http.MethodDelete, "/ui/poison", "")}
	for _, path := range pages {
		answers[path] = b.get(path)
	}
	for name, a := range answers {
		policy := a.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none';") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", name, policy)
		}
		if a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Referrer-Policy") != "same-origin" {
			t.Errorf("%s: %v", name, a.Header)
		}
		if cache := a.Header.Get("Cache-Control"); cache != "no-store" && !strings.HasPrefix(name, "/ui/static/") {
			t.Errorf("%s: Cache-Control %q", name, cache)
		}
		for _, text := range []string{" style=", "<style", "javascript:", " onclick"} {
			if strings.Contains(a.body, text) && !strings.HasPrefix(name, "/ui/static/") {
				t.Errorf("%s has %q", name, text)
			}
		}
	}
}

func TestStatuses(t *testing.T) {
	m := []poison.Entry{entry("m", "{}")}
	for _, tt := range []struct {
		path   string
		err    error
		status int
		want   string
	}{
		{"/ui/poison", nil, http.StatusOK, "Poison queue"},
		{"/ui/nothing", nil, http.StatusNotFound, "There is no such page"},
		{"/ui/poison/messages/none", nil, http.StatusNotFound, "There is no such message"},
		{"/ui/poison/redrives/j", poison.ErrNoJob, http.StatusNotFound, "There is no such redrive job"},
		{"/ui/poison", poison.ErrNotReady, http.StatusServiceUnavailable, "still being read"},
		{"/ui/poison", handler.Unavailable(errors.New("no broker answers")), http.StatusServiceUnavailable, "no broker answers"},
		{"/ui/poison/messages/m", errors.New("secret"), http.StatusInternalServerError, "Its log says why"},
		{"/ui/poison?state=gone", nil, http.StatusBadRequest, "state: &#34;gone&#34; is none"},
		{"/ui/poison?older_than=soon", nil, http.StatusBadRequest, "must be a duration such as 90m or 48h"},
		{"/ui/poison/redrive", nil, http.StatusBadRequest, "nothing is selected"},
		{"/ui/poison/discard?scope=ticked", nil, http.StatusBadRequest, "no message is ticked"},
	} {
		a := open(t, &console{entries: m, err: tt.err}).get(tt.path)
		if a.StatusCode != tt.status {
			t.Errorf("%s: %d, want %d", tt.path, a.StatusCode, tt.status)
		}
		a.has(t, tt.want)
		a.lacks(t, "secret")
		waits := a.Header.Get("Retry-After") != "" && strings.Contains(a.body, `http-equiv="refresh"`)
		if unavailable := tt.status == http.StatusServiceUnavailable; waits != unavailable {
			t.Errorf("%s: asked again by itself: %t", tt.path, waits)
		}
	}
}

// posts are all requests that change something.
var posts = map[string]url.Values{
	"/ui/poison/archive":           {"scope": {"ticked"}, "id": {"m"}},
	"/ui/poison/restore":           {"scope": {"ticked"}, "id": {"m"}},
	"/ui/poison/discard":           {"scope": {"ticked"}, "id": {"m"}, "reason": {"spam"}},
	"/ui/poison/redrive":           {"scope": {"ticked"}, "id": {"m"}},
	"/ui/poison/messages/m/edit":   {"value": {"{}"}, "do": {"try"}},
	"/ui/poison/redrives/j/pause":  {},
	"/ui/poison/redrives/j/resume": {},
	"/ui/poison/redrives/j/cancel": {},
	"/ui/pipelines/a%2Fb/resume":   {},
}

func TestWhoMayNotActIsRefused(t *testing.T) {
	for name, change := range map[string]func(b *browser){
		"a page of another site":        func(b *browser) { b.header.Set("Origin", "https://evil.example") },
		"the same by Sec-Fetch-Site":    func(b *browser) { b.header.Set("Sec-Fetch-Site", "cross-site") },
		"another machine":               func(b *browser) { b.address = "192.0.2.7:5000" },
		"a name that was made to lead":  func(b *browser) { b.host = "evil.example:8080"; b.header.Set("Origin", "http://evil.example:8080") },
		"another machine's own address": func(b *browser) { b.address, b.host = "192.0.2.7:5000", "192.0.2.1:8080" },
	} {
		for path, form := range posts {
			c := &console{entries: []poison.Entry{entry("m", "{}")}}
			b := open(t, c)
			change(b)
			if a := b.post(path, form); a.StatusCode != http.StatusForbidden {
				t.Errorf("%s: POST %s: %d", name, path, a.StatusCode)
			}
			if c.kind != "" || c.sent || c.value != nil {
				t.Errorf("%s: POST %s was done", name, path)
			}
		}
	}
	for _, host := range []string{"localhost:8080", "127.0.0.1:8080", "[::1]:8080", "localhost"} {
		b := open(t, &console{entries: []poison.Entry{entry("m", "{}")}})
		b.host = host
		b.header.Set("Origin", "http://"+host)
		for path, form := range posts {
			if a := b.post(path, form); a.StatusCode >= http.StatusBadRequest {
				t.Errorf("%s: POST %s: %d %s", host, path, a.StatusCode, a.body)
			}
		}
	}
}

// Who may not act sees everything, why they may not, and nothing to press.
func TestControlsAreForThoseWhoMayAct(t *testing.T) {
	c := &console{
		entries: []poison.Entry{entry("m", "{}")}, job: poison.Job{ID: "j", State: poison.Running},
		groups: []poison.Group{{Fingerprint: "5f2a", Count: 1, Hours: make([]int, 24)}}, preview: poison.Preview{Selected: 1, Eligible: 1},
	}
	for _, path := range []string{
		"/ui/poison", "/ui/poison/messages/m", "/ui/poison/redrives/j", "/ui/poison/redrive?scope=shown", "/ui/poison/messages/m/edit",
		"/ui/poison/archive?scope=ticked&id=m", "/ui/pipelines",
	} {
		b := open(t, c)
		controls := func(a *answer) (n int) {
			for _, form := range a.all("form") {
				if attribute(form, "method") == "post" {
					n++
				}
			}
			for _, input := range a.all("input") {
				if attribute(input, "name") == "id" && attribute(input, "type") == "checkbox" {
					n++
				}
			}
			return n
		}
		if controls(b.get(path)) < 2 { // the name, and what the page is for
			t.Errorf("%s: nothing to press", path)
		}
		b.address = "192.0.2.7:5000"
		a := b.get(path)
		if n := controls(a); n > 0 || a.StatusCode != http.StatusOK {
			t.Errorf("%s: %d, %d controls", path, a.StatusCode, n)
		}
		a.has(t, "change nothing: only callers on the machine of the service may")
	}
}

func TestName(t *testing.T) {
	c := &console{entries: []poison.Entry{entry("m", "{}")}}
	b := open(t, c)
	b.header.Set("Referer", "http://127.0.0.1:8080/ui/poison?state=archived")
	if a := b.post("/ui/poison/name", url.Values{"name": {"Zoë; <b>\r\nX"}}); a.Header.Get("Location") != "/ui/poison?state=archived" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	b.get("/ui/poison").has(t, "<summary>Zoë; &lt;b&gt;  X</summary>")
	b.post("/ui/poison/archive", posts["/ui/poison/archive"])
	if want := "Zoë; <b>  X (127.0.0.1)"; c.by.String() != want || c.by.Front != "web" {
		t.Errorf("by %+v", c.by)
	}
	b.header.Set("Referer", "https://evil.example/ui/poison")
	if a := b.post("/ui/poison/name", url.Values{}); a.Header.Get("Location") != "/ui/poison" {
		t.Errorf("leads to %s", a.Header.Get("Location"))
	}
}

func TestNoticeIsSaidOnce(t *testing.T) {
	b := open(t, &console{entries: []poison.Entry{entry("m", "{}")}, refused: []poison.Refusal{{Reason: "it is <redriven>", Count: 3}}})
	a := b.post("/ui/poison/archive", url.Values{"scope": {"shown"}, "filter": {"attempts > 1"}})
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/ui/poison?filter=attempts+%3E+1" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	const said = "2 messages archived. Not 3: it is &lt;redriven&gt;."
	b.get("/ui/poison").has(t, said)
	b.get("/ui/poison").lacks(t, said)
}
