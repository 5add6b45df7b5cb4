package handler_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trieungochai/kafka-notify/handlers/expr"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// handleFunc is a handler that is a function.
type handleFunc func(ctx context.Context, m *handler.Message) (handler.Result, error)

func (f handleFunc) Handle(ctx context.Context, m *handler.Message) (handler.Result, error) {
	return f(ctx, m)
}

// add registers a handler type whose handlers are all the same function.
func add(r *handler.Registry, name string, f handleFunc) {
	handler.Add(r, handler.Type[struct{}]{
		Name: name, Summary: "Does what a test needs.", Example: "- " + name + ":",
		New: func(struct{}, *handler.Build) (handler.Handler, error) { return f, nil },
	})
}

type sendConfig struct {
	To    *expr.Template `yaml:"to,required" doc:"the recipient"`
	Topic *expr.Topic    `yaml:"topic" doc:"the topic"`
}

type keepConfig struct {
	When *expr.Condition `yaml:"when,required" doc:"what to keep"`
}

type claimConfig struct {
	Key *expr.Template `yaml:"key,required" doc:"what to claim"`
}

type everyConfig struct {
	Value *handler.Object `yaml:"value" doc:"a value"`
	As    handler.Name    `yaml:"as" doc:"a name"`
	Mode  mode            `yaml:"mode" doc:"a mode"`
	Wait  time.Duration   `yaml:"wait" doc:"a wait"`
	Ask   handler.Text    `yaml:"ask" doc:"a lookup"`
	Count int             `yaml:"count" doc:"a count"`
	Sub   []sendConfig    `yaml:"sub" doc:"more"`
	Flag  *bool           `yaml:"flag" doc:"a flag"`
	Rate  float64         `yaml:"rate" doc:"a rate"`
	Any   handler.Node    `yaml:"any" doc:"anything"`
	Named map[string]keepConfig
}

type mode string

func (mode) Values() []string { return []string{"fast", "slow"} }

type namesConfig map[string]keepConfig

func (c namesConfig) Declares() []string {
	names := make([]string, 0, len(c))
	for name := range c {
		names = append(names, name)
	}
	return names
}

// registry returns handler types for tests: split makes a message of each element of data.to, called
// it; keep drops; claim takes a claim; send routes; names declares names.
func registry() *handler.Registry {
	r := handler.NewRegistry()
	add(r, "split", split)
	handler.Add(r, handler.Type[keepConfig]{
		Name: "keep", Summary: "Keeps.", Example: "- keep: {when: 'true'}",
		New: func(c keepConfig, _ *handler.Build) (handler.Handler, error) {
			return handleFunc(func(_ context.Context, m *handler.Message) (handler.Result, error) {
				if keep, err := c.When.Eval(m); err != nil || !keep {
					return handler.Drop("not_kept"), err
				}
				return handler.Next(m), nil
			}), nil
		},
	})
	handler.Add(r, handler.Type[claimConfig]{
		Name: "claim", Summary: "Claims.", Example: "- claim: {key: a}",
		New: func(c claimConfig, b *handler.Build) (handler.Handler, error) {
			return handleFunc(func(ctx context.Context, m *handler.Message) (handler.Result, error) {
				key, err := c.Key.Eval(m)
				if err != nil {
					return handler.Result{}, err
				}
				verdict, err := m.Take(ctx, b.Claims, "claim", key, time.Hour)
				if verdict == handler.Duplicate {
					return handler.Drop("claimed"), nil
				}
				return handler.Next(m), err
			}), nil
		},
	})
	handler.Add(r, handler.Type[sendConfig]{
		Name: "send", Summary: "Sends.", Example: "- send: {to: a}",
		New: func(c sendConfig, b *handler.Build) (handler.Handler, error) {
			b.Composes()
			return handleFunc(func(_ context.Context, m *handler.Message) (handler.Result, error) {
				to, err := c.To.Eval(m)
				n := handler.Notification{Recipient: handler.Person{ID: to}, Text: fmt.Sprint(b.Step)}
				m.Outputs = append(m.Outputs, handler.Output{Topic: "t", Key: to, Notification: n})
				return handler.Next(m), err
			}), nil
		},
	})
	handler.Add(r, handler.Type[namesConfig]{
		Name: "names", Summary: "Names.", Example: "- names: {a: {when: 'true'}}",
		New: func(c namesConfig, _ *handler.Build) (handler.Handler, error) {
			if len(c) == 0 {
				return nil, errors.New("names nothing")
			}
			return handleFunc(split), nil
		},
	})
	handler.Add(r, handler.Type[everyConfig]{
		Name: "every", Summary: "Has everything.", Example: "- every: {}",
		Default: func() everyConfig { return everyConfig{Mode: "slow", Wait: time.Minute, Count: 3} },
		New: func(c everyConfig, b *handler.Build) (handler.Handler, error) {
			if c.Ask.Value != "" {
				b.Lookup(c.Ask)
			}
			b.NeedsNotification()
			return handleFunc(func(_ context.Context, m *handler.Message) (handler.Result, error) {
				data, err := c.Value.AppendJSON(nil, m)
				m.Notification = &handler.Notification{Data: data}
				return handler.Next(m), err
			}), nil
		},
	})
	return r
}

func split(_ context.Context, m *handler.Message) (handler.Result, error) {
	data, err := m.Event.Value()
	if err != nil {
		return handler.Result{}, err
	}
	var ms []*handler.Message
	for _, to := range data.(map[string]any)["to"].([]any) {
		c := m.Copy()
		c.Set("it", to)
		ms = append(ms, c)
	}
	return handler.Many(ms...), nil
}
