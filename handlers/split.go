package handlers

import (
	"context"
	"errors"
	"fmt"

	"github.com/trieungochai/kafka-notify/handlers/expr"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func init() { handler.Register(Split) }

// SplitConfig is what split takes.
type SplitConfig struct {
	Over    *expr.List      `yaml:"over,required" doc:"the list, such as {data.mentions}, or {followers.ids} after an enrich"`
	Without *expr.Template  `yaml:"without" doc:"the id of somebody who is left out, such as {actor.id}"`
	Max     int             `yaml:"max" doc:"how many elements the list may have; a message with more is poisoned"`
	As      handler.NewName `yaml:"as,required" doc:"what an element is called"`
	By      *expr.Template  `yaml:"by" doc:"the id of the person that an element stands for, who gets one message; it may use the name of as; without it, the element's id, or the element itself where it is text or a number"`
}

// Declares implements handler.Declarer.
func (c SplitConfig) Declares() []string { return []string{string(c.As)} }

// Split makes a message for each element of a list.
var Split = handler.Type[SplitConfig]{
	Name:    "split",
	Summary: "Makes a message for each element of a list, one for a person.",
	Doc: `
The handlers that follow run for each element on its own, in the list's order; as names the element
for them. Of elements that stand for the same person, by their ids as text, the first counts. Where
the list comes from a lookup, an enrich before it names the record: over: "{followers.ids}".

Where nobody is left the message is dropped with the reason "nobody". A list that is longer than max
poisons the message, with the class other. What is no list, and an element without an id, are errors
of the class expression. None of that is tried again. All that becomes of the elements is published
together, or nothing is.
`,
	Example: `
- enrich:
    actor: {lookup: users, key: "{data.follower_id}"}
    followers: {lookup: followers, key: "{data.followee_id}"}
- split: {over: "{followers.ids}", without: "{actor.id}", as: follower}
- compose: {to: "{follower}", text: "{actor.name} follows somebody you follow."}
- route: {topic: "notifications.user.{follower}"}
`,
	Default: func() SplitConfig { return SplitConfig{Max: 10_000} },
	New: func(c SplitConfig, b *handler.Build) (handler.Handler, error) {
		if c.Max < 1 {
			b.Fault(b.Node().Get("max").Faultf("max must be at least 1"))
		}
		b.Drops("nobody")
		b.Brief("%s as %s", b.Written("over"), b.Written("as"))
		return &split{over: c.Over, without: c.Without, max: c.Max, as: string(c.As), by: c.By}, nil
	},
}

type split struct {
	over        *expr.List
	without, by *expr.Template // nil where there is none.
	max         int
	as          string
}

// Handle implements handler.Handler.
func (s *split) Handle(_ context.Context, m *handler.Message) (handler.Result, error) {
	elements, err := s.over.Eval(m)
	if err != nil {
		return handler.Result{}, handler.ExpressionError(fmt.Errorf("over: %w", err))
	}
	if len(elements) > s.max {
		return handler.Result{}, handler.Permanent(fmt.Errorf(
			"over: %s has %d elements, more than the %d of max: raise max, or send several events", s.over.Source(), len(elements), s.max))
	}
	messages, err := s.each(m, elements)
	switch {
	case err != nil:
		return handler.Result{}, handler.ExpressionError(err)
	case len(messages) == 0:
		return handler.Drop("nobody"), nil
	default:
		return handler.Many(messages...), nil
	}
}

// each returns a message for each person among the elements.
func (s *split) each(m *handler.Message, elements []any) ([]*handler.Message, error) {
	seen := make(map[string]bool, len(elements)+1)
	if s.without != nil {
		id, err := s.without.Eval(m)
		if err != nil {
			return nil, fmt.Errorf("without: %w", err)
		}
		seen[id] = true
	}
	messages := make([]*handler.Message, 0, len(elements))
	for i, element := range elements {
		id, err := s.identity(m, element)
		if err != nil {
			return nil, fmt.Errorf("over: element %d of %s: %w", i, s.over.Source(), err)
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		one := m.Copy()
		one.Set(s.as, element)
		messages = append(messages, one)
	}
	return messages, nil
}

// identity returns the id of the person that an element stands for.
func (s *split) identity(m *handler.Message, element any) (string, error) {
	if element == nil {
		return "", errors.New("is null")
	}
	if s.by != nil {
		id, err := s.by.Eval(withElement{m, s.as, element})
		if err == nil && id == "" {
			err = errors.New("the id is empty")
		}
		if err != nil {
			return "", fmt.Errorf("by: %w", err)
		}
		return id, nil
	}
	if record, ok := element.(map[string]any); ok {
		element = record["id"]
	}
	id, ok := expr.Text(element)
	if !ok || id == "" {
		return "", errors.New("has no id: by says what its id is")
	}
	return id, nil
}

// withElement are a message's variables and the element that is looked at.
type withElement struct {
	*handler.Message
	as      string
	element any
}

// ResolveName implements expr.Vars.
func (v withElement) ResolveName(name string) (any, bool) {
	if name == v.as {
		return v.element, true
	}
	return v.Message.ResolveName(name)
}
