package expr

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Params are the parameters of a handler type that a configuration declares, by name. The
// expressions of its body know them as params.<name>.
type Params map[string]Param

// Param is what a parameter stands for.
type Param struct {
	Kind ParamKind
	// Value is that of a Constant: string, int64, float64, bool or time.Duration.
	Value any
	// Text is that of a TextParam or a TestParam, which is compiled where the parameter stands, with
	// the names that are known there; of a NameParam it is the name.
	Text string
	// In are the parameters that Text itself may use: those of where it is written.
	In Params
	// Origin comes back in the Error of a fault in Text, to tell where Text is written.
	Origin any
}

// ParamKind says what a parameter may stand for.
type ParamKind int

// The kinds of parameters. An Opaque one is nothing that an expression can use.
const (
	Opaque    ParamKind = iota
	Constant            // a value that never changes
	TextParam           // a template
	TestParam           // a condition
	NameParam           // a name that a handler declares
)

// paramPrefix is what expressions write before the name of a parameter.
const paramPrefix = "params."

var wholeParam = regexp.MustCompile(`^\{\s*params\.(\w+)\s*\}$`)

// WholeParam returns the name of the parameter that a template consists of, as "text" for
// "{params.text}", and its offset; false when the template is anything else.
func WholeParam(src string) (name string, offset int, ok bool) {
	m := wholeParam.FindStringSubmatchIndex(src)
	if m == nil {
		return "", 0, false
	}
	return src[m[2]:m[3]], m[2], true
}

// In returns an Env with the same names for the body of a handler type with these parameters. Nil
// are those of a place outside of all bodies.
func (e *Env) In(params Params) *Env {
	next := *e
	next.params = params
	next.scoped, next.err = scope(e.cel, params, e.err)
	return &next
}

// scope extends an environment by parameters.
func scope(names *cel.Env, params Params, err error) (*cel.Env, error) {
	if len(params) == 0 || err != nil {
		return names, err
	}
	var opts []cel.EnvOption
	for name, p := range params {
		if opt := p.declare(paramPrefix + name); opt != nil {
			opts = append(opts, opt)
		}
	}
	return names.Extend(opts...)
}

func (p Param) declare(name string) cel.EnvOption {
	switch p.Kind {
	case Constant:
		val := constant(p.Value)
		return cel.Constant(name, val.Type().(*types.Type), val)
	case TextParam:
		return cel.Variable(name, cel.StringType)
	case TestParam:
		return cel.Variable(name, cel.BoolType)
	case NameParam:
		return cel.Variable(name, cel.DynType)
	default:
		return nil
	}
}

func constant(value any) ref.Val {
	if d, ok := value.(time.Duration); ok {
		return types.Duration{Duration: d}
	}
	return types.DefaultTypeAdapter.NativeToValue(value)
}

// bindings are the parameters that an expression uses, by the names that it has for them.
type bindings map[string]func(Vars) any

// bind compiles what the parameters in an expression stand for.
func (e *Env) bind(root ast.Expr) (bindings, *Error) {
	var bound bindings
	for _, name := range identifiers(root) {
		short, isParam := strings.CutPrefix(name, paramPrefix)
		p, known := e.params[short]
		if !isParam || !known || p.Kind == Constant {
			continue
		}
		value, err := e.binding(p)
		if err != nil {
			return nil, err
		}
		if bound == nil {
			bound = make(bindings)
		}
		bound[name] = value
	}
	return bound, nil
}

func (e *Env) binding(p Param) (func(Vars) any, *Error) {
	switch p.Kind {
	case TextParam:
		t, err := e.In(p.In).template(p.Text, true)
		if err != nil {
			return nil, err.from(p.Origin)
		}
		return func(vars Vars) any { return valueOr(t.Eval(vars)) }, nil
	case TestParam:
		c, err := e.In(p.In).condition(p.Text)
		if err != nil {
			return nil, err.from(p.Origin)
		}
		return func(vars Vars) any { return valueOr(c.Eval(vars)) }, nil
	default:
		return func(vars Vars) any {
			value, _ := vars.ResolveName(p.Text)
			return value
		}, nil
	}
}

// valueOr hands an error to CEL as a value, which is how it takes those of variables.
func valueOr(value any, err error) any {
	if err != nil {
		return types.WrapErr(err)
	}
	return value
}

func identifiers(root ast.Expr) []string {
	names := make(map[string]bool)
	ast.PostOrderVisit(root, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.IdentKind {
			names[e.AsIdent()] = true
		}
	}))
	return slices.Sorted(maps.Keys(names))
}

// bound are variables together with parameters.
type bound struct {
	Vars
	params bindings
}

// ResolveName implements Vars.
func (b bound) ResolveName(name string) (any, bool) {
	if value, ok := b.params[name]; ok {
		return value(b.Vars), true
	}
	return b.Vars.ResolveName(name)
}

var paramName = regexp.MustCompile(`^params\s*\.\s*(\w+)`)

// unknownParam is the error for params.<name> at offset where there is no such parameter, or none
// that an expression can use.
func (e *Env) unknownParam(offset int, src string) *Error {
	m := paramName.FindStringSubmatchIndex(src[offset:])
	if m == nil {
		return errorAt(offset, "params needs the name of a parameter, as in params.%s", firstOr(e.paramNames(), "text"))
	}
	name := src[offset+m[2] : offset+m[3]]
	if _, known := e.params[name]; known {
		return errorAt(offset, "params.%s is nothing that an expression can use: it can only stand alone, as {params.%s}", name, name)
	}
	err := errorAt(offset+m[2], "unknown parameter %q", name)
	if err.Hint = didYouMean(name, e.paramNames()); err.Hint == "" && len(e.params) > 0 {
		err.Hint = "parameters: " + strings.Join(e.paramNames(), ", ")
	}
	return err
}

func (e *Env) paramNames() []string { return slices.Sorted(maps.Keys(e.params)) }

func firstOr(names []string, other string) string {
	if len(names) == 0 {
		return other
	}
	return names[0]
}
