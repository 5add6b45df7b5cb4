package expr

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"github.com/go-json-experiment/json/jsontext"
)

// Value is a compiled template whose result is JSON. It is safe for concurrent use.
type Value struct{ t *Template }

// Value compiles a template as a JSON value: a hole that stands alone keeps the type of its value,
// which may be null, a list or a map; any other template is a string.
func (e *Env) Value(src string) (*Value, error) {
	t, err := e.template(src, false)
	if err != nil {
		return nil, err
	}
	return &Value{t: t}, nil
}

// Source returns the template as it was written.
func (v *Value) Source() string { return v.t.src }

// AppendJSON evaluates the template and appends the result as JSON. Keys of maps are sorted. The
// error names the hole, as that of Template.Eval does.
func (v *Value) AppendJSON(dst []byte, vars Vars) ([]byte, error) {
	if len(v.t.parts) != 1 || v.t.parts[0].prg == nil {
		text, err := v.t.Eval(vars)
		if err != nil {
			return nil, err
		}
		return appendJSON(dst, text)
	}
	hole := &v.t.parts[0]
	value, ok := hole.prg.field(vars)
	if !ok {
		val, err := hole.prg.eval(vars)
		if err != nil {
			return nil, hole.fail(err)
		}
		value = val
	}
	dst, err := appendJSON(dst, value)
	if err != nil {
		return nil, hole.fail(err)
	}
	return dst, nil
}

// appendJSON appends a value of Vars, or one that CEL computed from them.
func appendJSON(dst []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case uint64:
		return strconv.AppendUint(dst, v, 10), nil
	case json.Number:
		return append(dst, v...), nil
	case map[string]any:
		return appendObject(dst, v)
	case []any:
		return appendArray(dst, len(v), func(i int) any { return v[i] })
	case ref.Val:
		return appendComputed(dst, v)
	default:
		return appendText(dst, value)
	}
}

// appendText appends what has no JSON type of its own as the text that a hole would print, and
// numbers with a fraction as they are.
func appendText(dst []byte, value any) ([]byte, error) {
	text, ok := Text(value)
	if !ok {
		return nil, fmt.Errorf("is a %T, which JSON can't say", value)
	}
	if _, isNumber := value.(float64); isNumber {
		return append(dst, text...), nil
	}
	return jsontext.AppendQuote(dst, text)
}

func appendObject(dst []byte, fields map[string]any) ([]byte, error) {
	dst = append(dst, '{')
	for i, name := range slices.Sorted(maps.Keys(fields)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = jsontext.AppendQuote(dst, name); err != nil {
			return nil, err
		}
		if dst, err = appendJSON(append(dst, ':'), fields[name]); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func appendArray(dst []byte, length int, item func(i int) any) ([]byte, error) {
	dst = append(dst, '[')
	for i := range length {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendJSON(dst, item(i)); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

// appendComputed appends a value of CEL's own types.
func appendComputed(dst []byte, val ref.Val) ([]byte, error) {
	switch v := val.(type) {
	case types.Null:
		return append(dst, "null"...), nil
	case types.Bool:
		return strconv.AppendBool(dst, bool(v)), nil
	case types.Int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case types.Uint:
		return strconv.AppendUint(dst, uint64(v), 10), nil
	case types.Double:
		return appendJSON(dst, float64(v))
	case traits.Mapper:
		return appendMapper(dst, v)
	case traits.Lister:
		if native, ok := v.Value().([]any); ok {
			return appendJSON(dst, native)
		}
		length, ok := v.Size().(types.Int)
		if !ok {
			return nil, errors.New("is a list without a size")
		}
		return appendArray(dst, int(length), func(i int) any { return v.Get(types.Int(i)) })
	default:
		text, err := appendVal(nil, val)
		if err != nil {
			return nil, err
		}
		return jsontext.AppendQuote(dst, text)
	}
}

func appendMapper(dst []byte, m traits.Mapper) ([]byte, error) {
	if native, ok := m.Value().(map[string]any); ok {
		return appendObject(dst, native)
	}
	fields := make(map[string]any)
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.(types.String)
		if !ok {
			return nil, fmt.Errorf("has a %s as the key of a map, which JSON can't say", kindOf(key))
		}
		fields[string(name)] = m.Get(key)
	}
	return appendObject(dst, fields)
}
