package expr

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types/ref"
)

// Limits of an expression. They are far above what a notification needs, and low enough that no
// expression, whatever the event, holds a pipeline up or fills its memory.
const (
	// MaxExpression is the greatest length of one CEL expression, in characters.
	MaxExpression = 4096
	// MaxTemplate is the greatest length of a template with its holes, in bytes.
	MaxTemplate = 64 << 10

	maxNesting      = 64
	maxRegexProgram = 1000
	// costLimit is in CEL's cost units: about one for an operation or an element of a list.
	costLimit = 100_000
)

// Vars gives the variables of an expression their values: map[string]any, []any, string, int64,
// uint64, float64, bool, nil, time.Time, or json.Number for an integer beyond 64 bits.
type Vars interface {
	// ResolveName returns the value of a declared name, false when it has none now.
	ResolveName(name string) (any, bool)
}

// Env knows which names an expression may use. It is immutable.
type Env struct {
	cel    *cel.Env // knows the names
	scoped *cel.Env // knows the parameters as well
	names  []string
	params Params
	err    error
}

// NewEnv returns an Env with the given variables and no others. A name that CheckName refuses is
// reported by the first expression that is compiled.
func NewEnv(names ...string) *Env {
	base, err := newEnv()
	e := &Env{cel: base, scoped: base, err: err}
	return e.With(names...)
}

func newEnv() (*cel.Env, error) {
	std, err := cel.NewEnv(
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.ParserExpressionSizeLimit(MaxExpression),
		cel.ParserRecursionLimit(maxNesting),
		cel.RegexProgramSizeLimit(maxRegexProgram),
		cel.ASTValidators(cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateRegexLiterals()),
	)
	if err != nil {
		return nil, err
	}
	functions, err := stringFunctions()
	if err != nil {
		return nil, err
	}
	return std.Extend(append(functions, cel.CustomTypeAdapter(adapter{std.CELTypeAdapter()}))...)
}

// With returns an Env that knows names as well. e stays as it is.
func (e *Env) With(names ...string) *Env {
	return e.declare(names, func(string) *cel.Type { return cel.DynType })
}

func (e *Env) declare(names []string, typeOf func(name string) *cel.Type) *Env {
	if e.err != nil || len(names) == 0 {
		return e
	}
	next := &Env{names: slices.Clone(e.names), params: e.params}
	var opts []cel.EnvOption
	for _, name := range names {
		if slices.Contains(next.names, name) {
			continue
		}
		if next.err = CheckName(name); next.err != nil {
			return next
		}
		next.names = append(next.names, name)
		opts = append(opts, cel.Variable(name, typeOf(name)))
	}
	if next.cel, next.err = e.cel.Extend(opts...); next.err != nil {
		next.err = fmt.Errorf("declare %s: %w", strings.Join(names, ", "), next.err)
	}
	next.scoped, next.err = scope(next.cel, next.params, next.err)
	return next
}

// Without returns an Env that doesn't know names. e stays as it is.
func (e *Env) Without(names ...string) *Env {
	if len(names) == 0 {
		return e
	}
	left := slices.DeleteFunc(e.Names(), func(name string) bool { return slices.Contains(names, name) })
	return NewEnv(left...).In(e.params)
}

// Names returns the declared names, in the order of their declaration.
func (e *Env) Names() []string { return slices.Clone(e.names) }

var (
	identifier = regexp.MustCompile(`^[A-Za-z_]\w*$`)
	// reserved are the words that CEL's grammar keeps for itself, and its names of types.
	reserved = strings.Fields(`true false null in as break const continue else for function if import let loop
		package namespace return var void while bool bytes double duration dyn int list map null_type string
		timestamp type uint google`)
)

// CheckName says why name can't be the name of a variable; nil when it can.
func CheckName(name string) error {
	switch {
	case !identifier.MatchString(name):
		return fmt.Errorf("%q can't be used as a name: write letters, digits and _, and begin with a letter", name)
	case name == "params":
		return fmt.Errorf("%q can't be used as a name: the parameters of declared handler types are called so", name)
	case slices.Contains(reserved, name):
		return fmt.Errorf("%q can't be used as a name: it is a word of the expression language", name)
	}
	return nil
}

// program is one compiled CEL expression.
type program struct {
	cel    cel.Program
	out    *cel.Type
	path   []string
	params bindings
}

// compile compiles one CEL expression. Offsets of an error count from the start of src.
func (e *Env) compile(src string) (*program, *Error) {
	if e.err != nil {
		return nil, errorAt(0, "%v", e.err)
	}
	if strings.TrimSpace(src) == "" {
		return nil, errorAt(0, "the expression is empty")
	}
	checked, issues := e.scoped.Compile(src)
	if issues.Err() != nil {
		return nil, newError(e, src, issues)
	}
	root := checked.NativeRep().Expr()
	params, failed := e.bind(root)
	if failed != nil {
		return nil, failed
	}
	opts := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if !bounded(root) {
		opts = append(opts, cel.CostLimit(costLimit))
	}
	prg, err := e.scoped.Program(checked, opts...)
	if err != nil {
		return nil, errorAt(0, "%v", err)
	}
	p := &program{cel: prg, out: checked.OutputType(), params: params}
	if params == nil {
		p.path = fieldPath(root)
	}
	return p, nil
}

// eval evaluates the expression with CEL.
func (p *program) eval(vars Vars) (ref.Val, error) {
	if p.params != nil {
		vars = bound{vars, p.params}
	}
	val, _, err := p.cel.Eval(activation{vars})
	return val, err
}

// field gets the value of an expression that is a plain path of fields without asking CEL, which
// takes ten times as long. It gives up, with false, at anything out of the ordinary: then CEL
// decides, so that the meaning and the errors are CEL's alone.
func (p *program) field(vars Vars) (any, bool) {
	if p.path == nil {
		return nil, false
	}
	value, ok := vars.ResolveName(p.path[0])
	for _, key := range p.path[1:] {
		fields, isMap := value.(map[string]any)
		if !ok || !isMap {
			return nil, false
		}
		value, ok = fields[key]
	}
	return value, ok
}

// fieldPath returns the names of an expression like a.b["c"], nil for any other.
func fieldPath(e ast.Expr) []string {
	switch e.Kind() {
	case ast.IdentKind:
		return []string{e.AsIdent()}
	case ast.SelectKind:
		sel := e.AsSelect()
		if path := fieldPath(sel.Operand()); path != nil && !sel.IsTestOnly() {
			return append(path, sel.FieldName())
		}
	case ast.CallKind:
		call := e.AsCall()
		if call.FunctionName() != "_[_]" || call.Args()[1].Kind() != ast.LiteralKind {
			return nil
		}
		key, isString := call.Args()[1].AsLiteral().Value().(string)
		if path := fieldPath(call.Args()[0]); path != nil && isString {
			return append(path, key)
		}
	}
	return nil
}

// activation is how CEL asks for the values of variables.
type activation struct{ Vars }

func (activation) Parent() cel.Activation { return nil }
