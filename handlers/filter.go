package handlers

import (
	"context"

	"github.com/trieungochai/kafka-notify/handlers/expr"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func init() { handler.Register(Filter) }

// FilterConfig is what filter takes.
type FilterConfig struct {
	When *expr.Condition `yaml:"when,required" doc:"keeps the messages for which this is true"`
}

// Filter drops the messages for which a condition is false, with the reason "filtered".
var Filter = handler.Type[FilterConfig]{
	Name:    "filter",
	Summary: "Keeps the messages for which a condition is true.",
	Doc: `
A message for which the condition is false is dropped with the reason "filtered". A condition that
can't be evaluated, such as one on a field that the data lacks, is an error of the class expression,
which is not tried again: has(data.field) asks for it first. It declares no names.
`,
	Example: `
- enrich:
    actor: {lookup: users, key: "{data.follower_id}"}
    recipient: {lookup: users, key: "{data.followee_id}"}
- filter: {when: 'actor.id != recipient.id'}
`,
	New: func(c FilterConfig, b *handler.Build) (handler.Handler, error) {
		b.Drops("filtered")
		b.Brief("%s", b.Written("when"))
		return &filter{when: c.When}, nil
	},
}

type filter struct{ when *expr.Condition }

// Handle implements handler.Handler.
func (f *filter) Handle(_ context.Context, m *handler.Message) (handler.Result, error) {
	keep, err := f.when.Eval(m)
	switch {
	case err != nil:
		return handler.Result{}, handler.ExpressionError(err)
	case !keep:
		return handler.Drop("filtered"), nil
	default:
		return handler.Next(m), nil
	}
}
