package graph

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Mermaid writes the graph as a flowchart of mermaid.js, as GitHub shows it.
func (g *Graph) Mermaid(w io.Writer) error {
	m := &mermaid{}
	m.line(0, "flowchart LR")
	for i := range g.nodes {
		m.node(1, &g.nodes[i])
	}
	for i := range g.groups {
		m.group(1, &g.groups[i])
	}
	for _, e := range g.edges {
		m.edge(e)
	}
	m.line(1, "classDef poison stroke:#b3261e,stroke-width:2px")
	_, err := io.WriteString(w, m.String())
	return err
}

type mermaid struct{ strings.Builder }

func (m *mermaid) line(depth int, format string, args ...any) {
	fmt.Fprintf(m, strings.Repeat("  ", depth)+format+"\n", args...)
}

// shapes are what stands around the label of a node.
var shapes = [...][2]string{
	topic: {"[(", ")]"}, retry: {"[(", ")]"}, poison: {"[(", ")]:::poison"}, lookup: {"[/", "/]"}, handler: {"[", "]"}, choice: {"{", "}"}, end: {"([", "])"},
}

func (m *mermaid) node(depth int, n *node) {
	shape := shapes[n.kind]
	m.line(depth, `%s%s"%s"%s`, n.id, shape[0], whole(n.lines, mermaidText, "<br>"), shape[1])
}

func (m *mermaid) group(depth int, g *group) {
	m.line(depth, `subgraph %s["%s"]`, g.id, mermaidText(g.title))
	for i := range g.nodes {
		m.node(depth+1, &g.nodes[i])
	}
	for i := range g.groups {
		m.group(depth+1, &g.groups[i])
	}
	m.line(depth, "end")
}

func (m *mermaid) edge(e edge) {
	arrow := "-->"
	if e.dashed {
		arrow = "-.->"
	}
	if e.label != "" {
		arrow += `|"` + mermaidText(oneLine(e.label)) + `"|`
	}
	m.line(1, "%s %s %s", e.from, arrow, e.to)
}

// mermaidText writes as entities what ends a string of Mermaid, what it takes for
// an entity, a directive, Markdown, HTML or a link, and what is no ASCII letter at
// the beginning, where Markdown has its lists.
func mermaidText(text string) string {
	var b strings.Builder
	for i, r := range text {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		switch {
		case strings.ContainsRune("\"#%&<>`*_~:@\\|[]", r), i == 0 && !letter && r < 0x80, r == '.' && strings.HasSuffix(strings.ToLower(text[:i]), "www"), r < ' ':
			b.WriteString("#" + strconv.Itoa(int(r)) + ";")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
