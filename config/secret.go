package config

import "reflect"

// hideSecrets keeps what stands in the file below the keys that t tags as
// secret out of all faults to come: their messages, and the lines that they
// show. Variables stay: only their names stand there.
func hideSecrets(n Node, t reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer:
		hideSecrets(n, t.Elem())
	case reflect.Map:
		for _, e := range n.Entries() {
			hideSecrets(e.Value, t.Elem())
		}
	case reflect.Struct:
		for _, f := range fieldsOf(t) {
			child, of := n.Get(f.name), t.FieldByIndex(f.index).Type
			switch {
			case f.self || child.IsZero():
			case f.secret:
				child.v.hide(of.Kind() != reflect.Map)
			default:
				hideSecrets(child, of)
			}
		}
	}
}

// hide makes a secret of the value and all below it, of keys only if asked to.
func (v *value) hide(keys bool) {
	v.secret = true
	for _, e := range v.entries {
		if keys {
			e.key.hide(keys)
		}
		e.value.hide(keys)
	}
	for _, item := range v.items {
		item.hide(keys)
	}
	if v.entries == nil && v.items == nil && v.raw != "" && !v.isReference() {
		v.mask()
	}
}

// isReference reports whether the scalar is one ${NAME}, without a default.
func (v *value) isReference() bool {
	return v.wholeVariable() && v.raw == "${"+v.spans[0].name+"}"
}

// mask puts stars in the file's line where the scalar stands in it. One that
// the line can't tell the end of is taken to reach to the line's.
func (v *value) mask() {
	if v.style == literal || v.style == folded {
		return // it stands on the lines below, which are not shown
	}
	runes := []rune(v.src.lines[v.line-1])
	from, to := v.col-1, len(runes)
	if line, col := v.placeRaw(len(v.raw)); line == v.line && col > v.col {
		to = min(col-1, to)
	}
	if v.style == singleQuoted || v.style == doubleQuoted {
		from++
	}
	for i := from; i < to; i++ {
		runes[i] = '*'
	}
	v.src.lines[v.line-1] = string(runes)
}
