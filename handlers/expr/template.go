package expr

import (
	"fmt"

	"cel.dev/cel-go/common/types"
)

// Template is compiled text with holes. It is safe for concurrent use.
type Template struct {
	src   string
	parts []part
}

// part is literal text, or a hole where prg is set.
type part struct {
	literal string
	src     string
	offset  int // Of literal or src in the template.
	prg     *program
}

// Template compiles a template. The error is an *Error: braces that do not match, a syntax error,
// an unknown name, or a hole whose value can never be printed.
func (e *Env) Template(src string) (*Template, error) {
	t, err := e.template(src, true)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// template compiles a template; with printable, holes that can never be text are refused.
func (e *Env) template(src string, printable bool) (*Template, *Error) {
	segments, err := scan(src)
	if err != nil {
		return nil, err
	}
	t := &Template{src: src, parts: make([]part, 0, len(segments))}
	for _, s := range segments {
		if !s.hole {
			t.parts = append(t.parts, part{literal: s.text, offset: s.offset})
			continue
		}
		prg, err := e.compile(s.text)
		if err != nil {
			return nil, err.at(s.offset)
		}
		if (printable || len(segments) > 1) && !hasText(prg.out) {
			return nil, errorAt(s.offset, "a hole prints text, a number, a time or true and false; this is of type %s", prg.out)
		}
		t.parts = append(t.parts, part{src: s.text, offset: s.offset, prg: prg})
	}
	return t, nil
}

// hasText tells whether values of the type may be printed.
func hasText(t *types.Type) bool {
	switch t.Kind() {
	case types.ListKind, types.MapKind, types.NullTypeKind, types.TypeKind, types.StructKind, types.OpaqueKind:
		return false
	default:
		return true
	}
}

// Source returns the template as it was written.
func (t *Template) Source() string { return t.src }

// Eval fills the holes. The error names the hole: a key is missing, the value is null, a list or a
// map, types do not fit, or the cost limit is exceeded.
func (t *Template) Eval(vars Vars) (string, error) {
	switch len(t.parts) {
	case 0:
		return "", nil
	case 1:
		return t.parts[0].text(vars)
	}
	var buf [256]byte
	text, err := t.AppendEval(buf[:0], vars)
	if err != nil {
		return "", err
	}
	return string(text), nil
}

// AppendEval appends what Eval returns.
func (t *Template) AppendEval(dst []byte, vars Vars) ([]byte, error) {
	var err error
	for i := range t.parts {
		p := &t.parts[i]
		if p.prg == nil {
			dst = append(dst, p.literal...)
			continue
		}
		if dst, err = p.append(dst, vars); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// text is what the part prints. A string that fills a hole is not copied.
func (p *part) text(vars Vars) (string, error) {
	if p.prg == nil {
		return p.literal, nil
	}
	if value, ok := p.prg.field(vars); ok {
		if s, isString := value.(string); isString {
			return s, nil
		}
	}
	var buf [64]byte
	text, err := p.append(buf[:0], vars)
	return string(text), err
}

// append appends what the part prints.
func (p *part) append(dst []byte, vars Vars) ([]byte, error) {
	if value, ok := p.prg.field(vars); ok {
		if text, ok := appendPlain(dst, value); ok {
			return text, nil
		}
	}
	val, err := p.prg.eval(vars)
	if err == nil {
		dst, err = appendVal(dst, val)
	}
	if err != nil {
		return nil, p.fail(err)
	}
	return dst, nil
}

// fail says which hole an error comes from.
func (p *part) fail(err error) error { return fmt.Errorf("{%s}: %w", shorten(p.src), err) }
