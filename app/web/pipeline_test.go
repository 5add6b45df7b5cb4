package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/poison"
)

// pipelines answer as they are told, and note what was asked of them.
type pipelines struct {
	list    []pipeline.Status
	asked   int
	resumed string
}

func (p *pipelines) Status(context.Context) []pipeline.Status {
	p.asked++
	return p.list
}

func (p *pipelines) Resume(_ context.Context, name string) (pipeline.Status, bool) {
	for _, s := range p.list {
		if s.Name == name {
			p.resumed = name
			return s, true
		}
	}
	return pipeline.Status{}, false
}

const sharp = `data.text == "<script>alert(1)</script>" && data.n < 3`

func running() pipeline.Status {
	return pipeline.Status{
		Name: "follow", State: pipeline.Running,
		Sources: []pipeline.SourceStatus{{Topic: "events.follow", Lag: 1234, OldestUnprocessedSeconds: 75}, {Topic: "events.unfollow", Lag: -1}},
		Rates:   pipeline.Rates{Delivered: 12.4, Dropped: 0.25}, DeliveredBySecond: append(make([]int, 58), 3, 9),
		Delivered: 4321, Dropped: 9,
		Drops: []pipeline.DropStatus{{Handler: "deduplicate", Reason: "duplicate", Count: 7}, {Handler: "idempotency", Reason: "duplicate", Count: 2}},
		Steps: []pipeline.StepStatus{
			{Type: "tell", At: "f.yaml:3", Calls: 40, Steps: []pipeline.StepStatus{
				{Type: "enrich", At: "f.yaml:9", Lookups: []string{"posts", "users"}, Calls: 4330, Drops: []pipeline.DropStatus{{Handler: "enrich", Reason: "actor_missing", Count: 7}}},
			}},
			{Type: "switch", At: "f.yaml:4", Calls: 5, Branches: []pipeline.BranchStatus{
				{Label: sharp, Steps: []pipeline.StepStatus{{Type: "route", At: "f.yaml:5", Topics: []string{"notifications.user.{recipient.id}", ""}}}},
				{Label: "otherwise"},
			}},
		},
		Tiers: []pipeline.TierStatus{{Topic: "notifications.retry.follow.0", Lag: -1}, {Topic: "notifications.retry.follow.1", DelaySeconds: 90, Lag: 3}},
	}
}

func paused() pipeline.Status {
	return pipeline.Status{
		Name: "a/b", Sources: []pipeline.SourceStatus{{Topic: "events.b"}}, State: pipeline.Paused, Error: "no <coordinator>",
		Breaker: &pipeline.BreakerStatus{
			Since: now.Add(-time.Minute), Poisoned: 80, Finished: 100, WindowSeconds: 60, Class: "lookup_missing", Step: "enrich f.yaml:9",
			Reason: `no record with the key "<5>"`, NextTrial: now.Add(29500 * time.Millisecond),
		},
	}
}

