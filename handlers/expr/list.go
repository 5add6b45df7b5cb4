package expr

import (
	"errors"
	"fmt"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// List is a compiled template that is a single hole, whose value is a list. It is safe for
// concurrent use.
type List struct{ t *Template }

// List compiles a template as a list. The error is an *Error: what Template reports, more or less
// than one hole, or a value that can never be a list.
func (e *Env) List(src string) (*List, error) {
	t, err := e.template(src, false)
	if err != nil {
		return nil, err
	}
	if len(t.parts) != 1 || t.parts[0].prg == nil {
		return nil, errorAt(0, "a list is one hole and nothing else, such as {data.ids}")
	}
	switch hole := t.parts[0]; hole.prg.out.Kind() {
	case types.ListKind, types.DynKind:
		return &List{t: t}, nil
	default:
		return nil, errorAt(hole.offset, "a list is needed here, this is of type %s", hole.prg.out)
	}
}

// Source returns the template as it was written.
func (l *List) Source() string { return l.t.src }

// Eval returns the elements, each a value that Vars may give; they must not be changed. The error
// names the hole: what Template.Eval reports, or a value that is no list.
func (l *List) Eval(vars Vars) ([]any, error) {
	hole := &l.t.parts[0]
	if value, ok := hole.prg.field(vars); ok {
		if list, isList := value.([]any); isList {
			return list, nil
		}
	}
	val, err := hole.prg.eval(vars)
	if err != nil {
		return nil, hole.fail(err)
	}
	list, isList := val.(traits.Lister)
	if !isList {
		return nil, hole.fail(errors.New("is " + kindOf(val) + ", and no list"))
	}
	elements, err := nativeList(list)
	if err != nil {
		return nil, hole.fail(err)
	}
	return elements, nil
}

// native returns what CEL computed as a value of Vars. A duration and bytes become the text that a
// hole would print.
func native(val ref.Val) (any, error) {
	switch v := val.(type) {
	case types.Null:
		return nil, nil
	case types.Bool:
		return bool(v), nil
	case types.Int:
		return int64(v), nil
	case types.Uint:
		return uint64(v), nil
	case types.Double:
		return float64(v), nil
	case types.Timestamp:
		return v.Time, nil
	case traits.Mapper:
		return nativeMap(v)
	case traits.Lister:
		return nativeList(v)
	default:
		text, err := appendVal(nil, val)
		return string(text), err
	}
}

func nativeList(list traits.Lister) ([]any, error) {
	if elements, ok := list.Value().([]any); ok {
		return elements, nil
	}
	var elements []any
	for it := list.Iterator(); it.HasNext() == types.True; {
		element, err := native(it.Next())
		if err != nil {
			return nil, fmt.Errorf("element %d %w", len(elements), err)
		}
		elements = append(elements, element)
	}
	return elements, nil
}

func nativeMap(m traits.Mapper) (map[string]any, error) {
	if fields, ok := m.Value().(map[string]any); ok {
		return fields, nil
	}
	fields := make(map[string]any)
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.(types.String)
		if !ok {
			return nil, fmt.Errorf("has a %s as the key of a map, which is no name", kindOf(key))
		}
		field, err := native(m.Get(key))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		fields[string(name)] = field
	}
	return fields, nil
}
