package web_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/poison"
)

var previewed = poison.Preview{
	Selected: 40, Eligible: 37,
	Targets: []poison.Target{{Topic: "notifications.retry.follow.0", Messages: 37, Readers: []string{"kafka-notify.follow.retry.0"}}},
	Refused: []poison.Refusal{{Reason: "it was redriven 5 times already", Count: 3, IDs: []string{"x"}}},
}

// What is selected on the list is what the preview is of, and what the job sends.
func TestSelectionIsCarriedToTheJob(t *testing.T) {
	c := &console{entries: []poison.Entry{entry("a", "{}"), entry("b", "{}")}, preview: previewed}
	b := open(t, c)
	list := b.get("/ui/poison?state=all&filter=attempts+%3E+1&q=emma&older_than=1h&pipeline=follow&class=schema")
	query := poison.Query{Filter: "attempts > 1", Words: "emma", OlderThan: 3600e9, Pipeline: "follow", Class: "schema"}
	for name, tt := range map[string]struct {
		fields url.Values // what the operator ticks and presses
		want   poison.Selection
	}{
		"ticked": {url.Values{"id": {"a", "b"}, "scope": {"ticked"}}, poison.Selection{IDs: []string{"a", "b"}}},
		"shown":  {url.Values{"scope": {"shown"}}, poison.Selection{Query: query, All: true}},
	} {
		form := list.form(t, "/ui/poison/redrive")
		for field, values := range tt.fields {
			form[field] = values
		}
		preview := b.get("/ui/poison/redrive?" + form.Encode())
		if diff := cmp.Diff(tt.want, c.order.Selection); diff != "" {
			t.Errorf("%s: previewed: %s", name, diff)
		}
		preview.has(t, "37 messages would be sent", "notifications.retry.follow.0", "kafka-notify.follow.retry.0", "it was redriven 5 times already")

		confirm := preview.form(t, "/ui/poison/redrive")
		confirm.Set("reason", "users are back")
		confirm.Set("rate", "2.5")
		confirm.Set("name", "Ida")
		job := b.post("/ui/poison/redrive", confirm)
		if job.StatusCode != http.StatusSeeOther || job.Header.Get("Location") != "/ui/poison/redrives/job-1" {
			t.Errorf("%s: %d %v", name, job.StatusCode, job.Header)
		}
		if name == "shown" {
			tt.want.Limit = 40 // what has failed since the preview is not meant
		}
		if diff := cmp.Diff(tt.want, c.order.Selection); diff != "" {
			t.Errorf("%s: sent: %s", name, diff)
		}
		terms := action.Terms{Target: "pipeline", Selection: tt.want.String(), Rate: 2.5, Canary: 10, MaxFailed: 0.5}
		if diff := cmp.Diff(terms, c.order.Terms); diff != "" || c.order.Reason != "users are back" || c.by.Name != "Ida" {
			t.Errorf("%s: by %s, %q: %s", name, c.by, c.order.Reason, diff)
		}
	}
}

func TestTermsOfARedrive(t *testing.T) {
	for _, tt := range []struct {
		form url.Values
		want action.Terms
		says string
	}{
		{url.Values{"target": {"source"}}, action.Terms{Target: "source"}, ""},
		{url.Values{"target": {"topic"}, "topic": {" lab "}}, action.Terms{Target: "lab"}, ""},
		{url.Values{"target": {"pipeline"}, "canary": {"3"}, "max_failed": {"12.5"}}, action.Terms{Target: "pipeline", Canary: 3, MaxFailed: 0.125}, ""},
		{url.Values{"target": {"topic"}}, action.Terms{}, "name the topic"},
		{url.Values{"target": {"nowhere"}}, action.Terms{}, "must be the pipeline, the source or a topic"},
		{url.Values{"rate": {"NaN"}}, action.Terms{}, "must be messages a second"},
		{url.Values{"canary": {"-1"}}, action.Terms{}, "must be how many messages are tried first"},
		{url.Values{"max_failed": {"101"}}, action.Terms{}, "must be percent"},
	} {
		c := &console{preview: previewed}
		tt.form.Set("scope", "ticked")
		tt.form.Set("id", "m")
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			b := open(t, c)
			a := b.get("/ui/poison/redrive?" + tt.form.Encode())
			if method == http.MethodPost {
				a = b.post("/ui/poison/redrive", tt.form)
			}
			if tt.says != "" {
				if a.StatusCode != http.StatusBadRequest || c.sent {
					t.Errorf("%v: %d", tt.form, a.StatusCode)
				}
				a.has(t, tt.says, `value="`+tt.form.Get("rate")+`"`)
				a.lacks(t, ">Send")
				continue
			}
			tt.want.Selection = "id m"
			if diff := cmp.Diff(tt.want, c.order.Terms); diff != "" {
				t.Errorf("%v: %s", tt.form, diff)
			}
		}
	}
}

