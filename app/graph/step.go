package graph

import (
	"cmp"
	"maps"
	"slices"

	"github.com/trieungochai/kafka-notify/app/pipeline"
)

// way is one by which messages come to what follows.
type way struct{ from, label string }

// steps draws handlers one behind the other, the first behind from, and returns
// the ways on.
func (b *builder) steps(g *group, list []pipeline.StepStatus, from []way) []way {
	for i := range list {
		from = b.step(g, &list[i], from)
	}
	return from
}

func (b *builder) step(g *group, s *pipeline.StepStatus, from []way) []way {
	if len(s.Steps) > 0 {
		inner := group{id: b.id("type"), title: s.Type}
		from = b.steps(&inner, s.Steps, from)
		g.groups = append(g.groups, inner)
		g.adds(inner.first, inner.last)
		return from
	}
	n := node{kind: handler, lines: []string{s.Type}}
	if s.Brief != "" {
		n.lines = append(n.lines, oneLine(s.Brief))
	}
	if len(s.Branches) > 0 {
		n.kind = choice
	}
	n.id = b.id(names[n.kind])
	g.add(n)
	for _, w := range from {
		b.edge(edge{from: w.from, to: n.id, label: w.label})
	}
	for _, name := range s.Lookups {
		b.edge(edge{from: n.id, to: b.place(lookup, name), dashed: true, back: true})
	}
	for _, name := range s.Topics {
		b.edge(edge{from: n.id, to: b.place(topic, cmp.Or(name, "topics that "+s.Type+" chooses"))})
	}
	if len(s.Branches) == 0 {
		return []way{{from: n.id}}
	}
	var on []way
	for _, branch := range s.Branches {
		on = append(on, b.steps(g, branch.Steps, []way{{from: n.id, label: branch.Label}})...)
	}
	return on
}

// sorted are the keys of a map.
func sorted[V any](m map[string]V) []string { return slices.SortedFunc(maps.Keys(m), cmp.Compare) }
