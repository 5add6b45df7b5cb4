package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// merge makes one document of those of several files. What their sections
// declare by name is taken together; of any other there may be one.
func merge(roots []Node) (Node, Faults) {
	if len(roots) == 1 {
		return roots[0], nil
	}
	sections := sectionsOf(reflect.TypeFor[Config]())
	first := roots[0].v
	m := &value{src: first.src, line: first.line, col: first.col, kind: Mapping, style: block, size: 1, height: 1}
	at := make(map[string]int) // where a section stands among the entries
	var faults Faults
	for _, root := range roots {
		if f, foreign := root.foreign(sections); foreign {
			faults = append(faults, f)
			continue
		}
		for _, e := range root.v.entries {
			of, known := sections[e.key.text]
			i, again := at[e.key.text]
			switch {
			case !again || !known: // an unknown one is reported wherever it stands
				at[e.key.text] = len(m.entries)
				m.entries = append(m.entries, e)
			case manifold(of) == Absent:
				f := root.duplicate(e, m.entries[i].key, of)
				f[0].Hint += ", and it may stand in one file only"
				faults = append(faults, f...)
			default:
				united, f := unite(root.child(m.entries[i]), root.child(e), of)
				m.entries[i].value = united
				faults = append(faults, f...)
			}
		}
	}
	for _, e := range m.entries {
		m.grow(e.value)
	}
	return Node{v: m}, faults
}

// sectionsOf returns what the sections of a file become, by name.
func sectionsOf(config reflect.Type) map[string]reflect.Type {
	sections := make(map[string]reflect.Type)
	for _, f := range fieldsOf(config) {
		sections[f.name] = config.FieldByIndex(f.index).Type
	}
	return sections
}

// manifold returns the kind of a section that may stand in several files: a
// Mapping, whose keys are names, or a Sequence. Any other's is Absent.
func manifold(section reflect.Type) Kind {
	switch {
	case section.Kind() == reflect.Map && section.Elem().Kind() == reflect.Struct:
		return Mapping
	case section.Kind() == reflect.Slice && section.Elem().Kind() == reflect.Struct:
		return Sequence
	}
	return Absent
}

// foreign returns the fault of a file that is of another kind, such as the
// people of a lookup in a folder that is read as a whole: it has nothing that a
// configuration could mean.
func (n Node) foreign(sections map[string]reflect.Type) (Fault, bool) {
	entries := n.Entries()
	names := slices.Collect(maps.Keys(sections))
	if len(entries) == 0 || slices.ContainsFunc(entries, func(e Entry) bool {
		return slices.Contains(names, e.Key.Value) || Nearest(e.Key.Value, names) != ""
	}) {
		return Fault{}, false
	}
	f := entries[0].Key.Node.Faultf("%q is no key of a configuration, and neither is any other of this file", entries[0].Key.Value)
	return f.WithHint("of a folder every *.yaml and *.yml file is read; keep the files of lookups in a folder below it"), true
}

// unite takes a section of two files together. One that is not what it should
// be is left out, with its fault if that has not been reported, and the other
// stands for both.
func unite(a, b Node, of reflect.Type) (*value, Faults) {
	wanted := manifold(of)
	switch {
	case b.Kind() != wanted:
		return a.v, b.tryAs(of)
	case a.Kind() != wanted:
		return b.v, a.tryAs(of)
	}
	united := *a.v
	united.items = slices.Concat(a.v.items, b.v.items)
	united.entries = slices.Clone(a.v.entries)
	names := make(map[string]*value, len(a.v.entries))
	for _, e := range a.v.entries {
		names[e.key.text] = e.key
	}
	var faults Faults
	for _, e := range b.v.entries {
		if first, ok := names[e.key.text]; ok {
			faults = append(faults, b.duplicate(e, first, of.Elem())...)
			continue
		}
		united.entries = append(united.entries, e)
	}
	united.grow(b.v)
	return &united, faults
}

// duplicate returns the fault of a key of the mapping that another file has as
// well, and behind it those of its value, which counts for nothing.
func (n Node) duplicate(e entry, first *value, of reflect.Type) Faults {
	f := Node{v: e.key}.Faultf("duplicate key %q %s", e.key.text, n.within())
	f.Hint = fmt.Sprintf("the first is at %s:%d", first.src.file, first.line)
	return append(Faults{f}, n.child(e).tryAs(of)...)
}

// tryAs returns the faults of the node as a value of that type.
func (n Node) tryAs(t reflect.Type) Faults { return n.Decode(newValue(t).Interface()) }
