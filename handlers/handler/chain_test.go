package handler_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/handlers/handler"
	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

func chain(tb testing.TB, yaml string, opts ...handlertest.Option) *handler.Chain {
	tb.Helper()
	opts = append([]handlertest.Option{handlertest.Registry(registry()), handlertest.Names("it")}, opts...)
	return handlertest.Chain(tb, yaml, opts...)
}

// sent lists outputs as "recipient step".
func sent(outputs []handler.Output) []string {
	var list []string
	for _, o := range outputs {
		list = append(list, o.Key+" "+o.Notification.Text)
	}
	return list
}

// dropped lists what was dropped as "type reason".
func dropped(list []handler.Dropped) []string {
	var reasons []string
	for _, d := range list {
		reasons = append(reasons, d.Step.Type+" "+d.Reason)
	}
	return reasons
}

func TestChainFanOut(t *testing.T) {
	c := chain(t, `
- send: {to: first}
- split:
- keep: {when: it != "b"}
- send: {to: "{it}"}
- send: {to: "{it}"}
- keep: {when: it == "c"}
- send: {to: last}
`)
	m := handlertest.Message(`{"to":["a","b","c","a"]}`)
	outputs, drops, err := c.Run(t.Context(), m, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"first 0", "a 3", "a 4", "c 3", "c 4", "last 6", "a 3", "a 4"}
	if diff := cmp.Diff(want, sent(outputs)); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"keep not_kept", "keep not_kept", "keep not_kept"}, dropped(drops)); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
	id := func(recipient string, place, ordinal int) string {
		return handler.NotificationID(m.Event.Source, m.Event.ID, m.Event.Type, "test", recipient, place, ordinal)
	}
	ids := []string{id("first", 0, 0), id("a", 3, 0), id("a", 4, 0), id("c", 3, 0), id("c", 4, 0), id("last", 6, 0), id("a", 3, 1), id("a", 4, 1)}
	for i, o := range outputs {
		if o.Notification.ID != ids[i] {
			t.Errorf("output %d has id %s, want %s", i, o.Notification.ID, ids[i])
		}
	}
	if m.Values != nil || m.Outputs != nil || m.Notification != nil || m.Claims != nil {
		t.Errorf("Run changed the message: %+v", m)
	}
}

// One recipient less must not give the others new ids: they would get a second copy.
func TestChainIDsDoNotDependOnOthers(t *testing.T) {
	c := chain(t, "- split:\n- send: {to: '{it}'}")
	last := func(data string) string {
		outputs, _, err := c.Run(t.Context(), handlertest.Message(data), nil)
		if err != nil {
			t.Fatal(err)
		}
		return outputs[len(outputs)-1].Notification.ID
	}
	if all, less := last(`{"to":["a","b","c"]}`), last(`{"to":["b","c"]}`); all != less {
		t.Errorf("c has id %s with a, %s without", all, less)
	}
}

func TestChainObserves(t *testing.T) {
	c := chain(t, "- split:\n- keep: {when: it == 'b'}\n- send: {to: '{it}'}")
	var steps []int
	_, _, err := c.Run(t.Context(), handlertest.Message(`{"to":["a","b"]}`), func(step int, took time.Duration) {
		if took < 0 {
			t.Errorf("step %d took %s", step, took)
		}
		steps = append(steps, step)
	})
	if diff := cmp.Diff([]int{0, 1, 1, 2}, steps); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	var types []string
	for _, s := range c.Steps() {
		types = append(types, fmt.Sprint(s))
	}
	if diff := cmp.Diff([]string{"split test.yaml:1", "keep test.yaml:2", "send test.yaml:3"}, types); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestChainClaims(t *testing.T) {
	tests := map[string]struct {
		yaml           string
		held, released []string
	}{
		"routed":            {yaml: `[claim: {key: k}, send: {to: a}]`, held: []string{"k"}},
		"never routed":      {yaml: `[claim: {key: k}]`, held: []string{"k"}},
		"dropped later":     {yaml: `[claim: {key: k}, keep: {when: "false"}]`, released: []string{"k"}},
		"routed, dropped":   {yaml: `[claim: {key: k}, send: {to: a}, keep: {when: "false"}]`, held: []string{"k"}},
		"routed, claimed":   {yaml: `[send: {to: a}, claim: {key: k}, keep: {when: "false"}]`, held: []string{"k"}},
		"same key twice":    {yaml: `[claim: {key: k}, claim: {key: k}, send: {to: a}]`, held: []string{"k"}},
		"two, both dropped": {yaml: `[claim: {key: k}, claim: {key: l}, keep: {when: "false"}]`, released: []string{"k", "l"}},
		"one of three routed": {
			yaml: `[claim: {key: k}, split: {}, claim: {key: "{it}"}, keep: {when: it == "b"}, send: {to: a}]`,
			held: []string{"b", "k"}, released: []string{"a", "c"},
		},
		"none of three routed": {
			yaml:     `[claim: {key: k}, split: {}, claim: {key: "{it}"}, keep: {when: it == "x"}]`,
			released: []string{"k", "a", "b", "c"},
		},
		"a sibling with the same key": {
			yaml: `[split: {}, claim: {key: k}, keep: {when: it == "c"}, send: {to: a}]`,
			held: []string{"k"},
		},
		"routed before the split": {
			yaml: `[send: {to: a}, split: {}, claim: {key: "{it}"}, keep: {when: "false"}]`,
			held: []string{"a", "b", "c"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			claims := handlertest.NewClaims()
			m := handlertest.Message(`{"to":["a","b","c"]}`)
			c := chain(t, tt.yaml, handlertest.Claims(claims))
			for attempt := range 2 { // The second is a redelivery: it must come to the same end.
				if _, _, err := c.Run(t.Context(), m, nil); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.held, append([]string(nil), claims.Held()...)); diff != "" {
					t.Errorf("held after %d (-want +got):\n%s", attempt, diff)
				}
				if len(m.Claims) != len(tt.held) {
					t.Errorf("the message holds %v, want %v", m.Claims, tt.held)
				}
				if attempt == 0 {
					if diff := cmp.Diff(tt.released, claims.Released()); diff != "" {
						t.Errorf("released (-want +got):\n%s", diff)
					}
				}
			}
			if err := m.ReleaseClaims(t.Context()); err != nil || len(claims.Held()) > 0 || len(m.Claims) > 0 {
				t.Errorf("after ReleaseClaims: %v, %v held, %v on the message", err, claims.Held(), m.Claims)
			}
		})
	}
}