func TestNothingToRedrive(t *testing.T) {
	b := open(t, &console{preview: poison.Preview{Selected: 1, Refused: previewed.Refused}})
	a := b.get("/ui/poison/redrive?scope=ticked&id=m")
	a.has(t, "Nothing would be sent", `<button class="main" disabled>`)

	b = open(t, &console{err: &poison.SelectionError{Reason: "there is no topic lab to send to"}})
	a = b.get("/ui/poison/redrive?scope=ticked&id=m&target=topic&topic=lab")
	a.has(t, "there is no topic lab to send to", `value="lab"`)
}

func TestJob(t *testing.T) {
	c := &console{job: poison.Job{
		ID: "j", State: poison.Held, Why: "2 of the first 10 messages failed again", By: action.By{Name: "Ida", Front: "web"}, BegunAt: now,
		Total: 40, Sent: 10, Delivered: 7, Failed: 2, Terms: action.Terms{Target: "pipeline", Canary: 10, MaxFailed: 0.2, Selection: "pipeline follow"},
	}}
	b := open(t, c)
	a := b.get("/ui/poison/redrives/j")
	a.has(t, "2 of the first 10 messages failed again", `<progress max="40" value="10"`, "<b>7</b> delivered", "<b>2</b> failed again", "<b>1</b> on their way",
		"above 20 % that fail again", `action="/ui/poison/redrives/j/resume"`, `action="/ui/poison/redrives/j/cancel"`)
	a.lacks(t, `/j/pause"`)
	for _, kind := range []action.Kind{action.Pause, action.Resume, action.Cancel} {
		if a := b.post("/ui/poison/redrives/j/"+string(kind), nil); a.StatusCode != http.StatusSeeOther || c.kind != kind {
			t.Errorf("%s: %d, %s was asked for", kind, a.StatusCode, c.kind)
		}
	}
	b.get("/ui/poison/redrives").has(t, `href="/ui/poison/redrives/j"`, "10 of 40", "2 failed again")
	c.job.State, c.job.Sent = poison.Cancelled, 39
	a = b.get("/ui/poison/redrives/j")
	a.has(t, "1 message was not sent, and open again")
	a.lacks(t, `method="post" action="/ui/poison/redrives`)
}

func TestDeeds(t *testing.T) {
	c := &console{entries: []poison.Entry{entry("a", "{}"), entry("b", "{}")}}
	b := open(t, c)
	a := b.get("/ui/poison/discard?scope=shown&filter=attempts+%3E+1&id=ignored")
	a.has(t, "Discard 2 messages", "filter attempts &gt; 1", "Nothing is deleted from Kafka")
	form := a.form(t, "/ui/poison/discard")
	if a := b.post("/ui/poison/discard", form); a.StatusCode != http.StatusBadRequest || c.kind != "" {
		t.Errorf("without a reason: %d", a.StatusCode)
	}
	form.Set("reason", "spam")
	b.post("/ui/poison/discard", form)
	want := poison.Selection{Query: poison.Query{State: poison.Open, Filter: "attempts > 1"}, Limit: 2, All: true}
	if diff := cmp.Diff(want, c.selection); diff != "" || c.kind != action.Discard || c.reason != "spam" {
		t.Errorf("%s %q: %s", c.kind, c.reason, diff)
	}
	one := b.get("/ui/poison/messages/a").form(t, "/ui/poison/archive")
	if a := b.post("/ui/poison/archive", one); a.Header.Get("Location") != "/ui/poison/messages/a" || c.kind != action.Archive {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	if diff := cmp.Diff(poison.Selection{IDs: []string{"a"}}, c.selection); diff != "" {
		t.Error(diff)
	}
}
