package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/app/web"
)

// now is the time that every test runs at.
var now = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

// console answers as it is told, and notes what it was asked.
type console struct {
	entries []poison.Entry
	events  []poison.Event
	next    string // cursor
	groups  []poison.Group
	preview poison.Preview
	trial   poison.EditPreview
	job     poison.Job
	refused []poison.Refusal
	tallies []poison.Tally
	err     error

	queries   []poison.Query
	order     poison.Order
	kind      action.Kind
	selection poison.Selection
	by        action.By
	reason    string
	value     []byte // of an edit
	sent      bool
}

func (c *console) List(_ context.Context, q poison.Query) (poison.Listing, error) {
	c.queries = append(c.queries, q)
	return poison.Listing{Entries: c.entries, NextCursor: c.next, Total: len(c.entries)}, c.err
}

func (c *console) Overview(ctx context.Context, q poison.Query) (poison.Listing, []poison.Group, error) {
	list, err := c.List(ctx, q)
	return list, c.groups, err
}

func (c *console) Get(_ context.Context, id string) (poison.Detail, error) {
	for _, e := range c.entries {
		if e.ID == id {
			return poison.Detail{Entry: e, Timeline: c.events}, c.err
		}
	}
	return poison.Detail{}, poison.ErrNotFound
}

func (c *console) Summary(context.Context) (poison.Summary, error) {
	if errors.Is(c.err, poison.ErrNotReady) {
		return poison.Summary{}, c.err
	}
	return poison.Summary{Open: 1234567, Archived: 7}, nil
}

func (c *console) Tallies(context.Context) ([]poison.Tally, error) { return c.tallies, c.err }

func (c *console) Act(_ context.Context, kind action.Kind, s poison.Selection, by action.By, reason string) (poison.Report, error) {
	c.kind, c.selection, c.by, c.reason = kind, s, by, reason
	return poison.Report{Done: 2, Refused: c.refused}, c.err
}

func (c *console) TryEdit(_ context.Context, _ string, value []byte) (poison.EditPreview, error) {
	c.value = value
	return c.trial, c.err
}

func (c *console) Edit(_ context.Context, _ string, value []byte, by action.By, reason string) (poison.Job, error) {
	c.value, c.by, c.reason, c.sent = value, by, reason, true
	return poison.Job{ID: "job-1"}, c.err
}

func (c *console) Preview(_ context.Context, o poison.Order) (poison.Preview, error) {
	c.order = o
	return c.preview, c.err
}

func (c *console) Redrive(_ context.Context, o poison.Order, by action.By) (poison.Job, []poison.Refusal, error) {
	c.order, c.by, c.sent = o, by, true
	return poison.Job{ID: "job-1"}, c.refused, c.err
}

func (c *console) Jobs(context.Context) ([]poison.Job, error) { return []poison.Job{c.job}, c.err }

func (c *console) Job(context.Context, string) (poison.Job, error) { return c.job, c.err }

func (c *console) Steer(_ context.Context, kind action.Kind, _ string, by action.By, _ string) (poison.Job, error) {
	c.kind, c.by = kind, by
	return c.job, c.err
}

func entry(id, value string) poison.Entry {
	expires := now.Add(60 * time.Hour)
	return poison.Entry{
		ID: id, Pipeline: "follow", Class: "lookup_missing", Step: "enrich kafka-notify.yaml:57", Reason: "no user 5",
		Topic: "events.follow", Partition: 4, Offset: 17, Key: "1", Value: poison.Value(value),
		Headers: []poison.Header{{Key: "event_id", Value: "f-9"}}, EventID: "f-9", EventType: "follow",
		Attempts: 3, Redrives: 1, FirstFailedAt: now.Add(-time.Hour), LastFailedAt: now.Add(-time.Minute), Fingerprint: "5f2a",
		State: poison.Open, Record: poison.Place{Topic: "notifications.poison", Offset: 2, Timestamp: now}, ExpiresAt: &expires,
	}
}

// browser asks for pages as a browser on the service's machine does.
type browser struct {
	t       testing.TB
	handler http.Handler
	address string
	host    string
	header  http.Header
	cookies map[string]string
}

func open(t testing.TB, c web.Console) *browser {
	t.Helper()
	return openWith(t, c, &pipelines{list: []pipeline.Status{running(), paused()}})
}

func openWith(t testing.TB, c web.Console, p web.Pipelines) *browser {
	t.Helper()
	h, err := web.New(web.Options{Console: c, Pipelines: p, MaxBytes: 1 << 16, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, handler: h, address: "127.0.0.1:5000", host: "127.0.0.1:8080", header: http.Header{}, cookies: map[string]string{}}
}

// answer is a page.
type answer struct {
	*http.Response
	body string
	doc  *html.Node
}

func (b *browser) do(method, path, body string) *answer {
	b.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr, r.Host = b.address, b.host
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range b.header {
		r.Header[name] = values
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	recorder := httptest.NewRecorder()
	b.handler.ServeHTTP(recorder, r)
	a := &answer{Response: recorder.Result(), body: recorder.Body.String()}
	for _, c := range a.Cookies() {
		if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	doc, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		b.t.Fatal(err)
	}
	a.doc = doc
	return a
}

func (b *browser) get(path string) *answer {
	b.t.Helper()
	return b.do(http.MethodGet, path, "")
}

func (b *browser) post(path string, form url.Values) *answer {
	b.t.Helper()
	return b.do(http.MethodPost, path, form.Encode())
}

// has reports the first of some texts that the page lacks.
func (a *answer) has(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("the page lacks %q:\n%s", text, a.body)
			return
		}
	}
}

// lacks reports texts that the page has.
func (a *answer) lacks(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			t.Errorf("the page has %q:\n%s", text, a.body)
		}
	}
}

// all are the elements of a name.
func (a *answer) all(name string) (found []*html.Node) {
	for n := range a.doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			found = append(found, n)
		}
	}
	return found
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func inner(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// links are where the page leads to.
func (a *answer) links() (links []string) {
	for _, n := range a.all("a") {
		links = append(links, attribute(n, "href"))
	}
	return links
}

// form are the fields of the form that leads to a path, as a browser would send
// them: with each line of a text ended in CR LF.
func (a *answer) form(t testing.TB, action string) url.Values {
	t.Helper()
	for _, n := range a.all("form") {
		if attribute(n, "action") != action {
			continue
		}
		v := make(url.Values)
		for field := range n.Descendants() {
			name := attribute(field, "name")
			switch {
			case field.Type != html.ElementNode || name == "":
			case field.Data == "input" && (attribute(field, "type") == "checkbox" || attribute(field, "type") == "radio"):
				if strings.Contains(a.body, `value="`+attribute(field, "value")+`" checked`) {
					v.Add(name, attribute(field, "value"))
				}
			case field.Data == "input":
				v.Add(name, attribute(field, "value"))
			case field.Data == "textarea":
				text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(inner(field))
				v.Add(name, strings.ReplaceAll(text, "\n", "\r\n"))
			}
		}
		return v
	}
	t.Fatalf("no form leads to %s:\n%s", action, a.body)
	return nil
}
