package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind says what a Node holds.
type Kind int

// The kinds of values that YAML and JSON share.
const (
	Absent Kind = iota
	Null
	Bool
	Int
	Float
	String
	Sequence
	Mapping
)

// String names the kind as a message would: "a mapping".
func (k Kind) String() string {
	return [...]string{"nothing", "null", "a boolean", "an integer", "a number", "a string", "a list", "a mapping"}[k]
}

// Node is a YAML value together with its place. The zero Node is absent.
// Nodes are read-only and cheap to copy.
type Node struct {
	v    *value
	key  *value // the key that this node is the value of, if any
	path string // from the document's root, such as pipelines.follow.handlers[0]
}

// Text is a string scalar with its place: a name, an expression, a template.
type Text struct {
	Value string
	Node  Node
}

// Entry is one key of a mapping with its value.
type Entry struct {
	Key   Text
	Value Node
}

// value is a node of the tree that Parse builds out of go-yaml's AST, with
// variables substituted and aliases resolved. Aliases share values, so a value
// can be reached along several paths.
type value struct {
	src       *source
	line, col int
	kind      Kind
	style     style

	raw    string // of a scalar: its text before variables were substituted
	text   string // of a scalar: its text
	scalar any    // of a scalar: bool, int64, uint64, float64, string or nil
	spans  []span // of a scalar: what was substituted

	secret bool // the file's text is nobody's business
	broken bool // a fault has been reported: nothing more is to be said about it

	entries []entry  // of a mapping
	items   []*value // of a sequence

	size   int // how many values this is with all aliases expanded
	height int // how deep it nests; a scalar is 1
}

type entry struct{ key, value *value }

// style is how a value is written; it decides how an offset into a text maps
// to a place in the file.
type style int

const (
	plain style = iota
	singleQuoted
	doubleQuoted
	literal
	folded
	block
	flow
)

// source is the file that values point into.
type source struct {
	file   string
	lines  []string
	widths []int // of the lines, in characters
}

func newSource(file, text string) *source {
	s := &source{file: file, lines: strings.Split(text, "\n")}
	for _, line := range s.lines {
		s.widths = append(s.widths, utf8.RuneCountInString(line))
	}
	return s
}

func (s *source) fault(line, col int, message string) Fault {
	return Fault{
		Pos:     Pos{File: s.file, Line: line, Col: col},
		Message: message,
		Source:  hidePasswords(s.lines[line-1]),
	}
}

// IsZero reports whether the node is absent.
func (n Node) IsZero() bool { return n.v == nil }

// Kind says what the node holds.
func (n Node) Kind() Kind {
	if n.v == nil {
		return Absent
	}
	return n.v.kind
}

// Path returns where the node stands in its document, such as
// "pipelines.follow.handlers[0]"; the root's is "".
func (n Node) Path() string { return n.path }

// Text returns the text of a scalar, with variables substituted; "" of anything else.
func (n Node) Text() string {
	if n.v == nil {
		return ""
	}
	return n.v.text
}

// Written returns the text of a scalar as it stands in the file, with the names of
// variables and not their values; "" of anything else.
func (n Node) Written() string {
	if n.v == nil || n.v.kind == Mapping || n.v.kind == Sequence {
		return ""
	}
	return n.v.raw
}

// String returns the value as it would stand on one line, for people to read:
// values that came from a variable as the variable, "" where nothing is.
func (n Node) String() string {
	switch n.Kind() {
	case Absent:
		return ""
	case Mapping:
		var entries []string
		for _, e := range n.Entries() {
			entries = append(entries, quote(e.Key.Value)+": "+e.Value.String())
		}
		return "{" + strings.Join(entries, ", ") + "}"
	case Sequence:
		var items []string
		for _, item := range n.Items() {
			items = append(items, item.String())
		}
		return "[" + strings.Join(items, ", ") + "]"
	default:
		return n.v.inline()
	}
}

// Pos returns where the node begins. The content of an alias lies at its
// anchor.
func (n Node) Pos() Pos {
	if n.v == nil {
		return Pos{}
	}
	return Pos{File: n.v.src.file, Line: n.v.line, Col: n.v.col}
}

// Entries returns the keys of a mapping in the order of the file; keys taken
// over by a merge come last. It is nil for anything else.
func (n Node) Entries() []Entry {
	if n.Kind() != Mapping {
		return nil
	}
	entries := make([]Entry, 0, len(n.v.entries))
	for _, e := range n.v.entries {
		entries = append(entries, Entry{
			Key:   Text{Value: e.key.text, Node: Node{v: e.key, path: n.path}},
			Value: n.child(e),
		})
	}
	return entries
}

// Get returns the value of a mapping's key. It is absent when there is no such
// key and when the node is no mapping.
func (n Node) Get(key string) Node {
	if n.Kind() == Mapping {
		for _, e := range n.v.entries {
			if e.key.text == key {
				return n.child(e)
			}
		}
	}
	return Node{}
}

