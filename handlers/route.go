package handlers

import (
	"context"
	"errors"

	"github.com/trieungochai/kafka-notify/handlers/expr"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func init() { handler.Register(Route) }

// RouteConfig is what route takes.
type RouteConfig struct {
	Topic *expr.Topic `yaml:"topic,required" doc:"where the notification goes; holes are escaped as ids are in topic names"`
}

// Route sends the composed notification to a topic. The record's key is the recipient's id. The
// message goes on, so that a pipeline may route more than once.
var Route = handler.Type[RouteConfig]{
	Name:    "route",
	Summary: "Sends the composed notification to a topic.",
	Doc: `
The notification's record has the recipient's id as its key. What is put in the holes of the topic
is escaped, so that no two ids share a topic, and "notifications.user.{recipient.id}" is where people
read theirs. The message goes on behind it: a pipeline may route more than once, and everything it
routed is published together at its end.

It needs a compose before it. A hole that is empty or can't be evaluated, and a topic's name of more
than 249 characters, are errors of the class expression, which are not tried again. It drops nothing
and declares no names.
`,
	Example: `
- enrich:
    recipient: {lookup: users, key: "{data.followee_id}"}
- compose: {to: "{recipient.id}", text: "You have a new follower."}
- route: {topic: "notifications.user.{recipient.id}"}
`,
	New: func(c RouteConfig, b *handler.Build) (handler.Handler, error) {
		b.NeedsNotification()
		b.Delivers(c.Topic)
		return &route{topic: c.Topic}, nil
	},
}

type route struct{ topic *expr.Topic }

// Handle implements handler.Handler.
func (r *route) Handle(_ context.Context, m *handler.Message) (handler.Result, error) {
	if m.Notification == nil {
		return handler.Result{}, handler.Permanent(errors.New("there is no notification to route"))
	}
	topic, err := r.topic.Eval(m)
	if err != nil {
		return handler.Result{}, handler.ExpressionError(err)
	}
	m.Outputs = append(m.Outputs, handler.Output{
		Topic:        topic,
		Key:          m.Notification.Recipient.ID,
		Notification: *m.Notification,
	})
	return handler.Next(m), nil
}
