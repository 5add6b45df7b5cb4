package handlers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/handlers/handler"
	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

// composed runs a compose, and returns the notification.
func composed(t *testing.T, yaml string, m *handler.Message, opts ...handlertest.Option) (*handler.Notification, error) {
	t.Helper()
	_, err := handlertest.Handler(t, yaml, opts...).Handle(t.Context(), m)
	return m.Notification, err
}

// people is a message on which enrich left somebody.
func people(data string) *handler.Message {
	m := handlertest.Message(data)
	m.Set("actor", map[string]any{"id": "2", "name": "Bruno", "email": "bruno@example.com"})
	m.Set("recipient", map[string]any{"id": "1", "name": "Emma", "email": "emma@example.com"})
	m.Set("team", map[string]any{"id": int64(1 << 60)})
	return m
}

func TestCompose(t *testing.T) {
	const data = `{ "follower_id":"2", "n": 1e2 }`
	names := handlertest.Names("actor", "recipient", "team")
	want := handler.Notification{
		Type:      "follow",
		Recipient: handler.Person{ID: "1", Name: "Emma"},
		Actor:     &handler.Person{ID: "2", Name: "Bruno"},
		Text:      "Bruno started following you.",
		Data:      []byte(data),
		CreatedAt: handlertest.Now,
		Event:     handler.EventRef{ID: "e1", Source: "/kafka-notify/follow", Type: "follow", Time: handlertest.Now.Add(-time.Second)},
	}
	tests := map[string]struct {
		yaml   string
		opts   []handlertest.Option
		change func(n *handler.Notification)
	}{
		"defaults": {
			yaml: `compose: {to: "{recipient.id}", text: "{actor.name} started following you."}`, opts: []handlertest.Option{names},
			change: func(*handler.Notification) {},
		},
		"nobody declared": {
			yaml:   `compose: {to: "1", text: "Bruno started following you."}`,
			change: func(n *handler.Notification) { n.Actor, n.Recipient.Name = nil, "" },
		},
		"to is somebody else": {
			yaml: `compose: {to: "9", text: "Bruno started following you."}`, opts: []handlertest.Option{names},
			change: func(n *handler.Notification) { n.Recipient = handler.Person{ID: "9"} },
		},
		"named": {
			yaml: `compose: {to: "9", text: "Bruno started following you.", actor: team, recipient: actor}`, opts: []handlertest.Option{names},
			change: func(n *handler.Notification) {
				n.Recipient, n.Actor = handler.Person{ID: "9", Name: "Bruno"}, &handler.Person{ID: "1152921504606846976"}
			},
		},
		"data": {
			yaml: `compose: {to: "1", text: "Bruno started following you.", data: {n: "{data.n}", by: "{actor.name}!"}}`, opts: []handlertest.Option{names},
			change: func(n *handler.Notification) { n.Data = []byte(`{"n":100,"by":"Bruno!"}`) },
		},
		"clock": {
			yaml: `compose: {to: "{recipient.id}", text: "{actor.name} started following you."}`,
			opts: []handlertest.Option{names, handlertest.At(func() time.Time {
				return time.Date(2027, 1, 1, 1, 0, 0, 999_999_999, time.FixedZone("", 3600))
			})},
			change: func(n *handler.Notification) { n.CreatedAt = time.Date(2027, 1, 1, 0, 0, 0, 999_000_000, time.UTC) },
		},
	}
	for name, tt := range tests {
		want := want
		tt.change(&want)
		got, err := composed(t, tt.yaml, people(data), tt.opts...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Whatever else a lookup knows about people stays where it is.
func TestComposeKeepsSecrets(t *testing.T) {
	n, err := composed(t, `compose: {to: "{recipient.id}", text: hi}`, people(`{}`), handlertest.Names("actor", "recipient"))
	if err != nil {
		t.Fatal(err)
	}
	handlertest.NoSecret(t, string(n.AppendJSON(nil)), "bruno@example.com", "emma@example.com")
}

func TestComposeErrors(t *testing.T) {
	tests := map[string]struct{ yaml, want string }{
		"to is empty":         {`compose: {to: "{data.none}", text: x}`, "to: the recipient's id is empty"},
		"to is missing":       {`compose: {to: "{data.to}", text: x}`, "to: {data.to}: no such key: to"},
		"text":                {`compose: {to: "1", text: "{actor.nick}"}`, "text: {actor.nick}: no such key: nick"},
		"data":                {`compose: {to: "1", text: x, data: {a: ["{actor.nick}"]}}`, "{actor.nick}: no such key: nick"},
		"actor has no id":     {`compose: {to: "1", text: x, actor: empty}`, "empty.id: is missing"},
		"recipient is a list": {`compose: {to: "1", text: x, recipient: many}`, "many: is no record"},
		"name is a list":      {`compose: {to: "1", text: x, recipient: odd}`, "odd.name: is neither text nor number"},
	}
	for name, tt := range tests {
		m := people(`{"none":""}`)
		m.Set("empty", map[string]any{})
		m.Set("many", []any{})
		m.Set("odd", map[string]any{"id": "1", "name": []any{}})
		n, err := composed(t, tt.yaml, m, handlertest.Names("actor", "recipient", "empty", "many", "odd"))
		if err == nil || handler.ClassOf(err) != handler.ClassExpression || !handler.IsPermanent(err) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want %s", name, err, tt.want)
		}
		if n != nil {
			t.Errorf("%s: a notification was left behind: %+v", name, n)
		}
	}
}

func TestComposeFaults(t *testing.T) {
	for yaml, want := range map[string]string{
		`- compose: {to: "1", text: x, actor: actr}`:            `test.yaml:1:38: unknown name "actr" (did you mean "actor"?)`,
		`- compose: {to: "1", text: x, actor: data}`:            `unknown name "data"`,
		`- compose: {to: "1", text: "Hi {actr.name}"}`:          `test.yaml:1:33: unknown name "actr" (did you mean "actor"?)`,
		`- compose: {to: "1", text: x, data: {a: "{actr.id}"}}`: `test.yaml:1:43: unknown name "actr"`,
		`- compose: {text: x}`:                                  `missing key "to"`,
		`- compose: {to: 1, text: x}`:                           "must be a string",
	} {
		faults := handlertest.Faults(t, yaml, handlertest.Names("actor"))
		if len(faults) != 1 || !strings.Contains(faults.Error(), want) {
			t.Errorf("%s: got\n%s\nwant %s", yaml, faults, want)
		}
	}
}
