package handlers

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// object is a JSON object whose members can be moved, while everything else in it stays byte for
// byte as it was written, spaces included.
type object struct {
	members []*member
	space   []byte // of one without members
}

// member is a member of an object.
type member struct {
	name string
	// before is all up to the value: spaces, the name as it was written and the colon; after are the
	// spaces behind it.
	before, value, after []byte
	// inner is the value read as an object, where something in it was asked for. It then counts instead.
	inner *object
}

// readObject reads what is valid JSON. It returns nil when that is no object.
func readObject(data []byte) *object {
	d := jsontext.NewDecoder(bytes.NewBuffer(data))
	if token, err := d.ReadToken(); err != nil || token.Kind() != jsontext.KindBeginObject {
		return nil
	}
	o, at := &object{}, int(d.InputOffset())
	o.space = data[at : at+bytes.IndexAny(data[at:], `"}`)]
	for d.PeekKind() == jsontext.KindString {
		name, _ := d.ReadToken()
		m := &member{name: name.String()}
		value, _ := d.ReadValue()
		end := int(d.InputOffset())
		begin := end - len(value)
		m.before, m.value = data[at:begin], data[begin:end]
		// What separates members may have spaces on both sides.
		next := end + bytes.IndexAny(data[end:], ",}")
		m.after, at = data[end:next], next+1
		o.members = append(o.members, m)
	}
	return o
}

// find returns the member at a path, and the object that it belongs to; nil where there is none.
func (o *object) find(path []string) (*member, *object) {
	for _, m := range o.members {
		if m.name != path[0] {
			continue
		}
		if len(path) == 1 {
			return m, o
		}
		if m.object() == nil {
			return nil, nil
		}
		return m.inner.find(path[1:])
	}
	return nil, nil
}

// object returns the value as an object, nil when it is none.
func (m *member) object() *object {
	if m.inner == nil {
		m.inner = readObject(m.value)
	}
	return m.inner
}

// remove takes a member out.
func (o *object) remove(gone *member) {
	o.members = slices.DeleteFunc(o.members, func(m *member) bool { return m == gone })
}

// rename gives a member that is there another name.
func (m *member) rename(name string) { m.name, m.before = name, quotedName(name) }

// put gives the member at a path the value, and the place of the one that is there. Objects on the way
// that are missing, or null, are made. The error names what is no object on the way.
func (o *object) put(path []string, value *member) error {
	for i, name := range path[:len(path)-1] {
		on, _ := o.find([]string{name})
		switch {
		case on == nil:
			on = newMember(name)
			on.inner = &object{}
			o.members = append(o.members, on)
		case string(on.value) == "null" && on.inner == nil:
			on.inner = &object{}
		case on.object() == nil:
			return fmt.Errorf("%s is no object", strings.Join(path[:i+1], "."))
		}
		o = on.inner
	}
	name := path[len(path)-1]
	m, _ := o.find([]string{name})
	if m == nil {
		m = newMember(name)
		o.members = append(o.members, m)
	}
	m.value, m.inner = value.value, value.inner
	return nil
}

// newMember returns a member without a value.
func newMember(name string) *member { return &member{name: name, before: quotedName(name)} }

// quotedName returns a name as it is written before a value.
func quotedName(name string) []byte {
	quoted, _ := jsontext.AppendQuote(nil, name)
	return append(quoted, ':')
}

// appendTo appends the object as JSON.
func (o *object) appendTo(dst []byte) []byte {
	dst = append(dst, '{')
	if len(o.members) == 0 {
		dst = append(dst, o.space...)
	}
	for i, m := range o.members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, m.before...)
		if m.inner != nil {
			dst = m.inner.appendTo(dst)
		} else {
			dst = append(dst, m.value...)
		}
		dst = append(dst, m.after...)
	}
	return append(dst, '}')
}
