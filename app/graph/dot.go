package graph

import (
	"fmt"
	"io"
	"strings"
)

// DOT writes the graph in the language of Graphviz.
func (g *Graph) DOT(w io.Writer) error {
	d := &dot{graph: g}
	d.line(0, "digraph {")
	d.line(1, "rankdir=LR; compound=true; fontname=%s", quoted("sans-serif"))
	d.line(1, "node [fontname=%s, fontsize=11]; edge [fontname=%[1]s, fontsize=10]", quoted("sans-serif"))
	for i := range g.nodes {
		d.node(1, &g.nodes[i])
	}
	for i := range g.groups {
		d.group(1, &g.groups[i])
	}
	for _, e := range g.edges {
		d.edge(e)
	}
	d.line(0, "}")
	_, err := io.WriteString(w, d.String())
	return err
}

type dot struct {
	strings.Builder
	graph *Graph
}

func (d *dot) line(depth int, format string, args ...any) {
	fmt.Fprintf(d, strings.Repeat("  ", depth)+format+"\n", args...)
}

// looks are the attributes of nodes.
var looks = [...]string{
	topic: "shape=cylinder", retry: "shape=cylinder, style=dashed", poison: `shape=cylinder, color="#b3261e", penwidth=2`,
	lookup: "shape=note", handler: "shape=box, style=rounded", choice: "shape=diamond", end: "shape=plaintext",
}

func (d *dot) node(depth int, n *node) {
	d.line(depth, "%s [label=%s, %s]", n.id, `"`+whole(n.lines, dotText, `\n`)+`"`, looks[n.kind])
}

func (d *dot) group(depth int, g *group) {
	d.line(depth, "subgraph %s {", cluster(g.id))
	d.line(depth+1, "label=%s; style=rounded", quoted(g.title))
	for i := range g.nodes {
		d.node(depth+1, &g.nodes[i])
	}
	for i := range g.groups {
		d.group(depth+1, &g.groups[i])
	}
	d.line(depth, "}")
}

// cluster is what Graphviz draws a frame around.
func cluster(id string) string { return "cluster_" + id }

// edge draws an edge. Of a group it has to name a node inside, and is cut off at
// the frame.
func (d *dot) edge(e edge) {
	var attributes []string
	if e.label != "" {
		attributes = append(attributes, "label="+quoted(oneLine(e.label)))
	}
	if e.dashed {
		attributes = append(attributes, "style=dashed")
	}
	if e.back {
		attributes = append(attributes, "constraint=false")
	}
	from, to := e.from, e.to
	if g := d.graph.group(from); g != nil {
		from = g.last
		attributes = append(attributes, "ltail="+cluster(g.id))
	}
	if g := d.graph.group(to); g != nil {
		to = g.first
		attributes = append(attributes, "lhead="+cluster(g.id))
	}
	if len(attributes) == 0 {
		d.line(1, "%s -> %s", from, to)
		return
	}
	d.line(1, "%s -> %s [%s]", from, to, strings.Join(attributes, ", "))
}

// group is the outermost group of that id; nil if that is a node.
func (g *Graph) group(id string) *group {
	for i := range g.groups {
		if g.groups[i].id == id {
			return &g.groups[i]
		}
	}
	return nil
}

func quoted(text string) string { return `"` + dotText(text) + `"` }

// dotText writes text for a string of DOT, in which labels have escapes and HTML's
// entities.
func dotText(text string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;", "\n", " ", "\r", " ").Replace(text)
}
