package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// DecodeOption changes how Decode works.
type DecodeOption func(*decoder)

// WithHook lets a function decode values itself. It is asked first for every
// value below the one that Decode is called for, with a pointer to where the
// value goes; when it did not handle the value, decoding goes on as usual,
// with whatever the hook put there as the defaults.
func WithHook(hook func(target any, n Node) (handled bool, f Faults)) DecodeOption {
	return func(d *decoder) { d.hooks = append(d.hooks, hook) }
}

// NodeDecoder is a type that decodes itself.
type NodeDecoder interface {
	DecodeNode(n Node) Faults
}

// Defaulter is a type with defaults. SetDefaults is called on every value that
// Decode makes: elements of maps and slices and what pointers point to.
type Defaulter interface {
	SetDefaults()
}

// Decode stores the node in what into points to and returns everything wrong
// with it. Values already there are the defaults; lists and maps are replaced
// as a whole. It knows booleans, integers, floats, strings, time.Duration,
// Text, Node (as it is), any (as Value returns it), pointers, slices, maps with
// string keys, structs and NodeDecoders.
//
// Struct fields are named by a tag: `yaml:"when,required"`. A field without a
// tag, or with "-", is left alone; an embedded struct without one is part of
// its parent. `yaml:",self"` on a Node takes the node of the whole struct. A
// null where a struct or a map belongs is an empty one; anywhere else it is a
// fault.
func (n Node) Decode(into any, opts ...DecodeOption) Faults {
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		panic(fmt.Sprintf("config: Decode into %T, which is no pointer to a value", into))
	}
	d := &decoder{}
	for _, opt := range opts {
		opt(d)
	}
	if !n.IsZero() {
		d.decode(target.Elem(), n)
	}
	return d.faults
}

type decoder struct {
	hooks  []func(target any, n Node) (bool, Faults)
	faults Faults
}

func (d *decoder) add(f ...Fault) { d.faults = append(d.faults, f...) }

// value decodes a value below the root.
func (d *decoder) value(target reflect.Value, n Node) {
	for _, hook := range d.hooks {
		handled, faults := hook(target.Addr().Interface(), n)
		d.add(faults...)
		if handled {
			return
		}
	}
	d.decode(target, n)
}

func (d *decoder) decode(target reflect.Value, n Node) {
	if n.v.broken {
		return
	}
	switch into := target.Addr().Interface().(type) {
	case NodeDecoder:
		d.add(into.DecodeNode(n)...)
	case *Node:
		*into = n
	case *Text:
		if text, ok := d.text(n); ok {
			*into = Text{Value: text, Node: n}
		}
	case *time.Duration:
		d.duration(into, n)
	default:
		d.kind(target, n)
	}
}

func (d *decoder) kind(target reflect.Value, n Node) {
	switch target.Kind() {
	case reflect.String:
		if text, ok := d.text(n); ok {
			target.SetString(text)
		}
	case reflect.Bool:
		d.bool(target, n)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		d.int(target, n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		d.uint(target, n)
	case reflect.Float64, reflect.Float32:
		d.float(target, n)
	case reflect.Pointer:
		if target.IsNil() {
			target.Set(newValue(target.Type().Elem()))
		}
		d.value(target.Elem(), n)
	case reflect.Slice:
		d.slice(target, n)
	case reflect.Map:
		d.mapping(target, n)
	case reflect.Struct:
		d.structure(target, n)
	case reflect.Interface:
		v, faults := n.Value()
		d.add(faults...)
		if v == nil {
			target.SetZero()
			return
		}
		target.Set(reflect.ValueOf(v))
	default:
		panic(fmt.Sprintf("config: cannot decode into a %s", target.Type()))
	}
}

// newValue allocates a value and gives it its defaults.
func newValue(t reflect.Type) reflect.Value {
	v := reflect.New(t)
	if def, ok := v.Interface().(Defaulter); ok {
		def.SetDefaults()
	}
	return v
}

func (d *decoder) slice(target reflect.Value, n Node) {
	if n.Kind() != Sequence {
		d.mismatch(n, "a list")
		return
	}
	items := reflect.MakeSlice(target.Type(), 0, len(n.v.items))
	for _, item := range n.Items() {
		elem := newValue(target.Type().Elem()).Elem()
		d.value(elem, item)
		items = reflect.Append(items, elem)
	}
	target.Set(items)
}

func (d *decoder) mapping(target reflect.Value, n Node) {
	if n.Kind() != Mapping && n.Kind() != Null {
		d.mismatch(n, "a mapping")
		return
	}
	m := reflect.MakeMap(target.Type())
	for _, e := range n.Entries() {
		elem := newValue(target.Type().Elem()).Elem()
		d.value(elem, e.Value)
		m.SetMapIndex(reflect.ValueOf(e.Key.Value).Convert(target.Type().Key()), elem)
	}
	target.Set(m)
}

func (d *decoder) structure(target reflect.Value, n Node) {
	if n.Kind() != Mapping && n.Kind() != Null {
		d.mismatch(n, "a mapping")
		return
	}
	fields := fieldsOf(target.Type())
	known := make([]string, 0, len(fields))
	var missing []string
	for _, f := range fields {
		if f.self {
			target.FieldByIndex(f.index).Set(reflect.ValueOf(n))
			continue
		}
		known = append(known, f.name)
		child := n.Get(f.name)
		switch {
		case !child.IsZero():
			d.value(target.FieldByIndex(f.index), child)
		case f.required:
			missing = append(missing, f.name)
		}
	}
	for _, e := range n.Entries() {
		if slices.Contains(known, e.Key.Value) {
			continue
		}
		hint := Suggest(e.Key.Value, known)
		d.add(e.Key.Node.Faultf("unknown key %q %s", e.Key.Value, n.within()).WithHint("%s", hint))
		// A key that is only misspelled is not missing, too.
		missing = slices.DeleteFunc(missing, func(name string) bool { return hint == didYouMean(name) })
	}
	for _, name := range missing {
		d.add(n.missing(name))
	}
}

// missing returns the fault of a mapping without a key it must have.
func (n Node) missing(key string) Fault {
	at := n
	if n.key != nil {
		at = Node{v: n.key}
	}
	return at.Faultf("missing key %q %s", key, n.within())
}

func (n Node) within() string {
	if n.path == "" {
		return "at the top level"
	}
	return "in " + n.path
}

// field is a struct field that Decode fills, Show prints and a schema describes.
type field struct {
	name     string
	index    []int
	required bool
	secret   bool
	path     bool // of a file
	self     bool

	doc   string   // what the key is for
	keys  string   // what the keys of a map are called: see keyPatterns
	ref   string   // what its text names: see Names
	oneOf []string // the texts that are possible, where not all are
}

func fieldsOf(t reflect.Type) []field {
	var fields []field
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if !f.IsExported() || name == "-" || name == "" && options != "self" {
			continue
		}
		fields = append(fields, field{
			name:     name,
			index:    f.Index,
			required: options == "required",
			secret:   f.Tag.Get("secret") == "true",
			path:     f.Tag.Get("path") == "true",
			self:     options == "self",
			doc:      f.Tag.Get("doc"),
			keys:     f.Tag.Get("keys"),
			ref:      f.Tag.Get("ref"),
			oneOf:    words(f.Tag.Get("one_of")),
		})
	}
	return fields
}

// words returns the words of a tag, which commas part.
func words(tag string) []string {
	if tag == "" {
		return nil
	}
	return strings.Split(tag, ",")
}
