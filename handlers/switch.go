package handlers

import (
	"context"
	"errors"
	"fmt"

	"github.com/trieungochai/kafka-notify/handlers/expr"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func init() { handler.Register(Switch) }

// SwitchConfig is what switch takes.
type SwitchConfig struct {
	Cases   []SwitchCase   `yaml:"cases,required" doc:"the first whose condition is true is taken"`
	Default *handler.Block `yaml:"default" doc:"the handlers for a message that no case fits; without it such a message passes as it is"`
}

// SwitchCase is one way through a switch.
type SwitchCase struct {
	When     *expr.Condition `yaml:"when,required" doc:"whether a message takes this case"`
	Handlers *handler.Block  `yaml:"handlers,required" doc:"what it goes through then"`
	Node     handler.Node    `yaml:",self"`
}

// Switch sends a message through the handlers of the first case whose condition is true, or through
// those of default. It then goes on with what follows the switch, where only names are known that
// every way through it declares.
var Switch = handler.Type[SwitchConfig]{
	Name:    "switch",
	Summary: "Sends a message through the handlers of the first case that fits.",
	Doc: `
The conditions are asked in their order, and the first that is true counts. Behind its handlers the
message goes on with what follows the switch. There, only names are known that every way through the
switch declares; without default, passing by is one of the ways.

A condition that can't be evaluated is an error of the class expression, which is not tried again. It
drops nothing by itself.
`,
	Example: `
- enrich:
    recipient: {lookup: users, key: "{data.followee_id}"}
- switch:
    cases:
      - when: recipient.name == 'Emma'
        handlers:
          - compose: {to: "{recipient.id}", text: "Dear Emma, you have a new follower."}
    default:
      - compose: {to: "{recipient.id}", text: "You have a new follower."}
- route: {topic: "notifications.user.{recipient.id}"}
`,
	New: newSwitch,
}

func newSwitch(c SwitchConfig, b *handler.Build) (handler.Handler, error) {
	if len(c.Cases) == 0 {
		return nil, errors.New("cases is empty")
	}
	for _, way := range c.Cases {
		way.Handlers.Label = way.Node.Get("when").Written() // with the names of variables, not their values
	}
	if c.Default == nil {
		b.Optional()
	} else {
		c.Default.Label = "default"
	}
	return &switcher{cases: c.Cases, otherwise: c.Default}, nil
}

type switcher struct {
	cases     []SwitchCase
	otherwise *handler.Block // Nil where such messages pass.
}

// Handle implements handler.Handler.
func (s *switcher) Handle(_ context.Context, m *handler.Message) (handler.Result, error) {
	for i, way := range s.cases {
		fits, err := way.When.Eval(m)
		switch {
		case err != nil:
			return handler.Result{}, handler.ExpressionError(fmt.Errorf("cases[%d].when: %w", i, err))
		case fits:
			return handler.Enter(m, way.Handlers), nil
		}
	}
	if s.otherwise == nil {
		return handler.Next(m), nil
	}
	return handler.Enter(m, s.otherwise), nil
}
