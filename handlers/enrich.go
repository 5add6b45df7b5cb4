package handlers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/trieungochai/kafka-notify/handlers/expr"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func init() { handler.Register(Enrich) }

// EnrichConfig is what enrich takes: what to look up, by the names that the records get.
type EnrichConfig map[string]EnrichSource

// EnrichSource says where a record comes from.
type EnrichSource struct {
	Lookup  handler.Text   `yaml:"lookup,required" ref:"lookups" doc:"the lookup to ask, one of those under lookups"`
	Key     *expr.Template `yaml:"key,required" doc:"the key of the record"`
	Missing Missing        `yaml:"missing" doc:"what becomes of the message when there is no such record"`
}

// SetDefaults sets what counts where the configuration is silent.
func (s *EnrichSource) SetDefaults() { s.Missing = MissingPoison }

// Declares implements handler.Declarer.
func (c EnrichConfig) Declares() []string { return slices.Sorted(maps.Keys(c)) }

// Missing is what becomes of a message whose record does not exist.
type Missing string

// The message goes to the poison topic, or is dropped.
const (
	MissingPoison Missing = "poison"
	MissingDrop   Missing = "drop"
)

// Values implements handler.Enum.
func (Missing) Values() []string { return []string{string(MissingPoison), string(MissingDrop)} }

// Enrich looks records up and gives them names for the handlers that follow. A record without an id
// gets the key as its id. Where a record is missing the message goes to the poison topic, or, with
// missing: drop, is dropped with the reason "<name>_missing". Several lookups are asked at once.
var Enrich = handler.Type[EnrichConfig]{
	Name:    "enrich",
	Summary: "Looks up records, such as people, and names them for the handlers that follow.",
	Doc: `
Each key below enrich is a name, and what stands under it says where the record comes from that the
name stands for. The handlers that follow use it in conditions and templates, as in {actor.name}. A
record without an id gets the key as its id. Several lookups are asked at once.

Where there is no record, the message is poisoned with the class lookup_missing, or, with missing:
drop, dropped with the reason "<name>_missing"; if both happens, it is poisoned. A lookup that fails
is asked again, and in the end the message is poisoned with the class lookup_unavailable. A key that
can't be evaluated is an error of the class expression, which is not tried again.
`,
	Example: `
- enrich:
    actor: {lookup: users, key: "{data.follower_id}"}
    recipient: {lookup: users, key: "{data.followee_id}", missing: drop}
`,
	New: newEnrich,
}

func newEnrich(c EnrichConfig, b *handler.Build) (handler.Handler, error) {
	if len(c) == 0 {
		return nil, errors.New("names nothing to look up")
	}
	b.Brief("%s", strings.Join(c.Declares(), ", "))
	e := &enrich{}
	slow := 0
	for _, name := range c.Declares() {
		s := source{
			name:   name,
			lookup: c[name].Lookup.Value,
			from:   b.Lookup(c[name].Lookup),
			key:    c[name].Key,
			drop:   c[name].Missing == MissingDrop,
			reason: strings.ToLower(name) + "_missing",
		}
		if s.drop {
			b.Drops(s.reason)
		}
		if instant, ok := s.from.(handler.Instant); !ok || !instant.Instant() {
			slow++
		}
		e.sources = append(e.sources, s)
	}
	e.concurrent = slow > 1
	return e, nil
}

type enrich struct {
	sources    []source // In the order of their names.
	concurrent bool
}

type source struct {
	name   string
	lookup string
	from   handler.Lookup
	key    *expr.Template
	drop   bool
	reason string
}

// found is the answer for one source.
type found struct {
	key    string
	record map[string]any
	ok     bool
}

// Handle implements handler.Handler.
func (e *enrich) Handle(ctx context.Context, m *handler.Message) (handler.Result, error) {
	var buf [4]found
	answers := append(buf[:0], make([]found, len(e.sources))...)
	for i, s := range e.sources {
		key, err := s.key.Eval(m)
		if err != nil {
			return handler.Result{}, handler.ExpressionError(fmt.Errorf("%s.key: %w", s.name, err))
		}
		answers[i].key = key
	}
	if err := e.ask(ctx, answers); err != nil {
		return handler.Result{}, err
	}
	// A message that something is wrong with is not dropped for another reason: poison goes first.
	reason := ""
	for i, s := range e.sources {
		switch a := answers[i]; {
		case a.ok:
			m.Set(s.name, withID(a.record, a.key))
		case !s.drop:
			err := fmt.Errorf("%s: lookup %s has no record with the key %q", s.name, s.lookup, a.key)
			return handler.Result{}, handler.Classify(handler.ClassLookupMissing, handler.Permanent(err))
		case reason == "":
			reason = s.reason
		}
	}
	if reason != "" {
		return handler.Drop(reason), nil
	}
	return handler.Next(m), nil
}

// ask asks all lookups, several at once where that is worth it.
func (e *enrich) ask(ctx context.Context, answers []found) error {
	if !e.concurrent {
		for i := range e.sources {
			if err := e.sources[i].get(ctx, &answers[i]); err != nil {
				return err
			}
		}
		return nil
	}
	return e.askAtOnce(ctx, slices.Clone(answers), answers)
}

// askAtOnce works on a copy of its own, so that ask's answers need no heap where nothing is
// concurrent.
func (e *enrich) askAtOnce(ctx context.Context, shared, answers []found) error {
	g, groupCtx := errgroup.WithContext(ctx)
	panics := make([]any, len(e.sources))
	for i := range e.sources {
		g.Go(func() error {
			// In another goroutine nothing above could recover, and the process would end.
			defer func() {
				if p := recover(); p != nil {
					panics[i] = fmt.Errorf("%s: lookup %s: %v\n%s", e.sources[i].name, e.sources[i].lookup, p, debug.Stack())
				}
			}()
			return e.sources[i].get(groupCtx, &shared[i])
		})
	}
	err := g.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
	copy(answers, shared)
	return err
}

// get asks the lookup for the answer's key.
func (s *source) get(ctx context.Context, answer *found) error {
	record, ok, err := s.from.Get(ctx, answer.key)
	switch {
	case err == nil:
		answer.record, answer.ok = record, ok
		return nil
	case ctx.Err() != nil:
		// The message ran out of time, or was given up: that says nothing about the lookup.
		return fmt.Errorf("%s: lookup %s: %w", s.name, s.lookup, ctx.Err())
	default:
		return handler.Classify(handler.ClassLookupUnavailable, fmt.Errorf("%s: lookup %s: %w", s.name, s.lookup, err))
	}
}

// withID returns the record, with the key as its id where it has none, or null. The record itself
// belongs to the lookup.
func withID(record map[string]any, key string) map[string]any {
	if record["id"] != nil {
		return record
	}
	named := make(map[string]any, len(record)+1)
	maps.Copy(named, record)
	named["id"] = key
	return named
}
