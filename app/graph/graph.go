// Package graph draws a configuration: the topics, the pipelines with their
// handlers, and what leads from one to another.
package graph

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/config"
)

// Graph is what Mermaid and DOT draw. Of the same configuration it is the same.
type Graph struct {
	nodes  []node // outside of all groups
	groups []group
	edges  []edge
}

// kind is what a node stands for.
type kind int

const (
	topic kind = iota
	retry
	poison
	lookup
	handler
	choice // a handler with branches
	end    // of a way that leads nowhere else
)

// names begin the ids of nodes.
var names = [...]string{topic: "topic", retry: "retry", poison: "poison", lookup: "lookup", handler: "handler", choice: "handler", end: "end"}

type node struct {
	id    string
	kind  kind
	lines []string
}

// group is a pipeline, the use of a declared handler type, or retry topics.
type group struct {
	id, title   string
	nodes       []node
	groups      []group
	first, last string // nodes of it, or of a group in it
}

// adds notes a node that the group, or one in it, was given.
func (g *group) adds(first, last string) {
	g.first, g.last = cmp.Or(g.first, first), last
}

func (g *group) add(n node) {
	g.nodes = append(g.nodes, n)
	g.adds(n.id, n.id)
}

// edge leads from a node or a group to another.
type edge struct {
	from, to string
	label    string
	dashed   bool
	back     bool // against the way of the messages
}

// New draws pipelines of cfg, in that order, and the event types that nobody
// reads, unless some pipelines are left out.
func New(cfg *config.Config, pipelines []*pipeline.Pipeline) *Graph {
	b := &builder{graph: new(Graph), ids: make(map[string]int), places: make(map[place]string)}
	if len(pipelines) == len(cfg.Pipelines) {
		for _, name := range sorted(cfg.Events) {
			b.place(topic, "events."+name)
		}
	}
	for _, p := range pipelines {
		b.pipeline(p, cfg)
	}
	return b.graph
}

// builder is a Graph while it is made.
type builder struct {
	graph  *Graph
	ids    map[string]int   // how many there are, by what they begin with
	places map[place]string // ids of nodes outside of groups
}

// place is what a node outside of groups is known by.
type place struct {
	kind kind
	name string
}

func (b *builder) id(prefix string) string {
	b.ids[prefix]++
	return prefix + strconv.Itoa(b.ids[prefix])
}

// place is the node of a topic or a lookup, the same for all who name it.
func (b *builder) place(k kind, name string) string {
	at := place{k, name}
	id, ok := b.places[at]
	if !ok {
		id = b.id(names[k])
		b.places[at] = id
		b.graph.nodes = append(b.graph.nodes, node{id: id, kind: k, lines: []string{name}})
	}
	return id
}

func (b *builder) edge(e edge) { b.graph.edges = append(b.graph.edges, e) }

// source is a topic that a pipeline reads, with the retry topics of its tiers.
type source struct {
	topic string
	tiers []string
}

func sourcesOf(p *pipeline.Pipeline) []source {
	var sources []source
	for _, s := range p.Sources {
		sources = append(sources, source{topic: s.Topic, tiers: p.TierTopics(s)})
	}
	return sources
}

func (b *builder) pipeline(p *pipeline.Pipeline, cfg *config.Config) {
	sources := sourcesOf(p)
	var from []way
	for _, s := range sources {
		from = append(from, way{from: b.place(topic, s.topic)})
	}
	g := group{id: b.id("pipeline"), title: p.Name}
	for _, left := range b.steps(&g, p.Steps(), from) {
		if left.label != "" { // or it would not be seen that there is such a way
			n := node{id: b.id(names[end]), kind: end, lines: []string{"end"}}
			g.add(n)
			b.edge(edge{from: left.from, to: n.id, label: left.label})
		}
	}
	b.graph.groups = append(b.graph.groups, g)
	b.retry(g, sources, p, cfg)
}

// retry draws where messages of a pipeline go that failed, and how they come
// back.
func (b *builder) retry(of group, sources []source, p *pipeline.Pipeline, cfg *config.Config) {
	policy := cfg.Pipelines[p.Name].Retry
	later := group{id: b.id("later"), title: p.Name + ", later"}
	dead := b.place(poison, cfg.Poison.Topic)
	b.edge(edge{from: of.id, to: dead, label: "given up", dashed: true})
	b.edge(edge{from: dead, to: b.tier(&later, p.RedriveTopic()), label: "redrive", dashed: true})
	for _, s := range sources {
		before, label := of.id, attempts(policy.Attempts)
		for i, name := range s.tiers {
			tier := b.tier(&later, name, "after "+span(policy.Later[i]))
			b.edge(edge{from: before, to: tier, label: label, dashed: true})
			before, label = tier, "fails again"
		}
	}
	b.edge(edge{from: later.id, to: of.first, label: "when due", dashed: true, back: true})
	b.graph.groups = append(b.graph.groups, later)
}

// tier is the node of a retry topic.
func (b *builder) tier(g *group, lines ...string) string {
	n := node{id: b.id(names[retry]), kind: retry, lines: lines}
	g.add(n)
	return n.id
}

// attempts says when a message that may heal is put aside.
func attempts(n int) string {
	if n == 1 {
		return "failed"
	}
	return fmt.Sprintf("failed %d times", n)
}

// span is a duration as it is written in a configuration: 1m, not 1m0s.
func span(d time.Duration) string {
	text := d.String()
	if rest, ok := strings.CutSuffix(text, "m0s"); ok {
		text = rest + "m"
	}
	if rest, ok := strings.CutSuffix(text, "h0m"); ok {
		text = rest + "h"
	}
	return text
}
