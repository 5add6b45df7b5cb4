package config

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// translator turns go-yaml's AST into values and collects the faults.
type translator struct {
	src     *source
	getenv  func(string) (string, bool)
	anchors map[string]*value // nil while the anchor's own content is translated
	depth   int
	aliased int // how many values the aliases so far stand for; -1 after there were too many
	faults  Faults
}

func (t *translator) faultf(tk *token.Token, format string, args ...any) *Fault {
	line, col := t.src.clamp(tk)
	t.faults = append(t.faults, t.src.fault(line, col, fmt.Sprintf(format, args...)))
	return &t.faults[len(t.faults)-1]
}

func (t *translator) document(tree *ast.File) *value {
	var root *value
	for i, doc := range tree.Docs {
		if directive, ok := doc.Body.(*ast.DirectiveNode); ok {
			t.faultf(directive.Start, "directives such as %%YAML are not supported; leave the line out")
			return nil
		}
		if i > 0 {
			tk := doc.Start
			if tk == nil && doc.Body != nil {
				tk = doc.Body.GetToken()
			}
			t.faultf(tk, "a second document begins here; a file holds one")
			break
		}
		if doc.Body != nil {
			root = t.node(doc.Body)
		}
	}
	if root == nil {
		root = &value{src: t.src, line: 1, col: 1, kind: Null, size: 1, height: 1}
	}
	return root
}

// at begins a value where the token stands.
func (t *translator) at(tk *token.Token, kind Kind, style style) *value {
	line, col := t.src.clamp(tk)
	return &value{src: t.src, line: line, col: col, kind: kind, style: style, size: 1, height: 1}
}

// broken stands for what could not be read.
func (t *translator) broken(tk *token.Token) *value {
	v := t.at(tk, Null, plain)
	v.broken = true
	return v
}

