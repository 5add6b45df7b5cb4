package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/trieungochai/kafka-notify/handlers/handler"
	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

const both = `
enrich:
  actor:     {lookup: users, key: "{data.a}"}
  recipient: {lookup: users, key: "{data.r}", missing: drop}
`

func TestEnrich(t *testing.T) {
	defer goleak.VerifyNone(t)
	outage := errors.New("connection refused")
	tests := map[string]struct {
		data      string
		err       error
		values    map[string]any
		reason    string
		class     handler.Class
		permanent bool
		want      string
	}{
		"found": {data: `{"a":"2","r":1}`, values: map[string]any{
			"actor":     map[string]any{"id": "2", "name": "Bruno"},
			"recipient": map[string]any{"id": "1", "name": "Emma"},
		}},
		"its own id": {data: `{"a":"alias","r":"1"}`, values: map[string]any{
			"actor":     map[string]any{"id": "7", "name": "Ann"},
			"recipient": map[string]any{"id": "1", "name": "Emma"},
		}},
		"an id of null": {data: `{"a":"null","r":"1"}`, values: map[string]any{
			"actor":     map[string]any{"id": "null", "name": "Nil"},
			"recipient": map[string]any{"id": "1", "name": "Emma"},
		}},
		"dropped":      {data: `{"a":"2","r":"9"}`, reason: "recipient_missing"},
		"poisoned":     {data: `{"a":"9","r":"1"}`, class: handler.ClassLookupMissing, permanent: true, want: `actor: lookup users has no record with the key "9"`},
		"both missing": {data: `{"a":"9","r":"8"}`, class: handler.ClassLookupMissing, permanent: true, want: `"9"`},
		"expression":   {data: `{"a":"2"}`, class: handler.ClassExpression, permanent: true, want: "recipient.key: {data.r}: no such key: r"},
		"outage":       {data: `{"a":"2","r":"9"}`, err: outage, class: handler.ClassLookupUnavailable, want: "lookup users: connection refused"},
		"refused":      {data: `{"a":"2","r":"1"}`, err: handler.Permanent(outage), class: handler.ClassLookupUnavailable, permanent: true, want: "connection refused"},
	}
	for name, tt := range tests {
		for _, slow := range []bool{false, true} {
			users := handlertest.Users()
			users.Records["alias"] = map[string]any{"id": "7", "name": "Ann"}
			users.Records["null"] = map[string]any{"id": nil, "name": "Nil"}
			users.Err, users.Slow = tt.err, slow
			m := handlertest.Message(tt.data)
			result, err := handlertest.Handler(t, both, handlertest.With("users", users)).Handle(t.Context(), m)
			name := fmt.Sprintf("%s, slow %t", name, slow)
			if tt.class != "" {
				if err == nil || handler.ClassOf(err) != tt.class || handler.IsPermanent(err) != tt.permanent || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: got error %v (%s), want %s: %s", name, err, handler.ClassOf(err), tt.class, tt.want)
				}
				continue
			}
			if err != nil || result.Reason() != tt.reason {
				t.Errorf("%s: got reason %q, %v, want %q", name, result.Reason(), err, tt.reason)
			}
			if diff := cmp.Diff(tt.values, m.Values); tt.reason == "" && diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			if _, ok := users.Records["2"]["id"]; ok {
				t.Errorf("%s: the lookup's own record was changed", name)
			}
		}
	}
}

// Each of two slow lookups waits for the other: one after the other would never end.
func TestEnrichAsksAtOnce(t *testing.T) {
	defer goleak.VerifyNone(t)
	var met sync.WaitGroup
	met.Add(2)
	users := handlertest.Users()
	users.Slow = true
	users.Before = func(ctx context.Context, _ string) error {
		met.Done()
		all := make(chan struct{})
		go func() { met.Wait(); close(all) }()
		select {
		case <-all:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := handlertest.Handler(t, both, handlertest.With("users", users)).Handle(ctx, handlertest.Message(`{"a":"1","r":"2"}`)); err != nil {
		t.Fatal(err)
	}
	asked := users.Asked()
	slices.Sort(asked)
	if diff := cmp.Diff([]string{"1", "2"}, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// The message's own time being up says nothing about the lookup.
func TestEnrichOutOfTime(t *testing.T) {
	for _, slow := range []bool{false, true} {
		users := handlertest.Users()
		users.Slow = slow
		users.Before = func(ctx context.Context, _ string) error { <-ctx.Done(); return errors.New("request canceled") }
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_, err := handlertest.Handler(t, both, handlertest.With("users", users)).Handle(ctx, handlertest.Message(`{"a":"1","r":"2"}`))
		cancel()
		if handler.ClassOf(err) != handler.ClassTimeout || handler.IsPermanent(err) {
			t.Errorf("slow %t: got %v of class %s, want a timeout", slow, err, handler.ClassOf(err))
		}
	}
}

// A lookup's own timeout, in contrast, is the lookup's failure.
func TestEnrichLookupOutOfTime(t *testing.T) {
	users := handlertest.Users()
	users.Err = fmt.Errorf("get user: %w", context.DeadlineExceeded)
	_, err := handlertest.Handler(t, both, handlertest.With("users", users)).Handle(t.Context(), handlertest.Message(`{"a":"1","r":"2"}`))
	if handler.ClassOf(err) != handler.ClassLookupUnavailable {
		t.Errorf("got %v of class %s", err, handler.ClassOf(err))
	}
}

// A lookup that panics must reach the pipeline's recover, wherever it runs.
func TestEnrichPanic(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, slow := range []bool{false, true} {
		users := handlertest.Users()
		users.Slow = slow
		users.Before = func(context.Context, string) error { panic("broken lookup") }
		func() {
			defer func() {
				if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "broken lookup") {
					t.Errorf("slow %t: recovered %v", slow, p)
				}
			}()
			_, err := handlertest.Handler(t, both, handlertest.With("users", users)).Handle(t.Context(), handlertest.Message(`{"a":"1","r":"2"}`))
			t.Errorf("slow %t: no panic, %v", slow, err)
		}()
	}
}

func TestEnrichFaults(t *testing.T) {
	for yaml, want := range map[string]string{
		`- enrich: {actor: {lookup: user, key: a}}`:                                 `test.yaml:1:28: unknown lookup "user" (did you mean "users"?)`,
		`- enrich: {actor: {lookup: users, key: a, missing: drp}}`:                  `test.yaml:1:52: "drp" is not possible here (did you mean "drop"?)`,
		`- enrich: {actor: {lookup: users}}`:                                        `missing key "key"`,
		`- enrich: {in: {lookup: users, key: a}}`:                                   `test.yaml:1:12: "in" can't be used as a name`,
		`- enrich: {data: {lookup: users, key: a}}`:                                 `test.yaml:1:12: the name "data" is taken already`,
		`- enrich: {a: {lookup: users, key: "{b.id}"}, b: {lookup: users, key: a}}`: `unknown name "b"`,
		`- enrich: {}`: "enrich: names nothing to look up",
	} {
		faults := handlertest.Faults(t, yaml, handlertest.With("users", handlertest.Users()))
		if len(faults) != 1 || !strings.Contains(faults.Error(), want) {
			t.Errorf("%s: got\n%s\nwant %s", yaml, faults, want)
		}
	}
}
