package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/trieungochai/kafka-notify/handlers/expr"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func init() { handler.Register(Compose) }

// ComposeConfig is what compose takes.
type ComposeConfig struct {
	To        *expr.Template  `yaml:"to,required" doc:"the recipient's id"`
	Text      *expr.Template  `yaml:"text,required" doc:"what the recipient reads"`
	Actor     handler.Name    `yaml:"actor" doc:"who did it: a record with id and name; without it, the one that is called actor, if there is one"`
	Recipient handler.Name    `yaml:"recipient" doc:"the record with the recipient's name; without it, the one that is called recipient, if there is one"`
	Data      *handler.Object `yaml:"data" doc:"the notification's data: YAML whose strings are templates, where one that is a single hole keeps its type; without it, the event's data byte for byte"`
}

// Compose words the notification: for whom, what it says, who did it. Of people only id and name
// go in. The recipient's id is always what to says; a record that is merely called recipient lends
// its name only when it is that person's.
var Compose = handler.Type[ComposeConfig]{
	Name:    "compose",
	Summary: "Words the notification that a person gets.",
	Doc: `
The notification says what the recipient reads, who did it and when. Of people only id and name go
in, whatever else their records hold. A record that is merely called recipient lends its name only
when its id is that of the field to. Composing sends nothing: route does, and takes the notification
that was composed last.

A template that can't be evaluated, an empty recipient, and a person without an id are errors of the
class expression, which are not tried again. It drops nothing and declares no names.
`,
	Example: `
- enrich:
    actor: {lookup: users, key: "{data.follower_id}"}
    recipient: {lookup: users, key: "{data.followee_id}"}
- compose:
    to: "{recipient.id}"
    text: "{actor.name} started following you."
    data: {follower: "{actor.id}", since: "{event.time}"}
`,
	New: newCompose,
}

func newCompose(c ComposeConfig, b *handler.Build) (handler.Handler, error) {
	b.Composes()
	h := &compose{to: c.To, text: c.Text, data: c.Data, now: b.Now, actor: string(c.Actor), recipient: string(c.Recipient)}
	h.sure = h.recipient != ""
	if h.actor == "" && b.Declared("actor") {
		h.actor = "actor"
	}
	if h.recipient == "" && b.Declared("recipient") {
		h.recipient = "recipient"
	}
	return h, nil
}

type compose struct {
	to, text         *expr.Template
	actor, recipient string // Names of records, "" where there is none.
	sure             bool   // The configuration names the recipient's record.
	data             *handler.Object
	now              func() time.Time
}

// Handle implements handler.Handler.
func (c *compose) Handle(_ context.Context, m *handler.Message) (handler.Result, error) {
	n, err := c.notification(m)
	if err != nil {
		return handler.Result{}, handler.ExpressionError(err)
	}
	m.Notification = n
	return handler.Next(m), nil
}

func (c *compose) notification(m *handler.Message) (*handler.Notification, error) {
	to, err := c.to.Eval(m)
	if err != nil {
		return nil, fmt.Errorf("to: %w", err)
	}
	if to == "" {
		return nil, errors.New("to: the recipient's id is empty")
	}
	text, err := c.text.Eval(m)
	if err != nil {
		return nil, fmt.Errorf("text: %w", err)
	}
	n := &handler.Notification{
		Type:      m.Event.Type,
		Recipient: handler.Person{ID: to},
		Text:      text,
		Data:      json.RawMessage(m.Event.Data),
		CreatedAt: c.now().UTC().Truncate(time.Millisecond),
		Event:     handler.EventRef{ID: m.Event.ID, Source: m.Event.Source, Type: m.Event.Type, Time: m.Event.Time},
	}
	if c.data != nil {
		if n.Data, err = c.data.AppendJSON(nil, m); err != nil {
			return nil, fmt.Errorf("data: %w", err)
		}
	}
	return n, c.people(m, n)
}

// people puts in who did it and what the recipient is called.
func (c *compose) people(m *handler.Message, n *handler.Notification) error {
	if c.actor != "" {
		actor, err := person(m, c.actor)
		if err != nil {
			return err
		}
		n.Actor = &actor
	}
	if c.recipient != "" {
		recipient, err := person(m, c.recipient)
		if err != nil {
			return err
		}
		if c.sure || recipient.ID == n.Recipient.ID {
			n.Recipient.Name = recipient.Name
		}
	}
	return nil
}

// person reads id and name off a record.
func person(m *handler.Message, name string) (handler.Person, error) {
	value, _ := m.ResolveName(name)
	record, ok := value.(map[string]any)
	if !ok {
		return handler.Person{}, fmt.Errorf("%s: is no record", name)
	}
	id, ok := expr.Text(record["id"])
	if !ok {
		return handler.Person{}, fmt.Errorf("%s.id: is missing, or neither text nor number", name)
	}
	p := handler.Person{ID: id}
	if record["name"] == nil {
		return p, nil
	}
	if p.Name, ok = expr.Text(record["name"]); !ok {
		return handler.Person{}, fmt.Errorf("%s.name: is neither text nor number", name)
	}
	return p, nil
}