func (t *translator) node(n ast.Node) *value {
	t.depth++
	defer func() { t.depth-- }()
	if t.depth > maxDepth {
		t.faultf(n.GetToken(), "nested more than %d deep", maxDepth)
		return t.broken(n.GetToken())
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return t.mapping(n.GetToken(), n.IsFlowStyle, n.Values)
	case *ast.MappingValueNode:
		return t.mapping(n.GetToken(), false, []*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		return t.sequence(n)
	case *ast.AnchorNode:
		return t.anchor(n)
	case *ast.AliasNode:
		return t.alias(n)
	case *ast.TagNode:
		t.faultf(n.Start, "the tag %s is not supported; leave it out, or quote the value where a text is meant", n.Start.Value)
		return t.broken(n.Start)
	case *ast.LiteralNode:
		v := t.at(n.Start, String, literal)
		if n.Start.Type == token.FoldedType {
			v.style = folded
		}
		return t.substituted(v, n.Value.Value)
	case *ast.NullNode, *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode, *ast.StringNode, *ast.MergeKeyNode:
		return t.scalar(n.GetToken())
	}
	t.faultf(n.GetToken(), "%s is not supported here", n.Type().YAMLName())
	return t.broken(n.GetToken())
}

// scalar translates anything but a block scalar.
func (t *translator) scalar(tk *token.Token) *value {
	v := t.at(tk, String, plain)
	switch tk.Type {
	case token.ImplicitNullType:
		v.kind = Null
		return v
	case token.SingleQuoteType:
		v.style = singleQuoted
	case token.DoubleQuoteType:
		v.style = doubleQuoted
	}
	return t.substituted(v, tk.Value)
}

// substituted completes a scalar from its text as written.
func (t *translator) substituted(v *value, raw string) *value {
	v.raw, v.text, v.kind = raw, raw, String
	for _, f := range v.substitute(t.getenv) {
		line, col := v.placeRaw(f.offset)
		t.faults = append(t.faults, t.src.fault(line, col, f.message))
		v.broken = true
	}
	v.scalar = v.text
	if message := badText(v.text); message != "" {
		v.broken = true
		t.faults = append(t.faults, t.src.fault(v.line, v.col, "this text "+message))
	}
	if v.style != plain || (len(v.spans) > 0 && (!v.wholeVariable() || v.text == "")) {
		return v
	}
	kind, scalar, message := resolve(v.text)
	if message != "" {
		n := Node{v: v}
		t.faults = append(t.faults, n.Faultf("%s %s", n.describe(), message))
		v.broken = true
	}
	v.kind, v.scalar = kind, scalar
	return v
}

func (t *translator) sequence(n *ast.SequenceNode) *value {
	v := t.at(n.GetToken(), Sequence, block)
	if n.IsFlowStyle {
		v.style = flow
	}
	for _, item := range n.Values {
		child := t.node(item)
		v.items = append(v.items, child)
		v.grow(child)
	}
	return v
}

func (t *translator) mapping(tk *token.Token, isFlow bool, entries []*ast.MappingValueNode) *value {
	v := t.at(tk, Mapping, flow)
	if !isFlow {
		v.style = block
	}
	var merges []*value
	seen := make(map[string]*value, len(entries))
	for i, e := range entries {
		if merge, ok := e.Key.(*ast.MergeKeyNode); ok {
			merges = append(merges, t.merge(merge, e.Value)...)
			continue
		}
		key := t.mapKey(e.Key)
		child := t.node(e.Value)
		if i == 0 && !isFlow {
			v.line, v.col = key.line, key.col
		}
		if first, ok := seen[key.text]; ok {
			f := Node{v: key}.Faultf("duplicate key %q", key.text)
			t.faults = append(t.faults, f.WithHint("the first is in line %d", first.line))
			continue
		}
		seen[key.text] = key
		v.entries = append(v.entries, entry{key, child})
		v.grow(child)
	}
	for _, m := range merges {
		for _, e := range m.entries {
			if _, ok := seen[e.key.text]; !ok {
				seen[e.key.text] = e.key
				v.entries = append(v.entries, e)
				v.grow(e.value)
			}
		}
	}
	return v
}

// grow accounts for a child.
func (v *value) grow(child *value) {
	v.size += child.size
	v.height = max(v.height, child.height+1)
}

// mapKey translates a key, which is a string or an integer written without
// quotes. Variables in keys are refused rather than left alone silently.
func (t *translator) mapKey(n ast.MapKeyNode) *value {
	if key, ok := n.(*ast.MappingKeyNode); ok {
		t.faultf(key.Start, `"? " keys are not supported; write "key: value"`)
		return t.at(key.Start, String, plain)
	}
	key := t.node(n)
	switch {
	case key.kind == Mapping || key.kind == Sequence:
		t.faults = append(t.faults, Node{v: key}.Faultf("a key must be a text, not %s", key.kind))
	case len(key.variables()) > 0:
		t.faults = append(t.faults, Node{v: key}.Faultf("a key takes no variables; write $${ for a literal ${"))
	case key.kind == Null || key.kind == Bool || key.kind == Float:
		t.faults = append(t.faults, Node{v: key}.Faultf("a key must be a text; quote it: %q", key.text))
	}
	return key
}

// merge returns the mappings that a merge key names.
func (t *translator) merge(key *ast.MergeKeyNode, n ast.Node) []*value {
	v := t.node(n)
	if v.broken {
		return nil
	}
	sources := []*value{v}
	if v.kind == Sequence {
		sources = v.items
	}
	for _, s := range sources {
		if s.kind != Mapping {
			t.faultf(key.Token, "<< merges a mapping or a list of mappings, not %s", s.kind)
			return nil
		}
	}
	return sources
}

func (t *translator) anchor(n *ast.AnchorNode) *value {
	name := n.Name.GetToken().Value
	t.anchors[name] = nil
	v := t.node(n.Value)
	t.anchors[name] = v
	return v
}

func (t *translator) alias(n *ast.AliasNode) *value {
	name := n.Value.GetToken().Value
	v, ok := t.anchors[name]
	switch {
	case !ok:
		names := make([]string, 0, len(t.anchors))
		for known := range t.anchors {
			names = append(names, known)
		}
		t.faultf(n.Start, "there is no anchor &%s above this alias", name).Hint = Suggest(name, names)
	case v == nil:
		t.faultf(n.Start, "the alias *%s stands inside its own anchor", name)
	case v.height+t.depth > maxDepth:
		t.faultf(n.Start, "nested more than %d deep", maxDepth)
	case t.aliased < 0: // reported at the alias that was one too many
	case t.aliased+v.size > maxExpanded:
		t.faultf(n.Start, "the aliases up to this one stand for more than %d values", maxExpanded)
		t.aliased = -1
	default:
		t.aliased += v.size
		return v
	}
	return t.broken(n.Start)
}
