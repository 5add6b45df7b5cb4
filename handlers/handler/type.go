package handler

import (
	"fmt"
	"maps"
	"slices"

	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/expr"
)

// What a handler type needs of package config, so that it need not import it.
type (
	// Text is a string of the configuration with its place.
	Text = config.Text
	// Node is a value of the configuration with its place.
	Node = config.Node
	// Fault is something wrong in the configuration, with its place.
	Fault = config.Fault
)

// Type describes a handler type. C is what its users write in YAML: a struct, or a map from names
// to structs, with yaml and doc tags as package config decodes them. Fields of type
// *expr.Condition, *expr.Template, *expr.Topic, *expr.List, *Object, Name, NewName and of an Enum are
// compiled and checked while they are decoded.
type Type[C any] struct {
	// Name is what selects the type in YAML: lower-case letters, digits and _.
	Name string
	// Summary says in one sentence what the handler does.
	Summary string
	// Doc tells in a few sentences what people have to know to use it: what it declares for the
	// handlers that follow, with which reasons it drops messages, which errors it has. An empty line
	// parts paragraphs.
	Doc string
	// Example is YAML as it stands under handlers: a list, with other handlers where it needs them.
	Example string
	// Default returns the configuration before the YAML is decoded over it. Nil is the zero value.
	Default func() C
	// New makes a handler of a configuration without faults. It does no I/O and starts nothing. What
	// it finds wrong goes to b.Fault, or into the error where it has no better place than the whole
	// handler.
	New func(c C, b *Build) (Handler, error)
}

// Declarer is a configuration that gives names to what later handlers may use in expressions. It is
// asked even when the configuration is faulty, so that one fault does not bring others.
type Declarer interface {
	// Declares returns the names. Each is a top-level key of the configuration, a NewName, or fixed; ""
	// is one that could not be read.
	Declares() []string
}

// Enum is a string of a few possible values. Implement it on a type whose kind is string.
type Enum interface {
	Values() []string
}

// Name is one of the names that earlier handlers declared.
type Name string

// Build is what New gets besides the configuration.
type Build struct {
	Deps

	step     config.Step
	chain    *building
	frame    *frame // Nil outside of declared types.
	names    []Text // that the configuration gives, as far as it is decoded
	faults   config.Faults
	unsure   bool // Something could not be compiled, and that is no fault.
	blocks   []*Block
	optional bool
	drops    []string
	ends     []scope         // What is known at the end of each way through the handler.
	asked    map[string]bool // Lookups, by name.
}

// Node returns the handler's configuration as it was written.
func (b *Build) Node() Node { return b.step.Body }

// Variables returns the variables of the environment that a text of the configuration comes from,
// also where a parameter of a declared type stands in it. Their values may be secrets.
func (b *Build) Variables(n Node) []string { return b.frame.variables(n) }

// At returns the handler's type and where the configuration declares it.
func (b *Build) At() Step { return b.chain.chain.steps[b.Step] }

// Fault reports faults. The handler that New returns is then not used.
func (b *Build) Fault(f ...Fault) { b.faults = append(b.faults, f...) }

// Lookup returns the lookup of that name. Nil, and a fault, when there is none.
func (b *Build) Lookup(name Text) Lookup {
	lookup, ok := b.Lookups[name.Value]
	if !ok {
		hint := config.Suggest(name.Value, slices.Sorted(maps.Keys(b.Lookups)))
		b.Fault(name.Node.Faultf("unknown lookup %q", name.Value).WithHint("%s", hint))
	}
	if b.asked == nil {
		b.asked = make(map[string]bool)
	}
	b.asked[name.Value], b.chain.lookups[name.Value] = true, true
	return lookup
}

// Declared tells whether an earlier handler declared the name.
func (b *Build) Declared(name string) bool { return slices.Contains(b.chain.declared(), name) }

// Composes says that the handler leaves a notification on the message.
func (b *Build) Composes() { b.chain.composed = true }

// Delivers says that the handler leaves outputs on the message, for that topic. A pipeline needs one
// that does.
func (b *Build) Delivers(topic *expr.Topic) {
	b.chain.routes = append(b.chain.routes, Route{Step: b.Step, Topic: topic})
}

// Drops says for which reasons the handler may drop a message, so that it can be told which of them no
// test has seen.
func (b *Build) Drops(reasons ...string) { b.drops = append(b.drops, reasons...) }

// Guards says that the handler holds back what must not be delivered again, or not now. Behind one
// that delivers it would come too late.
func (b *Build) Guards() { b.chain.chain.steps[b.Step].Guards = true }

// Brief says in a few words what the handler is set to, for those who look at the pipeline: a
// condition as it is written, a window. What came from a variable of the environment has no place
// there: see Written.
func (b *Build) Brief(format string, args ...any) {
	b.chain.chain.steps[b.Step].Brief = fmt.Sprintf(format, args...)
}

// Written returns what stands under a key of the handler's configuration as it is written, with
// variables of the environment as such: their values may be secrets. Of a parameter that stands
// there alone it is what is given for it.
func (b *Build) Written(key string) string {
	n := b.Node().Get(key)
	if arg, _ := b.frame.refers(n); arg != nil {
		n = arg.node
	}
	return n.Written()
}

// Route is where a handler sends what it puts out.
type Route struct {
	// Step is the index of the handler in its chain.
	Step  int
	Topic *expr.Topic
}

// NeedsNotification reports a fault unless an earlier handler composes the notification.
func (b *Build) NeedsNotification() {
	if !b.chain.composed && !b.chain.incomplete {
		f := b.step.Type.Node.Faultf("%s needs a notification, and none is composed before it", b.step.Type.Value)
		b.Fault(f.WithHint("put a compose before it"))
	}
}

// declare makes names known to the handlers that follow.
func (b *Build) declare(names []string) {
	for _, name := range names {
		if name == "" {
			b.chain.unnamed = true
			continue
		}
		at := b.declares(name)
		if err := expr.CheckName(name); err != nil {
			b.Fault(at.Faultf("%s", err))
			continue
		}
		taken, pos := slices.Contains(b.chain.env.Names(), name), at.Pos()
		if taken && b.chain.places[name] == pos {
			continue // by another use of the same declared type
		}
		if taken {
			b.Fault(at.Faultf("the name %q is taken already", name))
			continue
		}
		b.chain.env, b.chain.places[name] = b.chain.env.With(name), pos
	}
}

// declared are the names that handlers declared, without event and data.
func (c *building) declared() []string {
	return slices.DeleteFunc(c.env.Names(), func(name string) bool {
		return slices.Contains(EventNames(), name)
	})
}
