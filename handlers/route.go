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