// Items returns the values of a list, nil for anything else.
func (n Node) Items() []Node {
	if n.Kind() != Sequence {
		return nil
	}
	items := make([]Node, 0, len(n.v.items))
	for i, item := range n.v.items {
		items = append(items, Node{v: item, path: n.path + "[" + strconv.Itoa(i) + "]"})
	}
	return items
}

var barePathKey = regexp.MustCompile(`^[\p{L}\p{N}_$-]+$`)

func (n Node) child(e entry) Node {
	key := e.key.text
	if !barePathKey.MatchString(key) {
		key = strconv.Quote(key)
	}
	if n.path != "" {
		key = n.path + "." + key
	}
	return Node{v: e.value, key: e.key, path: key}
}

// Value returns the node as a plain Go value: map[string]any, []any, string,
// int64, uint64 (for integers above int64), float64, bool or nil. An unquoted
// integer key counts as its digits. Faults are those of the whole tree that
// Parse found, so a node of a document that parsed has none.
func (n Node) Value() (any, Faults) {
	switch n.Kind() {
	case Absent, Null:
		return nil, nil
	case Mapping:
		var faults Faults
		m := make(map[string]any, len(n.v.entries))
		for _, e := range n.Entries() {
			if _, ok := m[e.Key.Value]; ok {
				faults = append(faults, e.Key.Node.Faultf("duplicate key %q", e.Key.Value))
				continue
			}
			v, f := e.Value.Value()
			m[e.Key.Value] = v
			faults = append(faults, f...)
		}
		return m, faults
	case Sequence:
		var faults Faults
		s := make([]any, 0, len(n.v.items))
		for _, item := range n.Items() {
			v, f := item.Value()
			s = append(s, v)
			faults = append(faults, f...)
		}
		return s, faults
	}
	return n.v.scalar, nil
}

// Equal reports whether two nodes hold the same value, wherever they stand.
func (n Node) Equal(other Node) bool { return equal(n.v, other.v) }

func equal(a, b *value) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.kind != b.kind || a.scalar != b.scalar || len(a.items) != len(b.items) || len(a.entries) != len(b.entries) {
		return false
	}
	for i := range a.items {
		if !equal(a.items[i], b.items[i]) {
			return false
		}
	}
	for _, e := range a.entries {
		other := Node{v: b}.Get(e.key.text)
		if !equal(e.value, other.v) {
			return false
		}
	}
	return true
}

// Faultf returns a fault at the node. Values that came from a variable are
// written as the variable's name: they may be secrets.
func (n Node) Faultf(format string, args ...any) Fault {
	if n.v == nil {
		return Fault{Message: fmt.Sprintf(format, args...)}
	}
	return n.v.src.fault(n.v.line, n.v.col, fmt.Sprintf(format, n.v.redact(args)...))
}

// KeyFaultf returns a fault at the key that the node is the value of.
func (n Node) KeyFaultf(format string, args ...any) Fault {
	if n.key == nil {
		return n.Faultf(format, args...)
	}
	return Node{v: n.key}.Faultf(format, args...)
}

// FaultAt returns a fault at a byte offset into the text of a string scalar.
// Where that place came out of a variable, the fault only says so.
func (n Node) FaultAt(offset int, format string, args ...any) Fault {
	if n.v == nil || n.v.kind == Mapping || n.v.kind == Sequence {
		return n.Faultf(format, args...)
	}
	offset = min(max(offset, 0), len(n.v.text))
	line, col := n.v.place(offset)
	for _, s := range n.v.spans {
		if s.name != "" && s.start <= offset && offset <= s.end {
			message := fmt.Sprintf("%s is not valid with the value of ${%s}", n.what(), s.name)
			return n.v.src.fault(line, col, message)
		}
	}
	return n.v.src.fault(line, col, fmt.Sprintf(format, n.v.redact(args)...))
}

// what names the node in a message.
func (n Node) what() string {
	if n.path == "" {
		return "the document"
	}
	return n.path
}

// describe says what the node holds, for a message about what it should hold;
// it keeps secrets, and values that came from a variable, to itself.
func (n Node) describe() string {
	switch names := n.v.variables(); {
	case len(names) > 0 && n.v.text == "":
		return "the empty value of " + n.v.raw
	case n.v.wholeVariable():
		return "the value of ${" + names[0] + "}"
	case len(names) > 0 && !n.v.secret:
		return strconv.Quote(n.v.raw)
	}
	switch {
	case n.v.secret:
	case n.v.kind == Bool, n.v.kind == Int, n.v.kind == Float:
		return n.v.text
	case n.v.kind == String:
		return fmt.Sprintf("%.40q", n.v.text)
	}
	return n.v.kind.String()
}
