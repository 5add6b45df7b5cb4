package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/handlers"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// twice makes two messages of one, the first of them with other data.
type twice struct{}

func (twice) Handle(_ context.Context, m *handler.Message) (handler.Result, error) {
	changed := m.Copy()
	changed.Event = &handler.Event{ID: m.Event.ID, Type: m.Event.Type, Data: []byte(`{"follower_id":"2","followee_id":"1","again":true}`)}
	return handler.Many(changed, m.Copy()), nil
}

// A trial tells what each handler asked lookups for, which way the message took,
// what a handler made of its data, and every message that is dropped.
func TestTrialTellsAll(t *testing.T) {
	registry := handler.NewRegistry()
	handler.Add(registry, handlers.Enrich)
	handler.Add(registry, handlers.Switch)
	handler.Add(registry, handlers.Filter)
	handler.Add(registry, handlers.Deduplicate)
	handler.Add(registry, handlers.Compose)
	handler.Add(registry, handlers.Route)
	handler.Add(registry, handler.Type[struct{}]{
		Name: "twice", Summary: "Makes two of one.", Example: "- twice: {}",
		New: func(struct{}, *handler.Build) (handler.Handler, error) { return twice{}, nil },
	})
	b := newBench(t, strings.Replace(file, "      - deduplicate", `      - twice: {}
      - switch:
          cases:
            - when: has(data.again)
              handlers: [filter: {when: "false"}]
      - deduplicate`, 1), registry)
	got := b.Try(t.Context(), redriven("e1", "events.follow/3/8", "2", "1"))
	asked := []action.TrialLookup{
		{Lookup: "users", Key: "1", Record: map[string]any{"name": "Emma"}},
		{Lookup: "users", Key: "2", Record: map[string]any{"name": "Bruno"}},
	}
	if diff := cmp.Diff(asked, got.Steps[0].Asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	var did []string
	for _, s := range got.Steps[1:] {
		did = append(did, s.Part+": "+strings.Fields(s.Step)[0]+" "+s.Did+" "+s.Case+string(s.Data))
	}
	if diff := cmp.Diff([]string{
		": twice makes 2 of it ",
		`1 of 2: switch sends it through has(data.again) has(data.again){"follower_id":"2","followee_id":"1","again":true}`,
		"1 of 2: filter drops it: filtered ",
		"2 of 2: switch passes it on: no case fits ",
		"2 of 2: deduplicate passes it on ", "2 of 2: compose passes it on ", "2 of 2: route routes it to notifications.user.1 ",
	}, did); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if got.Outcome != "delivered" || len(got.Outputs) != 1 || len(got.Drops) != 1 || got.Drops[0].Reason != "filtered" {
		t.Errorf("%s, outputs %+v, drops %+v", got.Outcome, got.Outputs, got.Drops)
	}

	b.users.Err = errors.New("away")
	if asked := b.Try(t.Context(), redriven("e1", "events.follow/3/8", "2", "1")).Steps[0].Asked; len(asked) != 1 || asked[0].Error != "away" {
		t.Errorf("asked for in vain: %+v", asked)
	}
}

// A rehearsal takes claims as the pipeline does, and gives them back when the
// message fails.
func TestRehearse(t *testing.T) {
	b := newBench(t, strings.Replace(file, `text: "{actor.name}`, `text: "{data.nobody}`, 1), handler.Default())
	calls := 0
	saw := func(handler.Step, handler.Result) { calls++ }
	if got := b.Rehearse(t.Context(), follow("e1", 7, "2", "1"), saw); got.Class != "expression" || calls != 3 {
		t.Errorf("class %q after %d calls", got.Class, calls)
	}
	if held := b.claims.Held(); len(held) > 0 {
		t.Errorf("a failure leaves %v", held)
	}

	b = newBench(t, file, handler.Default())
	for i, want := range []action.Trial{
		{Outcome: "delivered"},
		{Outcome: "superseded", Drops: []action.TrialDrop{{Step: "idempotency", Reason: "duplicate"}}},
	} {
		got := b.Rehearse(t.Context(), follow("e1", int64(i), "2", "1"), saw)
		if got.Outcome != want.Outcome || !cmp.Equal(got.Drops, want.Drops) {
			t.Errorf("event %d: %s, %+v", i, got.Outcome, got.Drops)
		}
	}
	if got := b.Rehearse(t.Context(), follow("e2", 2, "2", "1"), saw); len(got.Drops) != 1 || !strings.HasPrefix(got.Drops[0].Step, "deduplicate ") {
		t.Errorf("the same pair: %+v", got.Drops)
	}
	if n := len(b.in("")); n > 0 {
		t.Errorf("%d records were published", n)
	}
}
