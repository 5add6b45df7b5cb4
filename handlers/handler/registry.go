package handler

import (
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"

	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/expr"
)

// Registry knows handler types by name.
type Registry struct{ types map[string]registered }

// registered is a Type without its type parameter, or one that is declared.
type registered struct {
	description Description
	build       func(b *Build) Handler
	declared    *declared
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry { return &Registry{types: make(map[string]registered)} }

// defaultRegistry is filled by the init functions of package handlers.
var defaultRegistry = NewRegistry()

// Default returns the registry that Register adds to.
func Default() *Registry { return defaultRegistry }

// Register adds a handler type to the default registry. Call it in init, and there alone.
func Register[C any](t Type[C]) { Add(defaultRegistry, t) }

var typeName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// Add adds a handler type. It panics on what only a programmer can have done: a name that is
// malformed or taken, or a type without summary, example or constructor.
func Add[C any](r *Registry, t Type[C]) {
	switch _, taken := r.types[t.Name]; {
	case !typeName.MatchString(t.Name):
		panic(fmt.Sprintf("handler type %q: the name must match %s", t.Name, typeName))
	case taken:
		panic(fmt.Sprintf("handler type %q is registered already", t.Name))
	case t.Summary == "" || t.Example == "" || t.New == nil:
		panic(fmt.Sprintf("handler type %q: Summary, Example and New are required", t.Name))
	}
	r.types[t.Name] = registered{
		description: Description{Name: t.Name, Summary: t.Summary, Doc: paragraphs(t.Doc), Example: t.Example, Params: paramsOf(t.defaults())},
		build:       t.build,
	}
}

func (t Type[C]) defaults() C {
	if t.Default != nil {
		return t.Default()
	}
	var zero C
	return zero
}

// build decodes a configuration and makes the handler of it. Without a fault in b it is usable.
func (t Type[C]) build(b *Build) Handler {
	c := t.defaults()
	b.Fault(b.decode(&c)...)
	var h Handler
	if len(b.faults) == 0 && !b.unsure {
		var err error
		if h, err = t.New(c, b); err != nil {
			b.Fault(b.step.Type.Node.Faultf("%s: %s", t.Name, err))
		}
	}
	b.join()
	if d, ok := any(c).(Declarer); ok {
		b.declare(d.Declares())
	}
	return h
}

// Names returns the names of the handler types in alphabetical order.
func (r *Registry) Names() []string { return slices.Sorted(maps.Keys(r.types)) }

// Describe describes a handler type; false when there is none of that name.
func (r *Registry) Describe(name string) (Description, bool) {
	t, ok := r.types[name]
	return t.description, ok
}

// Chain builds the handlers of a pipeline in their order, and returns all faults at once. Without
// faults the chain is usable.
func (r *Registry) Chain(steps []config.Step, d Deps) (*Chain, config.Faults) {
	c := r.build(d)
	c.run(steps, nil)
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	c.chain.lay(0, len(c.chain.steps), len(c.chain.steps))
	c.chain.routes, c.chain.lookups = c.routes, slices.Sorted(maps.Keys(c.lookups))
	return c.chain, nil
}

// build begins a chain.
func (r *Registry) build(d Deps) *building {
	if d.Now == nil {
		d.Now = now
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	names := append(EventNames(), d.Names...)
	return &building{
		registry: r, deps: d, chain: &Chain{pipeline: d.Pipeline},
		lookups: make(map[string]bool), places: make(map[string]config.Pos), scope: scope{env: expr.NewEnv(names...)},
	}
}
