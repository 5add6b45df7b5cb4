package handler

import (
	"encoding/json"
	"fmt"

	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/expr"
)

// Object is a JSON value that the configuration writes as YAML, with templates for strings. A
// template that is one hole and nothing else keeps the value's type, so that "{data.count}" is a
// number; "null", lists and maps are possible there too.
type Object struct {
	value  *expr.Value // A string.
	fields []field     // A mapping, in the order of the file.
	items  []*Object   // A list.
	json   []byte      // Anything else, which has nothing to evaluate.
}

type field struct {
	name  []byte // As JSON, with its colon.
	value *Object
}

// object compiles a YAML value as an Object.
func (b site) object(n Node) (*Object, config.Faults) {
	if arg, _ := b.frame.refers(n); arg != nil {
		if o := new(Object); arg.stands(&o) {
			return o, b.substitute(&o, n, arg)
		}
	}
	switch n.Kind() {
	case config.String:
		o := new(Object)
		return o, compileText(b, n, &o.value, b.env().Value)
	case config.Mapping:
		var faults config.Faults
		o := &Object{fields: []field{}}
		for _, e := range n.Entries() {
			value, f := b.object(e.Value)
			faults = append(faults, f...)
			o.fields = append(o.fields, field{name: append(appendString(nil, e.Key.Value), ':'), value: value})
		}
		return o, faults
	case config.Sequence:
		var faults config.Faults
		o := &Object{items: []*Object{}}
		for _, item := range n.Items() {
			value, f := b.object(item)
			faults = append(faults, f...)
			o.items = append(o.items, value)
		}
		return o, faults
	default:
		value, faults := n.Value()
		text, err := json.Marshal(value)
		if err != nil {
			faults = append(faults, n.Faultf("can't be written as JSON: %s", err))
		}
		return &Object{json: text}, faults
	}
}

// AppendJSON evaluates the templates and appends the value as JSON.
func (o *Object) AppendJSON(dst []byte, vars expr.Vars) ([]byte, error) {
	switch {
	case o.value != nil:
		return o.value.AppendJSON(dst, vars)
	case o.fields != nil:
		return o.appendFields(dst, vars)
	case o.items != nil:
		return o.appendItems(dst, vars)
	default:
		return append(dst, o.json...), nil
	}
}

func (o *Object) appendFields(dst []byte, vars expr.Vars) ([]byte, error) {
	dst = append(dst, '{')
	for i, f := range o.fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = f.value.AppendJSON(append(dst, f.name...), vars); err != nil {
			return nil, fmt.Errorf("%s %w", f.name, err)
		}
	}
	return append(dst, '}'), nil
}

func (o *Object) appendItems(dst []byte, vars expr.Vars) ([]byte, error) {
	dst = append(dst, '[')
	for i, item := range o.items {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = item.AppendJSON(dst, vars); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}
