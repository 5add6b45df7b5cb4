package handlers_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

// types are handler types as a configuration declares them.
const types = `
tell:
  summary: Tells a person once in a while.
  parameters:
    actor:     {type: template, doc: who did it}
    recipient: {type: template, doc: whom to tell}
    text:      {type: template, doc: what to say}
    when:      {type: condition, default: 'true', doc: whether to tell at all}
    window:    {type: duration, default: 24h, doc: how long to keep quiet}
    people:    {type: lookup, default: users, doc: where people are found}
    tone:      {type: string, one_of: [plain, loud], default: plain, doc: how to say it}
    extra:     {type: value, default: {}, doc: the data of the notification}
    first:     {type: handlers, default: [], doc: what to do before}
  handlers:
    - enrich:
        actor:     {lookup: "{params.people}", key: "{params.actor}"}
        recipient: {lookup: "{params.people}", key: "{params.recipient}"}
    - switch:
        cases: [{when: params.when, handlers: "{params.first}"}]
    - filter: {when: params.when && actor.id != recipient.id}
    - deduplicate: {key: "{actor.id} {recipient.id}", window: "{params.window}"}
    - compose:
        to: "{recipient.id}"
        text: "{params.text}{params.tone == 'loud' ? '!' : '.'}"
        data: "{params.extra}"
    - route: {topic: "notifications.user.{recipient.id}"}
like:
  summary: Tells the author of a post who likes it.
  parameters:
    tone: {type: string, default: plain, doc: how to say it}
    by:   {type: name, doc: the person}
  handlers:
    - tell:
        actor: "{params.by.id}"
        recipient: "{data.author}"
        text: "{actor.name} likes your post ({params.tone})"
        tone: "{params.tone}"
        extra: {post: "{data.post}", n: 1}
`

const likes = `{"author":"1","liker":"2","post":7}`

func TestDeclared(t *testing.T) {
	const use = `
- enrich: {liker: {lookup: users, key: "{data.liker}"}}
- like: {by: liker, tone: loud}
`
	opts := []handlertest.Option{handlertest.Types(types), handlertest.With("users", handlertest.Users())}
	c := handlertest.Chain(t, use, opts...)
	outputs, _, failed := c.Run(t.Context(), handlertest.Message(likes), nil)
	if failed != nil || len(outputs) != 1 {
		t.Fatalf("got %v, %v", outputs, failed)
	}
	n := outputs[0].Notification
	if n.Text != "Bruno likes your post (loud)!" || string(n.Data) != `{"post":7,"n":1}` || n.Actor.Name != "Bruno" || outputs[0].Topic != "notifications.user.1" {
		t.Errorf("got %+v in %s", n, outputs[0].Topic)
	}
	var steps []string
	for _, s := range c.Steps() {
		steps = append(steps, s.String())
	}
	want := []string{
		"enrich test.yaml:2",
		"enrich types.yaml:15, tell types.yaml:33, like test.yaml:3",
		"switch types.yaml:18, tell types.yaml:33, like test.yaml:3",
		"filter types.yaml:20, tell types.yaml:33, like test.yaml:3",
		"deduplicate types.yaml:21, tell types.yaml:33, like test.yaml:3",
		"compose types.yaml:22, tell types.yaml:33, like test.yaml:3",
		"route types.yaml:26, tell types.yaml:33, like test.yaml:3",
	}
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if name := c.Steps()[5].Name(); name != "like/tell/compose" {
		t.Errorf("the step is called %s", name)
	}
}

// Handlers may be given as a parameter, in whose place they know what is known there.
func TestDeclaredTakesHandlers(t *testing.T) {
	const use = `
- tell:
    actor: "{data.liker}"
    recipient: "{data.author}"
    text: "Hi {recipient.name}, this is {actor.name}"
    when: data.post > 3
    first: [filter: {when: actor.name != 'Rick'}]
`
	opts := []handlertest.Option{handlertest.Types(types), handlertest.With("users", handlertest.Users())}
	for data, want := range map[string]int{
		likes:                                 1,
		`{"author":"1","liker":"3","post":7}`: 0,
		`{"author":"1","liker":"1","post":7}`: 0,
		`{"author":"1","liker":"2","post":3}`: 0,
	} {
		outputs, _, failed := handlertest.Chain(t, use, opts...).Run(t.Context(), handlertest.Message(data), nil)
		if failed != nil || len(outputs) != want {
			t.Errorf("%s: got %v, %v, want %d", data, outputs, failed, want)
		}
	}
}