// An event that was split into thousands does not take the longer for each, the more there are.
func TestChainManyClaims(t *testing.T) {
	const people = 200
	claims := handlertest.NewClaims()
	c := chain(t, `[split: {}, claim: {key: "{it % 100}"}, keep: {when: it != 7 && it != 8 && it != 108}, send: {to: "{it}"}]`, handlertest.Claims(claims))
	var to []string
	for i := range people {
		to = append(to, fmt.Sprint(i))
	}
	m := handlertest.Message(`{"to":[` + strings.Join(to, ",") + `]}`)
	for range 2 { // The second is a redelivery.
		outputs, drops, err := c.Run(t.Context(), m, nil)
		if err != nil || len(outputs) != people-3 || len(drops) != 3 {
			t.Fatalf("%d outputs, %d dropped, %v", len(outputs), len(drops), err)
		}
		// 107 holds on to what 7 has claimed, too; of 8 and 108 nobody is left.
		if len(m.Claims) != 99 || len(claims.Held()) != 99 || !cmp.Equal(claims.Released()[:1], []string{"8"}) {
			t.Errorf("%d claims, %d held, released %v", len(m.Claims), len(claims.Held()), claims.Released())
		}
	}
	if err := m.ReleaseClaims(t.Context()); err != nil || len(claims.Held()) > 0 {
		t.Errorf("%v, held %v", err, claims.Held())
	}
}