func TestPipelines(t *testing.T) {
	c := &console{tallies: []poison.Tally{
		{Pipeline: "follow", Class: "decode", Count: 2}, {Pipeline: "follow", Class: "lookup_missing", Count: 1100}, {Pipeline: "gone", Class: "other", Count: 5},
	}}
	p := &pipelines{list: []pipeline.Status{running(), paused()}}
	a := openWith(t, c, p).get("/ui/pipelines")
	a.has(t, ">follow</h2>", `badge running"`, "<b>12</b> delivered/s", "<b>0.3</b> dropped/s", "<b>0</b> poisoned/s", "12 in the last 60 seconds, at most 9 in one",
		"<code>events.follow</code>", "1,234 waiting, the oldest for 1m15s", "<code>events.unfollow</code>", "lag unknown</span>", "asks posts, users", "actor missing <b>7</b>", "4,330",
		"<code>notifications.user.{recipient.id}</code>", "topics of its choice", "<b>4,321</b> delivered",
		"redrives, lag unknown", "for 1m30s, 3 waiting", "1,102 messages open", `<b>1,100</b>`,
		"data.text == &#34;&lt;script&gt;alert(1)&lt;/script&gt;&#34; &amp;&amp; data.n &lt; 3", "passes",
		"80 of 100 messages were poisoned within 1m.", "no record with the key &#34;&lt;5&gt;&#34;", "is tried in 30s", "no &lt;coordinator&gt;", "No message waits for you.",
		`data-every="2000"`, `<a href="/ui/pipelines"`)
	a.lacks(t, "<script>alert", "<coordinator>", "gone")
	for _, link := range []string{"/ui/poison?pipeline=follow", "/ui/poison?class=lookup_missing&pipeline=follow"} {
		if !slices.Contains(a.links(), link) {
			t.Errorf("no link leads to %s: %q", link, a.links())
		}
	}
	// What no handler has dropped stands before all of them, once.
	if n := strings.Count(a.body, "duplicate <b>2</b>"); n != 1 || strings.Index(a.body, "duplicate <b>2</b>") > strings.Index(a.body, "<b>tell</b>") {
		t.Errorf("%d times:\n%s", n, a.body)
	}
	if forms := strings.Count(a.body, `/resume"`); forms != 1 {
		t.Errorf("%d pipelines can be resumed", forms)
	}
}

// However many look, the cluster is asked once a second.
func TestPipelinesAreAskedForOnceASecond(t *testing.T) {
	p := &pipelines{list: []pipeline.Status{running()}}
	b := openWith(t, &console{}, p)
	for range 5 {
		b.get("/ui/pipelines").has(t, "12 in the last")
	}
	if p.asked != 1 {
		t.Errorf("asked %d times", p.asked)
	}
}

func TestNoPipelines(t *testing.T) {
	openWith(t, &console{}, &pipelines{}).get("/ui/pipelines").has(t, "No pipeline runs here.")
}

// Without the poison topic everything else is shown.
func TestPipelinesWhileThePoisonTopicIsRead(t *testing.T) {
	a := openWith(t, &console{err: poison.ErrNotReady}, &pipelines{list: []pipeline.Status{running()}}).get("/ui/pipelines")
	a.has(t, "The poison topic is still being read.", "events.follow")
	if a.StatusCode != http.StatusOK {
		t.Errorf("%d", a.StatusCode)
	}
}

func TestResume(t *testing.T) {
	p := &pipelines{list: []pipeline.Status{paused()}}
	b := openWith(t, &console{}, p)
	b.get("/ui/pipelines").has(t, `action="/ui/pipelines/a%2Fb/resume"`)
	a := b.post("/ui/pipelines/a%2Fb/resume", url.Values{})
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/ui/pipelines" || p.resumed != "a/b" {
		t.Errorf("%d %v, resumed %q", a.StatusCode, a.Header, p.resumed)
	}
	p.list[0].State, p.list[0].Breaker = pipeline.Running, nil
	a = b.get("/ui/pipelines")
	a.has(t, "The pipeline a/b goes on.", `badge running"`)
	a.lacks(t, "/resume")
	if a := b.post("/ui/pipelines/none/resume", url.Values{}); a.StatusCode != http.StatusNotFound {
		t.Errorf("%d", a.StatusCode)
	}
	p.resumed = ""
	b.address = "192.0.2.7:5000"
	if a := b.post("/ui/pipelines/a%2Fb/resume", url.Values{}); a.StatusCode != http.StatusForbidden || p.resumed != "" {
		t.Errorf("%d, resumed %q", a.StatusCode, p.resumed)
	}
}

// Every part that a script exchanges has an id of its own.
func TestPipelineIDs(t *testing.T) {
	var list []pipeline.Status
	for i := range 3 {
		s := running()
		s.Name = fmt.Sprint("p", i)
		list = append(list, s)
	}
	a := openWith(t, &console{}, &pipelines{list: list}).get("/ui/pipelines")
	seen := make(map[string]bool)
	for n := range a.doc.Descendants() {
		if id := attribute(n, "id"); id != "" {
			if seen[id] {
				t.Errorf("two elements have the id %s", id)
			}
			seen[id] = true
		}
	}
}
