// Package handlertest builds handlers from the YAML that a user would write, and has fakes for what
// handlers get from the service.
//
//	chain := handlertest.Chain(t, `
//	- filter: {when: 'data.n > 1'}
//	`)
//	outputs, dropped, err := chain.Run(t.Context(), handlertest.Message(`{"n": 1}`), nil)
package handlertest

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// File is the name that faults give to the YAML of a test.
const File = "test.yaml"

// Now is what the clock of handlers shows, unless At sets another time.
var Now = time.Date(2026, time.January, 2, 15, 4, 5, 123_000_000, time.UTC)

// Option changes what handlers get.
type Option func(*settings)

type settings struct {
	registry *handler.Registry
	types    string
	deps     handler.Deps
	env      map[string]string
}

// With adds a lookup.
func With(name string, lookup handler.Lookup) Option {
	return func(s *settings) { s.deps.Lookups[name] = lookup }
}

// Names declares names before the first handler, as if an earlier one had.
func Names(names ...string) Option {
	return func(s *settings) { s.deps.Names = append(s.deps.Names, names...) }
}

// Claims sets the store of claims, a new one of NewClaims otherwise.
func Claims(claims handler.Claims) Option { return func(s *settings) { s.deps.Claims = claims } }

// At sets the clock.
func At(now func() time.Time) Option { return func(s *settings) { s.deps.Now = now } }

// Log sets the log, one that discards otherwise.
func Log(log *slog.Logger) Option { return func(s *settings) { s.deps.Log = log } }

// Env sets the environment that ${VARIABLES} of the YAML are taken from, an empty one otherwise.
func Env(env map[string]string) Option { return func(s *settings) { s.env = env } }

// Registry sets the handler types, the default registry's otherwise.
func Registry(r *handler.Registry) Option { return func(s *settings) { s.registry = r } }

// Types declares handler types with YAML as it stands under handler_types. Its faults name TypesFile.
func Types(yaml string) Option { return func(s *settings) { s.types = yaml } }

// TypesFile is the name that faults give to the YAML of Types.
const TypesFile = "types.yaml"

// Chain builds handlers from YAML as it stands under handlers: a list. The test fails when there is
// a fault.
func Chain(tb testing.TB, yaml string, opts ...Option) *handler.Chain {
	tb.Helper()
	chain, faults := build(yaml, opts)
	if err := faults.Err(); err != nil {
		tb.Fatalf("build handlers:\n%s", err)
	}
	return chain
}

// Handler builds a single handler from YAML as it stands in the list, without the dash. The test
// fails when there is a fault.
func Handler(tb testing.TB, yaml string, opts ...Option) handler.Handler {
	tb.Helper()
	steps := Chain(tb, "- "+strings.ReplaceAll(strings.TrimSpace(yaml), "\n", "\n  "), opts...).Steps()
	if len(steps) != 1 {
		tb.Fatalf("build a handler: the YAML declares %d", len(steps))
	}
	return steps[0].Handler
}

// Faults builds handlers from YAML that is wrong, and returns what is wrong with it. The test fails
// when there is nothing.
func Faults(tb testing.TB, yaml string, opts ...Option) config.Faults {
	tb.Helper()
	_, faults := build(yaml, opts)
	if len(faults) == 0 {
		tb.Fatalf("the handlers were built, want faults:\n%s", yaml)
	}
	return faults
}

func build(yaml string, opts []Option) (*handler.Chain, config.Faults) {
	s := &settings{
		registry: handler.Default(),
		deps: handler.Deps{
			Pipeline: "test",
			Lookups:  make(map[string]handler.Lookup),
			Claims:   NewClaims(),
			Now:      func() time.Time { return Now },
		},
	}
	for _, opt := range opts {
		opt(s)
	}
	var types map[string]config.HandlerType
	var steps []config.Step
	if faults := append(s.parse(TypesFile, s.types, &types), s.parse(File, yaml, &steps)...); len(faults) > 0 {
		return nil, faults
	}
	registry, faults := s.registry.Declare(types)
	if len(faults) > 0 {
		return nil, faults
	}
	return registry.Chain(steps, s.deps)
}

func (s *settings) parse(file, yaml string, into any) config.Faults {
	node, faults := config.Parse(file, []byte(yaml), func(name string) (string, bool) {
		value, ok := s.env[name]
		return value, ok
	})
	if len(faults) > 0 || node.Kind() == config.Null {
		return faults
	}
	return node.Decode(into)
}

// Message returns a message with an event of type "follow" that carries the given JSON. Its origin
// is the first record of a partition; change what matters to the test.
func Message(data string) *handler.Message {
	return &handler.Message{
		Event: &handler.Event{
			ID:     "e1",
			Source: "/kafka-notify/follow",
			Type:   "follow",
			Time:   Now.Add(-time.Second),
			Data:   []byte(data),
		},
		Origin:     handler.Origin{Topic: "events.follow"},
		AcceptedAt: Now,
		Pipeline:   "test",
	}
}

// NoSecret fails the test when one of the secrets stands in what is said about a failure or shown
// of a configuration.
func NoSecret(tb testing.TB, said string, secrets ...string) {
	tb.Helper()
	for _, secret := range secrets {
		if strings.Contains(said, secret) {
			tb.Errorf("a secret was given away: %s", strings.ReplaceAll(said, secret, "<secret>"))
		}
	}
}