// The pipeline releases the claims of what it poisoned, so it has to know them: also those of a
// handler that failed half-way or panicked.
func TestChainKeepsClaimsOfFailures(t *testing.T) {
	tests := map[string]handleFunc{
		"error": func(context.Context, *handler.Message) (handler.Result, error) {
			return handler.Result{}, errors.New("broken")
		},
		"panic": func(context.Context, *handler.Message) (handler.Result, error) { panic("broken") },
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			claims := handlertest.NewClaims()
			r := registry()
			add(r, "end", end)
			c := chain(t, `[claim: {key: k}, split: {}, claim: {key: "{it}"}, keep: {when: it != "a"}, end: {}]`,
				handlertest.Claims(claims), handlertest.Registry(r))
			m := handlertest.Message(`{"to":["a","b"]}`)
			func() {
				defer func() {
					if p := recover(); (p != nil) != (name == "panic") {
						t.Errorf("panic: %v", p)
					}
				}()
				outputs, drops, err := c.Run(t.Context(), m, nil)
				if err == nil || outputs != nil || drops != nil {
					t.Errorf("got %v, %v, %v, want an error alone", outputs, drops, err)
				}
			}()
			var keys []string
			for _, claim := range m.Claims {
				keys = append(keys, claim.Handler+" "+claim.Key)
			}
			if diff := cmp.Diff([]string{"claim k", "claim a", "claim b"}, keys); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"a", "b", "k"}, claims.Held()); diff != "" {
				t.Errorf("held (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChainClaimOfAnother(t *testing.T) {
	claims := handlertest.NewClaims()
	c := chain(t, `[claim: {key: k}, send: {to: a}]`, handlertest.Claims(claims))
	run := func(offset int64) ([]string, []string) {
		m := handlertest.Message(`{}`)
		m.Origin.Offset = offset
		outputs, drops, err := c.Run(t.Context(), m, nil)
		if err != nil {
			t.Fatal(err)
		}
		return sent(outputs), dropped(drops)
	}
	run(1)
	if outputs, drops := run(2); outputs != nil || !cmp.Equal(drops, []string{"claim claimed"}) {
		t.Errorf("another origin: sent %v, dropped %v", outputs, drops)
	}
	if outputs, drops := run(1); len(outputs) != 1 || drops != nil {
		t.Errorf("the same origin: sent %v, dropped %v", outputs, drops)
	}
}

// A store that fails while a claim is given up, or after it took one, is no reason to forget it.
func TestChainStoreFails(t *testing.T) {
	claims := handlertest.NewClaims()
	outage := handler.Unavailable(errors.New("connection refused"))
	r := registry()
	add(r, "cut", func(_ context.Context, m *handler.Message) (handler.Result, error) {
		claims.Err = outage
		return handler.Drop("cut"), nil
	})
	c := chain(t, `[claim: {key: k}, cut: {}]`, handlertest.Claims(claims), handlertest.Registry(r))
	m := handlertest.Message(`{}`)
	for range 2 {
		_, _, err := c.Run(t.Context(), m, nil)
		if err == nil || !handler.IsUnavailable(err) || len(m.Claims) != 1 {
			t.Fatalf("got %v and claims %v", err, m.Claims)
		}
	}
	claims.Err = nil
	if err := m.ReleaseClaims(t.Context()); err != nil || len(claims.Held()) != 0 {
		t.Errorf("%v, held: %v", err, claims.Held())
	}
}

func TestChainErrors(t *testing.T) {
	ended, cancel := context.WithTimeout(context.Background(), -1)
	defer cancel()
	r := registry()
	add(r, "nothing", func(context.Context, *handler.Message) (handler.Result, error) { return handler.Result{}, nil })
	add(r, "none", func(context.Context, *handler.Message) (handler.Result, error) { return handler.Many(), nil })
	add(r, "nil", func(context.Context, *handler.Message) (handler.Result, error) { return handler.Many(nil), nil })
	add(r, "reasonless", func(context.Context, *handler.Message) (handler.Result, error) { return handler.Drop(""), nil })
	tests := map[string]struct {
		yaml, data string
		ctx        context.Context
		class      handler.Class
		permanent  bool
		want       string
	}{
		"data":       {yaml: "- split:", data: `{`, class: handler.ClassDecode, permanent: true, want: "decode data: "},
		"time":       {yaml: "- split:", data: `{}`, ctx: ended, class: handler.ClassTimeout, want: "split test.yaml:1: before the handler began: context deadline exceeded"},
		"nothing":    {yaml: "- nothing:", data: `{}`, class: handler.ClassOther, permanent: true, want: "nothing test.yaml:1: the handler returned neither"},
		"none":       {yaml: "- none:", data: `{}`, class: handler.ClassOther, permanent: true, want: "neither a message nor a reason"},
		"nil":        {yaml: "- nil:", data: `{}`, class: handler.ClassOther, permanent: true, want: "a message that is nil"},
		"reasonless": {yaml: "- reasonless:", data: `{}`, class: handler.ClassOther, permanent: true, want: "neither a message nor a reason"},
		"second":     {yaml: "- split:\n- nothing:", data: `{"to":[1]}`, class: handler.ClassOther, permanent: true, want: "nothing test.yaml:2: "},
	}
	for name, tt := range tests {
		ctx := tt.ctx
		if ctx == nil {
			ctx = t.Context()
		}
		_, _, err := chain(t, tt.yaml, handlertest.Registry(r)).Run(ctx, handlertest.Message(tt.data), nil)
		switch {
		case err == nil:
			t.Errorf("%s: no error", name)
		case err.Class() != tt.class || handler.IsPermanent(err) != tt.permanent || !strings.Contains(err.Error(), tt.want):
			t.Errorf("%s: got %s, permanent %t: %s", name, err.Class(), handler.IsPermanent(err), err)
		}
	}
}

func TestMessageCopy(t *testing.T) {
	m := handlertest.Message(`{"n":1}`)
	m.Set("a", "1")
	m.Notification = &handler.Notification{Text: "one"}
	m.Outputs = []handler.Output{{Topic: "t"}}
	m.Claims = make([]handler.TakenClaim, 1, 4)
	c := m.Copy()
	c.Set("a", "2")
	c.Notification.Text = "two"
	if _, err := c.Take(t.Context(), handlertest.NewClaims(), "test", "k", time.Hour); err != nil {
		t.Fatal(err)
	}
	if m.Values["a"] != "1" || m.Notification.Text != "one" || len(m.Claims) != 1 || m.Claims[:2][1].Key != "" {
		t.Errorf("the copy changed the message: %+v", m)
	}
	if c.Outputs != nil {
		t.Error("the copy has the outputs as well: they would be published twice")
	}
	if got, ok := c.ResolveName("a"); !ok || got != "2" {
		t.Errorf("a is %v, %t", got, ok)
	}
}
