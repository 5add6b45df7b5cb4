package config

import (
	"maps"
	"slices"
	"strings"
)

// tests checks the tests: that they say something, and only of what there is.
func (k *checker) tests() {
	first := make(map[string]Node)
	for _, t := range k.c.Tests {
		if t.Node.Kind() != Mapping || t.Node.v.broken {
			continue
		}
		if at := t.Name.Node; !at.IsZero() {
			k.notEmpty(at, t.Name.Value)
			if before, ok := first[t.Name.Value]; ok {
				k.fault(at, "%s is the name of %s already", at.what(), strings.TrimSuffix(before.Path(), ".name"))
			} else {
				first[t.Name.Value] = at
			}
		}
		k.known(t.Pipeline, "pipeline", slices.Sorted(maps.Keys(k.c.Pipelines)))
		for _, e := range t.Node.Get("lookups").Entries() {
			k.known(e.Key, "lookup", slices.Sorted(maps.Keys(k.c.Lookups)))
			_, _, faults := FakeLookup(e.Value)
			k.faults = append(k.faults, faults...)
		}
		if events := t.Node.Get("events"); events.Kind() == Sequence && len(t.Events) == 0 {
			k.fault(events, "%s is empty; without an event nothing is tested", events.what())
		}
		for _, e := range t.Events {
			k.testEvent(t, e)
		}
	}
}

// known checks that there is something of that name.
func (k *checker) known(name Text, what string, names []string) {
	if at := name.Node; !at.IsZero() && !slices.Contains(names, name.Value) {
		if f := k.fault(at, "there is no %s %q", what, name.Value); len(at.v.variables()) == 0 {
			f.Hint = Suggest(name.Value, names)
		}
	}
}

func (k *checker) testEvent(t Test, e TestEvent) {
	n := e.Node
	if n.Kind() != Mapping || n.v.broken {
		return
	}
	types := slices.Sorted(maps.Keys(k.c.Events))
	k.known(e.Type, "event type", types)
	switch {
	case !e.Data.IsZero() && !e.Record.IsZero():
		k.fault(Node{v: e.Record.key}, "%s and %s exclude each other; keep one of them", e.Data.path, e.Record.path)
	case e.Data.IsZero() && e.Record.IsZero() && !n.misspells([]string{"data", "record"}):
		k.fault(n, "%s needs data, or a record", n.what())
	}
	k.ids(e.ID, e.Source)
	k.text(e.Record)
	if e.After != nil {
		k.positive(n.Get("after"), *e.After)
	}
	expect := n.Get("expect")
	if expect.Kind() == Sequence && len(e.Expect) == 0 {
		k.fault(expect, "%s is empty; say what becomes of the event", expect.what())
	}
	if !slices.Contains(types, e.Type.Value) {
		return
	}
	for _, o := range e.Expect {
		if o.Node.Kind() == Mapping {
			k.outcome(o)
			k.outcomeOf(t, e, o)
		}
	}
}

// outcome checks that an expectation is of one thing.
func (k *checker) outcome(o Outcome) {
	n := o.Node
	kinds := []string{}
	if o.IsNotification() {
		kinds = append(kinds, "a notification")
	}
	for _, key := range []string{"dropped", "poisoned", "refused"} {
		if !n.Get(key).IsZero() {
			kinds = append(kinds, key)
		}
	}
	switch {
	case len(kinds) > 1:
		k.fault(n, "%s expects %s at once: give each an entry of its own", n.what(), strings.Join(kinds, " and "))
	case len(kinds) == 0 && !n.misspells([]string{"topic", "recipient", "actor", "text", "data", "dropped", "poisoned", "refused"}):
		k.fault(n, "%s says nothing", n.what()).Hint = "give topic, recipient, actor, text or data of a notification; or dropped, poisoned or refused"
	}
	if at := o.By.Node; !at.IsZero() && o.Dropped.Node.IsZero() && o.Poisoned.Node.IsZero() {
		k.fault(Node{v: at.key}, "%s is for what is dropped or poisoned", at.what())
	}
	if at := o.Reason; !at.IsZero() && o.Poisoned.Node.IsZero() && o.Refused.Node.IsZero() {
		k.fault(Node{v: at.key}, "%s is for what is poisoned or refused", at.what())
	}
	k.ids(o.Recipient)
	if o.Actor.Kind() != Null {
		k.ids(o.Actor)
	}
	k.text(o.Text)
	k.text(o.Reason)
}

// outcomeOf checks whose outcome is expected.
func (k *checker) outcomeOf(t Test, e TestEvent, o Outcome) {
	readers := k.c.Readers(e.Type.Value)
	name := k.c.PipelineOf(t, e, o)
	switch at := o.Pipeline.Node; {
	case !o.Refused.Node.IsZero():
		if len(e.Expect) > 1 {
			k.fault(Node{v: o.Refused.Node.key}, "nothing else becomes of an event that is refused")
		}
	case !at.IsZero() && k.c.Pipelines[name].Node.IsZero():
		k.known(o.Pipeline, "pipeline", slices.Sorted(maps.Keys(k.c.Pipelines)))
	case len(readers) == 0:
		k.fault(e.Type.Node, "no pipeline reads events of type %s", e.Type.Value)
	case name == "":
		k.fault(o.Node, "%s: several pipelines read events of type %s", o.Node.what(), e.Type.Value).Hint = "add pipeline: " + strings.Join(readers, " or ") + ", here or in the test"
	case k.c.Pipelines[name].Node.IsZero(): // the test's, which is reported there
	case !slices.Contains(readers, name):
		if at.IsZero() {
			at = e.Type.Node
		}
		k.fault(at, "the pipeline %s does not read events of type %s", name, e.Type.Value)
	}
}

// text checks that a node, if it is there, is a text.
func (k *checker) text(n Node) {
	var text string
	k.faults = append(k.faults, n.Decode(&text)...)
}

// ids checks that nodes, if they are there, are texts, or integers, which count as their digits.
func (k *checker) ids(nodes ...Node) {
	for _, n := range nodes {
		if !n.IsZero() && !n.isWord() {
			k.fault(n, "%s must be a text or an integer, not %s", n.what(), n.describe())
		}
	}
}
