package suite_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/app/suite"
)

// What is written out of a failure is read again, and fails in the same way.
func TestFromPoison(t *testing.T) {
	structured := []poison.Header{{Key: "content-type", Value: "application/cloudevents+json"}, {Key: "accepted_at", Value: "2026-02-03T04:05:06.7Z"}}
	event := func(data string) string {
		return `{"specversion":"1.0","id":"e\u00311","source":"/shop","type":"follow","time":"2026-02-03T04:05:06Z","data":` + data + `}`
	}
	asked := func(lookups ...action.TrialLookup) []action.TrialStep {
		return []action.TrialStep{{Step: "enrich test.yaml:20", Asked: lookups}}
	}
	emma := action.TrialLookup{Lookup: "users", Key: "1", Record: map[string]any{"id": "1", "name": "Emma"}}
	for _, tt := range []struct {
		name    string
		class   string
		value   string
		headers []poison.Header
		trial   *action.Trial
		want    []string
	}{
		{
			"nobody", "lookup_missing", event(`{"follower_id":9007199254740993,"followee_id":1,"note":"${A}: <b>\n#","f":1.50,"e":1E3,"on":null}`), structured,
			&action.Trial{Class: "lookup_missing", Outcome: "failed", Steps: asked(emma, action.TrialLookup{Lookup: "users", Key: "9007199254740993"})},
			[]string{"id: e11\n", "source: /shop\n", `now: "2026-02-03T04:05:06.7Z"`, "follower_id: 9007199254740993\n", "f: 1.50\n", "name: Emma\n", `note: "$${A}: <b>\n#"`},
		},
		{
			"a lookup that is away", "lookup_unavailable", event(`{"follower_id":1,"followee_id":1}`), structured,
			&action.Trial{Class: "lookup_unavailable", Outcome: "failed", Steps: asked(emma, action.TrialLookup{Lookup: "users", Key: "2", Error: "timeout"})},
			[]string{"unavailable: true\n"},
		},
		{
			"an expression", "expression", event(`{"follower_id":{},"followee_id":1}`), structured,
			&action.Trial{Class: "expression", Outcome: "failed"},
			[]string{"follower_id: {}\n"},
		},
		{
			"against the schema", "schema", event(`{}`), structured,
			&action.Trial{Class: "schema", Outcome: "failed"},
			[]string{`record: "{\"specversion\"`},
		},
		{"no JSON", "decode", "{\"$${A}\t", structured, &action.Trial{Class: "decode", Outcome: "failed"}, []string{`record: "{\"$$${A}\t"`}},
		{
			"a number that YAML does not hold", "lookup_missing", event(`{"follower_id":99999999999999999999999,"followee_id":1}`), structured,
			&action.Trial{Class: "lookup_missing", Outcome: "failed", Steps: asked(emma)},
			[]string{`99999999999999999999999,`},
		},
		{
			"binary mode", "lookup_missing", `{"follower_id":5,"followee_id":1}`,
			[]poison.Header{
				{Key: "ce_specversion", Value: "1.0"},
				{Key: "ce_id", Value: "b"},
				{Key: "ce_source", Value: "s"},
				{Key: "ce_type", Value: "follow"},
				{Key: "ce_tenant", Value: "t"},
			},
			&action.Trial{Class: "lookup_missing", Outcome: "failed", Steps: asked(emma)},
			[]string{`\"tenant\":\"t\"`},
		},
		{
			"untried", "lookup_missing", event(`{"follower_id":5,"followee_id":1}`), structured, nil,
			[]string{"# What the lookups answered is unknown (nobody may): say it under lookups.\n"},
		},
		{
			"superseded", "lookup_missing", event(`{"follower_id":5,"followee_id":1}`), structured,
			&action.Trial{Outcome: "superseded", Reason: "another came", Drops: []action.TrialDrop{{Step: "idempotency", Reason: "duplicate"}}},
			[]string{"is unknown (another came)", "poisoned: lookup_missing"},
		},
		{
			"repaired", "lookup_missing", event(`{"follower_id":3,"followee_id":1}`), structured,
			&action.Trial{
				Outcome: "delivered", Outputs: []action.TrialOutput{{Topic: "notifications.user.1"}},
				Steps: asked(emma, action.TrialLookup{Lookup: "users", Key: "3", Record: map[string]any{"id": "x"}}),
			},
			[]string{"# Today it would not fail like that", "topic: notifications.user.1\n", "id: x\n"},
		},
	} {
		m := poison.Entry{
			ID: "p1", Pipeline: "follow", Class: tt.class, Step: "enrich test.yaml:20", Reason: "it\nfailed", Topic: "events.follow",
			EventType: "follow", Headers: tt.headers, Value: poison.Value(tt.value), LastFailedAt: time.Unix(1, 0),
		}
		text, err := suite.FromPoison(m, tt.trial, errors.New("nobody may"))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: no %q in\n%s", tt.name, want, text)
			}
		}
		if tt.name == "repaired" {
			continue // the records' names are not all there
		}
		if report, _ := run(t, head+string(text)); report.Failed > 0 {
			t.Errorf("%s: %+v\n%s", tt.name, report.Tests, text)
		}
	}
}

func TestFromPoisonRefuses(t *testing.T) {
	for name, m := range map[string]poison.Entry{
		"its payload is lost":    {Truncated: true},
		"its payload is no text": {Value: []byte{0xff}},
		"can't be written":       {Value: []byte("\x01"), Class: "decode"},
	} {
		if text, err := suite.FromPoison(m, nil, errors.New("untried")); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
}
