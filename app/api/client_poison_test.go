package api_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/app/poison"
)

// What the client is told to ask, the console is asked, and what that answers
// comes back whole.
func TestClientReadsPoison(t *testing.T) {
	expires := now.Add(time.Hour)
	redriven := entry("text", "no json")
	redriven.State, redriven.Job, redriven.Fate, redriven.ExpiresAt = poison.Redriven, "j", action.Dropped, &expires
	c := &console{
		entries: []poison.Entry{entry("a/b", `{"a":1}`), redriven, entry("binary", "\xff")},
		groups:  []poison.Group{{Fingerprint: "5f2a", Pipeline: "follow", Count: 3, FirstSeen: now, LastSeen: now, Hours: make([]int, 24)}},
		jobs:    busy().jobs,
	}
	s := start(t, with(c))
	client, ctx := newClient(t, s.URL), t.Context()

	query := poison.Query{
		State: poison.Redriven, Pipeline: "follow", Class: "decode", Filter: "a && b", Words: "c&d", OlderThan: 36 * time.Hour, Limit: 3, Cursor: "c&d",
	}
	list, err := client.Poison(ctx, query)
	if diff := cmp.Diff(poison.Listing{Entries: c.entries, NextCursor: "next", Total: 3}, list); err != nil || diff != "" {
		t.Errorf("Poison: %v %s", err, diff)
	}
	if diff := cmp.Diff(asked{What: "list", Query: query}, c.last()); diff != "" {
		t.Errorf("Poison asked (-want +got)\n%s", diff)
	}
	groups, err := client.PoisonGroups(ctx, poison.Query{Class: "decode"})
	if diff := cmp.Diff(c.groups, groups); err != nil || diff != "" {
		t.Errorf("PoisonGroups: %v %s", err, diff)
	}
	if diff := cmp.Diff(asked{What: "groups", Query: poison.Query{Class: "decode"}}, c.last()); diff != "" {
		t.Errorf("PoisonGroups asked (-want +got)\n%s", diff)
	}
	want, err := c.Get(ctx, "a/b")
	if err != nil {
		t.Fatal(err)
	}
	one, err := client.PoisonEntry(ctx, "a/b")
	if diff := cmp.Diff(want, one, cmpopts.IgnoreUnexported(poison.Event{})); err != nil || diff != "" {
		t.Errorf("PoisonEntry: %v %s", err, diff)
	}
	jobs, err := client.Redrives(ctx)
	if diff := cmp.Diff(c.jobs, jobs); err != nil || diff != "" {
		t.Errorf("Redrives: %v %s", err, diff)
	}
	job, err := client.RedriveJob(ctx, "j/1")
	if diff := cmp.Diff(c.jobs[0], job); err != nil || diff != "" {
		t.Errorf("RedriveJob: %v %s", err, diff)
	}
}

func TestClientActs(t *testing.T) {
	c := busy()
	s := start(t, with(c))
	client, ctx := newClient(t, s.URL), t.Context()
	client.Operator, client.Front = "rick", "web"
	chosen := poison.Selection{Limit: 7, All: true, Query: poison.Query{
		State: poison.Open, Pipeline: "follow", Class: "decode", Filter: `a == "<b>"`, Words: "emma", OlderThan: 48 * time.Hour,
	}}
	told := func(name string, err error, answer string, want asked) {
		t.Helper()
		if err != nil || answer != "" {
			t.Errorf("%s: %v, answer (-want +got)\n%s", name, err, answer)
		}
		if diff := cmp.Diff(want, c.last()); diff != "" {
			t.Errorf("%s: asked (-want +got)\n%s", name, diff)
		}
	}
	for _, kind := range []action.Kind{action.Archive, action.Restore, action.Discard} {
		report, err := client.Act(ctx, kind, chosen, "why")
		told(string(kind), err, cmp.Diff(poison.Report{Done: 2, Refused: c.refused}, report),
			asked{What: string(kind), By: rick, Order: poison.Order{Selection: chosen, Reason: "why"}})
	}
	order := poison.Order{Selection: chosen, Reason: "why", Terms: action.Terms{
		Target: "source", Rate: 0.5, Canary: 3, MaxFailed: 0.25, Selection: chosen.String(),
	}}
	preview, err := client.PreviewRedrive(ctx, order)
	told("preview", err, cmp.Diff(c.preview, preview), asked{What: "preview", Order: order})
	begun, err := client.Redrive(ctx, order)
	told("redrive", err, cmp.Diff(api.Redrive{Job: c.jobs[0], Refused: c.refused}, begun), asked{What: "redrive", By: rick, Order: order})
	for _, kind := range []action.Kind{action.Pause, action.Resume, action.Cancel} {
		job, err := client.SteerRedrive(ctx, kind, "j/1")
		told(string(kind), err, cmp.Diff(c.jobs[0], job), asked{What: string(kind), ID: "j/1", By: rick})
	}
	for _, value := range []string{`{"a":1}` + "\n", "\xff\x00", ""} {
		tried, err := client.TryEdit(ctx, "a/b", []byte(value))
		told("try", err, cmp.Diff("-a\n+b\n", tried.Diff), asked{What: "try", ID: "a/b", Value: value})
		if diff := cmp.Diff(c.trial, tried.Trial); diff != "" {
			t.Errorf("trial (-want +got)\n%s", diff)
		}
		edited, err := client.Edit(ctx, "a/b", []byte(value), "why")
		told("edit", err, cmp.Diff(c.jobs[0], edited.Job), asked{What: "edit", ID: "a/b", By: rick, Value: value, Order: poison.Order{Reason: "why"}})
	}
	if _, err := client.TryEdit(ctx, "a/b", nil); err != nil {
		t.Errorf("without a payload: %v", err)
	}
}

func TestClientIsRefused(t *testing.T) {
	c := busy()
	c.err = &poison.RefusedError{Reason: "it is archived"}
	s := start(t, with(c))
	_, err := newClient(t, s.URL).Redrive(t.Context(), poison.Order{})
	var p *api.Problem
	if !errors.As(err, &p) || p.Status != 409 || !strings.Contains(err.Error(), "it is archived") {
		t.Errorf("error %v", err)
	}
}
