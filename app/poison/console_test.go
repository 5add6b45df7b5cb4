package poison_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/app/record"
)

var ann = action.By{Address: "127.0.0.1", Name: "ann", Front: "cli"}

func byID(ids ...string) poison.Selection { return poison.Selection{IDs: ids} }

func byFilter(filter string) poison.Selection {
	return poison.Selection{Query: poison.Query{Filter: filter}}
}

// states is where every message stands, by id.
func states(t tb, c *poison.Console) map[string]poison.State {
	t.Helper()
	all := make(map[string]poison.State)
	err := c.Each(t.Context(), poison.Query{}, func(e poison.Entry) error {
		all[e.ID] = e.State
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// What is done to messages, and what can't be done to them as they stand.
func TestAct(t *testing.T) {
	w := newWorld()
	w.poisoned("a", "b", "c")
	c := following(t, w)
	for _, tt := range []struct {
		kind    action.Kind
		chosen  poison.Selection
		done    int
		refused []poison.Refusal
	}{
		{action.Archive, byID("a", "a", "none"), 1, []poison.Refusal{{Reason: "no such poison entry", Count: 1, IDs: []string{"none"}}}},
		{action.Archive, byFilter(`pipeline == "follow"`), 2, []poison.Refusal{{Reason: "it is archived", Count: 1, IDs: []string{"a"}}}},
		{action.Restore, byID("b"), 1, nil},
		{action.Discard, byFilter(`state != "archived"`), 1, nil},
		{action.Discard, byID("c"), 1, nil},
		{action.Restore, byID("b", "b"), 1, nil},
	} {
		report, err := c.Act(t.Context(), tt.kind, tt.chosen, ann, "a test")
		if err != nil {
			t.Fatal(err)
		}
		want := poison.Report{Done: tt.done, Refused: append([]poison.Refusal{}, tt.refused...)}
		if diff := cmp.Diff(want, report); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", tt.kind, tt.chosen, diff)
		}
	}
	want := map[string]poison.State{"a": poison.Archived, "b": poison.Open, "c": poison.Discarded}
	for name, console := range map[string]*poison.Console{"the same instance": c, "another one": over(t, w)} {
		if diff := cmp.Diff(want, states(t, console)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	d, err := c.Get(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	var what []string
	for _, e := range d.Timeline {
		what = append(what, e.What)
	}
	if got := strings.Join(what, " "); got != "failed archive restore discard restore" || d.Timeline[1].By.Name != "ann" || d.Timeline[1].Reason != "a test" {
		t.Errorf("timeline %s: %+v", got, d.Timeline)
	}
}

func TestActionsThatMakeNoSense(t *testing.T) {
	w := newWorld()
	w.poisoned("a")
	c := over(t, w)
	for _, tt := range []struct {
		kind   action.Kind
		chosen poison.Selection
		reason string
	}{
		{action.Archive, poison.Selection{}, ""},
		{action.Archive, poison.Selection{Query: poison.Query{Filter: " "}}, ""},
		{action.Archive, poison.Selection{IDs: []string{"a"}, Query: poison.Query{Words: "x"}}, ""},
		{action.Discard, byID("a"), ""},
	} {
		var wrong *poison.SelectionError
		if _, err := c.Act(t.Context(), tt.kind, tt.chosen, ann, tt.reason); !errors.As(err, &wrong) {
			t.Errorf("%s %+v: %v", tt.kind, tt.chosen, err)
		}
	}
	if n := len(w.in(actionsName)); n > 0 {
		t.Errorf("%d actions were written", n)
	}
}

// Of two that exclude each other the first one in the topic holds, for both
// instances, and the other operator is told.
func TestTwoOperators(t *testing.T) {
	w := newWorld()
	var all []string
	for i := range 200 {
		all = append(all, fmt.Sprint("m", i))
	}
	w.poisoned(all...)
	consoles := []*poison.Console{following(t, w), following(t, w)}
	for _, c := range consoles {
		if err := c.Await(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	type begun struct {
		job     poison.Job
		refused []poison.Refusal
		err     error
	}
	results := make(chan begun)
	for _, c := range consoles {
		go func() {
			job, refused, err := c.Redrive(context.Background(), poison.Order{Selection: byFilter(`class == "lookup_missing"`)}, ann)
			results <- begun{job, refused, err}
		}()
	}
	total, told := 0, 0
	for range consoles {
		r := <-results
		var refused *poison.RefusedError
		switch {
		case errors.As(r.err, &refused):
			told += len(all)
		case r.err != nil:
			t.Fatal(r.err)
		default:
			total += r.job.Total
			for _, why := range r.refused {
				told += why.Count
			}
			if r.job.Total+r.job.Taken != len(all) {
				t.Errorf("a job has %d, and %d were taken by others", r.job.Total, r.job.Taken)
			}
		}
	}
	if total != len(all) || told != len(all) {
		t.Errorf("%d messages are in a job, of %d an operator was told that another has them; want %d each", total, told, len(all))
	}
}

// Who can be sent where, and who can't.
func TestPreview(t *testing.T) {
	w := newWorld()
	w.poisoned("one", "two", "archived")
	w.add(append(failed("gone", "other", "r", "f", now()), record.PoisonID, "of no pipeline")...)
	w.add(append(failed("follow", "other", "r", "f", now()), record.PoisonID, "truncated", record.PoisonTruncated, "true")...)
	w.add(append(failed("follow", "other", "r", "f", now()), record.PoisonID, "loop", record.PoisonRedrives, "10")...)
	w.add("written", "by another program")
	c := following(t, w)
	if _, err := c.Act(t.Context(), action.Archive, byID("archived"), ann, ""); err != nil {
		t.Fatal(err)
	}
	all := poison.Selection{All: true}
	for _, tt := range []struct {
		target  string
		targets []poison.Target
		refused []string
	}{
		{"", []poison.Target{{Topic: "notifications.retry.follow.0", Messages: 2, Readers: []string{"kafka-notify.follow.retry.0"}}}, []string{
			"it is archived",
			`no pipeline "gone" runs here; put it back into the configuration first`,
			"the broker refused its value as too large, so it is not in the poison topic; submit the event again",
			"it was redriven 10 times already (poison.max_redrives)",
			"the record carries no origin: another program wrote it. Send it to a topic by name",
		}},
		{"source", []poison.Target{{Topic: "events.follow", Messages: 2, Readers: []string{"kafka-notify.follow", "warehouse"}}}, nil},
		{"parked", []poison.Target{{Topic: "parked", Messages: 4, Readers: []string{}}}, nil},
	} {
		p, err := c.Preview(t.Context(), poison.Order{Selection: all, Terms: action.Terms{Target: tt.target}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.targets, p.Targets); diff != "" {
			t.Errorf("target %q (-want +got):\n%s", tt.target, diff)
		}
		if tt.refused == nil {
			continue
		}
		var why []string
		for _, r := range p.Refused {
			why = append(why, r.Reason)
		}
		if diff := cmp.Diff(tt.refused, why); diff != "" || p.Selected != 7 || p.Eligible != 2 {
			t.Errorf("%d of %d (-want +got):\n%s", p.Eligible, p.Selected, diff)
		}
	}
	for _, terms := range []action.Terms{
		{Target: "nowhere"}, {Target: topicName}, {Target: actionsName}, {Rate: -1}, {Canary: -1}, {Canary: 3, Target: "source"}, {MaxFailed: 2},
	} {
		var wrong *poison.SelectionError
		if _, err := c.Preview(t.Context(), poison.Order{Selection: all, Terms: terms}); !errors.As(err, &wrong) {
			t.Errorf("%+v: %v", terms, err)
		}
	}
	var refused *poison.RefusedError
	if _, _, err := c.Redrive(t.Context(), poison.Order{Selection: byID("loop")}, ann); !errors.As(err, &refused) || !strings.Contains(refused.Reason, "max_redrives") {
		t.Errorf("nothing to send: %v", err)
	}
}

// An edit is tried first; what has no way through its schema, or is no longer
// the same event, isn't sent.
func TestEdits(t *testing.T) {
	const event = `{"specversion":"1.0","id":"e1","source":"/s","type":"follow","data":{"n":9007199254740993}}`
	w := newWorld()
	w.poisoned("a")
	w.in(topicName)[0].Value = []byte(event)
	c := following(t, w)
	for _, tt := range []struct{ old, new, want string }{
		{`"e1"`, `"e2"`, `the id of the event must stay "e1": it is what the event is known by`},
		{`"/s"`, `"/t"`, `the source of the event must stay "/s": it is what the event is known by`},
		{`"n"`, `"bad"`, "bad is no word"},
		{"9007199254740993", "1e2", ""},
	} {
		value, want := strings.Replace(event, tt.old, tt.new, 1), tt.want
		p, err := c.TryEdit(t.Context(), "a", []byte(value))
		if err != nil || p.Refused != want || !strings.Contains(p.Diff, "\n-") || !strings.Contains(p.Diff, "\n+") {
			t.Errorf("%s: refused %q, diff %s, %v", value, p.Refused, p.Diff, err)
		}
		var refused *poison.RefusedError
		if _, err := c.Edit(t.Context(), "a", []byte(value), ann, ""); want != "" && !errors.As(err, &refused) {
			t.Errorf("%s: %v", value, err)
		}
	}
	d, err := c.Get(t.Context(), "a")
	if err != nil || d.State != poison.Redriven {
		t.Fatalf("%+v, %v", d.State, err)
	}
	last := d.Timeline[len(d.Timeline)-1]
	if !last.Edited || !strings.Contains(last.Diff, "+    \"n\": 1e2") && !strings.Contains(last.Diff, "1e2") {
		t.Errorf("the audit has %+v", last)
	}
}