// A type may be used again: the names that it declares are then those of the last use.
func TestDeclaredTwice(t *testing.T) {
	const use = `
- tell: {actor: "{data.liker}", recipient: "{data.author}", text: "{actor.name} likes your post"}
- tell: {actor: "{data.author}", recipient: "{data.liker}", text: "You like a post of {actor.name}"}
`
	want := []string{
		"notifications.user.1: Bruno likes your post.",
		"notifications.user.2: You like a post of Emma.",
	}
	if diff := cmp.Diff(want, said(t, use, likes, handlertest.Types(types))); diff != "" {
		t.Errorf("said (-want +got):\n%s", diff)
	}
}

// Whatever is wrong points at the definition and at the use.
func TestDeclaredFaults(t *testing.T) {
	const ok = `
a:
  summary: Waits.
  parameters:
    window: {type: duration, doc: how long}
    text: {type: template, default: x, doc: what}
  handlers:
    - deduplicate: {key: "{params.text}", window: "{params.window}"}
`
	for name, tt := range map[string]struct{ types, use, want string }{
		"unknown": {ok, `- a: {windw: 1h, window: 1h}`, `test.yaml:1:7: unknown parameter "windw" of a (did you mean "window"?)`},
		"missing": {ok, `- a: {}`, `test.yaml:1:3: missing parameter "window" of a (how long)`},
		"type":    {ok, `- a: {window: soon}`, `test.yaml:1:15: [0].a.window must be a duration`},
		"a list":  {ok, `- a: [1h]`, `test.yaml:1:6: a takes its parameters as a mapping, not a list`},
		"New": {ok, `- a: {window: 0s}`, `types.yaml:8:51: window must be longer than 0s
      - deduplicate: {key: "{params.text}", window: "{params.window}"}
                                                    ^
  test.yaml:1:3: a is used here
  - a: {window: 0s}
    ^`},
		"argument": {ok, `- a: {window: 1h, text: "{actr}"}`, `test.yaml:1:27: unknown name "actr" (known here: event, data)
  - a: {window: 1h, text: "{actr}"}
                            ^
  types.yaml:8:26: text of a stands here`},
		"handlers that are given": {`
a: {summary: A., parameters: {first: {type: handlers, doc: what}}, handlers: [switch: {cases: [{when: 'true', handlers: "{params.first}"}]}]}
`, `- a: {first: [fitler: {}]}`, `test.yaml:1:15: unknown handler type "fitler" (did you mean "filter"?)
  - a: {first: [fitler: {}]}
                ^
  types.yaml:2:121: first of a stands here`},
		"argument inside": {strings.ReplaceAll(ok, `"{params.text}"`, `"x {params.text}"`), `- a: {window: 1h, text: "{actr}"}`, `test.yaml:1:27: unknown name "actr"`},
		"body": {strings.ReplaceAll(ok, `"{params.text}"`, `"{actr}"`), `- a: {window: 1h}`, `types.yaml:8:28: unknown name "actr" (known here: event, data)
      - deduplicate: {key: "{actr}", window: "{params.window}"}
                             ^
  test.yaml:1:3: a is used here`},
		"body's parameter": {strings.ReplaceAll(ok, `{params.window}`, `{params.widow}`), `- a: {window: 1h}`, `types.yaml:8:60: unknown parameter "widow" (did you mean "window"?)`},
		"built in":         {strings.ReplaceAll(ok, "a:\n", "route:\n"), `- route: {}`, `types.yaml:2:1: there is a handler type route already, a built-in one (choose another name)`},
		"cycle": {`
a: {summary: A., handlers: [b: {}]}
b: {summary: B., handlers: [a: {}]}
`, `- a: {}`, `types.yaml:3:29: a handler type can't be made of itself: a → b → a
  b: {summary: B., handlers: [a: {}]}
                              ^
  types.yaml:2:29: b is used here
  a: {summary: A., handlers: [b: {}]}
                              ^
  test.yaml:1:3: a is used here`},
		"too many": {`
a: {summary: A., handlers: [b: {}, b: {}, b: {}, b: {}, b: {}, b: {}, b: {}, b: {}, b: {}, b: {}, b: {}]}
b: {summary: B., handlers: [c: {}, c: {}, c: {}, c: {}, c: {}, c: {}, c: {}, c: {}, c: {}, c: {}, c: {}]}
c: {summary: C., handlers: [d: {}, d: {}, d: {}, d: {}, d: {}, d: {}, d: {}, d: {}, d: {}, d: {}, d: {}]}
d: {summary: D., handlers: [filter: {when: 'true'}]}
`, `- a: {}`, "the pipeline has more than 1000 handlers"},
	} {
		faults := handlertest.Faults(t, tt.use, handlertest.Types(tt.types))
		if got := faults.Error(); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, tt.want)
		}
	}
}
