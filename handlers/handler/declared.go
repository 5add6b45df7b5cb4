package handler

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/expr"
)

// declared is a handler type that a configuration makes of others.
type declared struct {
	name string
	as   config.HandlerType
}

// Declare returns a registry that knows the handler types of a configuration as well. It reports
// those that can't be known by their name, or whose parameters have defaults that don't fit. What is
// wrong with their handlers comes to light where they are used: see Chain and Unused.
func (r *Registry) Declare(types map[string]config.HandlerType) (*Registry, config.Faults) {
	all := &Registry{types: maps.Clone(r.types)}
	var faults config.Faults
	for _, name := range slices.Sorted(maps.Keys(types)) {
		d := &declared{name: name, as: types[name]}
		if _, taken := r.types[name]; taken {
			at := d.as.Node
			faults = append(faults, at.KeyFaultf("there is a handler type %s already, a built-in one", name).WithHint("choose another name"))
			continue
		}
		for _, p := range d.parameters() {
			if !p.spec.Default.IsZero() {
				_, wrong := (&building{}).argument(p, p.spec.Default, nil)
				faults = append(faults, wrong...)
			}
		}
		all.types[name] = registered{description: d.describe(), declared: d}
	}
	return all, faults
}

// parameter is one of a declared type's.
type parameter struct {
	name string
	spec config.Parameter
}

// parameters are those of the type, in the order of the file.
func (d *declared) parameters() []parameter {
	var all []parameter
	for _, name := range d.as.ParameterNames() {
		all = append(all, parameter{name, d.as.Parameters[name]})
	}
	return all
}

func (d *declared) describe() Description {
	at := d.as.Node.KeyFaultf("").Pos
	described := Description{
		Name: d.name, Summary: d.as.Summary, Params: []Param{},
		DeclaredIn: fmt.Sprintf("%s:%d", at.File, at.Line),
	}
	for _, p := range d.parameters() {
		param := Param{
			Name: p.name, Kind: string(p.spec.Type), Doc: p.spec.Doc, Enum: p.spec.OneOf,
			Required: p.spec.Default.IsZero(), Default: p.spec.Default.String(),
		}
		param.Type = paramTypes[p.spec.Type]
		if p.spec.Type == config.ParamLookup {
			param.Ref = "lookups"
		}
		// What came from a variable may be a secret, and is another value elsewhere.
		if value, faults := p.spec.Default.Value(); len(faults) == 0 && !strings.Contains(param.Default, "${") {
			param.plain = config.Plain(value)
			if text, ok := param.plain.(string); ok {
				param.Default = text // without quotes
			}
		}
		if len(param.Enum) > 0 {
			param.Kind = "one of " + strings.Join(param.Enum, ", ")
		}
		described.Params = append(described.Params, param)
	}
	for _, s := range d.as.Handlers {
		if s.Type.Value != "" { // of one that could not be read
			described.MadeOf = append(described.MadeOf, s.Type.Value)
		}
	}
	return described
}

var paramTypes = map[config.ParameterType]ParamType{
	config.ParamTemplate:  TextType,
	config.ParamCondition: TextType,
	config.ParamString:    TextType,
	config.ParamName:      TextType,
	config.ParamLookup:    TextType,
	config.ParamInteger:   IntegerType,
	config.ParamNumber:    NumberType,
	config.ParamBoolean:   BooleanType,
	config.ParamDuration:  DurationType,
	config.ParamValue:     AnyType,
	config.ParamHandlers:  HandlersType,
}

// frame is one use of a declared type: what its parameters stand for.
type frame struct {
	use   config.Step
	of    *declared
	args  map[string]*argument
	outer *frame // in whose handlers the use stands
}

// argument is what a parameter stands for.
type argument struct {
	name  string
	kind  config.ParameterType
	node  Node
	frame *frame // in which node is written
	value any    // of a constant
}

// within tells whether the frame, or one around it, is of a type.
func (f *frame) within(name string) bool {
	return f != nil && (f.of.name == name || f.outer.within(name))
}

// path names the types around, outermost first.
func (f *frame) path() []string {
	if f == nil {
		return nil
	}
	return append(f.outer.path(), f.of.name)
}

// uses are the places of the uses around, outermost first.
func (f *frame) uses() []Use {
	if f == nil {
		return nil
	}
	return append(f.outer.uses(), Use{Type: f.of.name, Pos: f.use.Type.Node.Pos(), Node: f.use.Type.Node})
}

// note tells of faults in a body where the body is used. Those that have notes already know better.
func (f *frame) note(faults config.Faults) config.Faults {
	for i := range faults {
		if len(faults[i].Notes) == 0 {
			faults[i] = f.trace(faults[i])
		}
	}
	return faults
}

// trace tells of a fault where the body is used in which it lies.
func (f *frame) trace(fault Fault) Fault {
	for at := f; at != nil && !at.use.Type.Node.IsZero(); at = at.outer {
		fault = fault.WithNote(at.use.Type.Node, "%s is used here", at.of.name)
	}
	return fault
}

// refers returns the argument that a value of the body consists of: {params.<name>} and nothing
// else. The fault says that there is no such parameter.
func (f *frame) refers(n Node) (*argument, *Fault) {
	if f == nil || n.Kind() != config.String {
		return nil, nil
	}
	text := n.Text()
	name, at, ok := expr.WholeParam(text)
	if !ok {
		return nil, nil
	}
	arg, ok := f.args[name]
	if !ok {
		hint := config.Suggest(name, slices.Sorted(maps.Keys(f.args)))
		fault := n.FaultAt(at, "unknown parameter %q", name).WithHint("%s", hint)
		return nil, &fault
	}
	return arg, nil
}

// variables are those of the environment that the text of a value comes from, what its parameters
// stand for included.
func (f *frame) variables(n Node) []string {
	names := n.Variables()
	if f == nil {
		return names
	}
	for _, m := range parameterUse.FindAllStringSubmatch(n.Text(), -1) {
		if arg, ok := f.args[m[1]]; ok {
			names = append(names, arg.frame.variables(arg.node)...)
		}
	}
	return names
}

// parameterUse is a parameter in the text of an expression.
var parameterUse = regexp.MustCompile(`\bparams\s*\.\s*(\w+)`)

// params are the parameters as expressions know them. Nil outside of all bodies.
func (f *frame) params() expr.Params {
	if f == nil {
		return nil
	}
	params := make(expr.Params, len(f.args))
	for name, arg := range f.args {
		p := expr.Param{Kind: arg.inExpressions(), Value: arg.value, In: arg.frame.params(), Origin: arg}
		if p.Kind != expr.Constant {
			p.Text = arg.node.Text()
		}
		params[name] = p
	}
	return params
}

// inExpressions is what the argument is to an expression. What its parameter's type should be, nobody
// knows who misspells it: anything.
func (a *argument) inExpressions() expr.ParamKind {
	if kind, ok := paramKinds[a.kind]; ok || slices.Contains(config.ParameterTypes(), string(a.kind)) {
		return kind
	}
	return expr.NameParam
}

var paramKinds = map[config.ParameterType]expr.ParamKind{
	config.ParamTemplate:  expr.TextParam,
	config.ParamCondition: expr.TestParam,
	config.ParamName:      expr.NameParam,
	config.ParamString:    expr.Constant,
	config.ParamLookup:    expr.Constant,
	config.ParamInteger:   expr.Constant,
	config.ParamNumber:    expr.Constant,
	config.ParamBoolean:   expr.Constant,
	config.ParamDuration:  expr.Constant,
}

// expand puts the handlers of a declared type where it is used.
func (c *building) expand(d *declared, use config.Step, outer *frame) {
	if outer.within(d.name) {
		c.fail(outer, use.Type.Node.Faultf("a handler type can't be made of itself: %s", strings.Join(append(outer.path(), d.name), " → ")))
		return
	}
	f := &frame{use: use, of: d, args: make(map[string]*argument), outer: outer}
	if faults := c.bind(f); len(faults) > 0 {
		c.fail(outer, faults...)
		return
	}
	c.run(d.as.Handlers, f)
}

// bind gives the parameters of a use their arguments.
func (c *building) bind(f *frame) config.Faults {
	body := f.use.Body
	if k := body.Kind(); k != config.Mapping && k != config.Null {
		return config.Faults{body.Faultf("%s takes its parameters as a mapping, not %s", f.of.name, body.Kind())}
	}
	var faults config.Faults
	known := f.of.as.ParameterNames()
	for _, e := range body.Entries() {
		if !slices.Contains(known, e.Key.Value) {
			unknown := e.Key.Node.Faultf("unknown parameter %q of %s", e.Key.Value, f.of.name)
			faults = append(faults, unknown.WithHint("%s", config.Suggest(e.Key.Value, known)))
		}
	}
	for _, p := range f.of.parameters() {
		node, written := body.Get(p.name), f.outer
		switch {
		case !node.IsZero():
		case p.spec.Default.IsZero():
			missing := f.use.Type.Node.Faultf("missing parameter %q of %s", p.name, f.of.name)
			faults = append(faults, missing.WithHint("%s", p.spec.Doc))
			continue
		default:
			node, written = p.spec.Default, nil
		}
		arg, wrong := c.argument(p, node, written)
		f.args[p.name] = arg
		faults = append(faults, wrong...)
	}
	return faults
}

// argument checks what is given for a parameter, in the frame in which it is written.
func (c *building) argument(p parameter, n Node, in *frame) (*argument, config.Faults) {
	outer, unknown := in.refers(n)
	if unknown != nil {
		return nil, config.Faults{*unknown}
	}
	// A constant in the place of a template is printed; everything else goes on as what it is.
	if outer != nil && (p.spec.Type != config.ParamTemplate || outer.kind == config.ParamTemplate) {
		n, in = outer.node, outer.frame
	}
	arg := &argument{name: p.name, kind: p.spec.Type, node: n, frame: in}
	var faults config.Faults
	switch p.spec.Type {
	case config.ParamTemplate, config.ParamCondition:
		var text Text
		faults = n.Decode(&text)
	case config.ParamString, config.ParamName, config.ParamLookup:
		arg.value, faults = decoded[string](n)
		if len(faults) == 0 {
			faults = c.word(p, n, arg.value.(string))
		}
	case config.ParamInteger:
		arg.value, faults = decoded[int64](n)
	case config.ParamNumber:
		arg.value, faults = decoded[float64](n)
	case config.ParamBoolean:
		arg.value, faults = decoded[bool](n)
	case config.ParamDuration:
		arg.value, faults = decoded[time.Duration](n)
	case config.ParamHandlers:
		_, faults = decoded[[]config.Step](n)
	}
	return arg, faults
}

func decoded[T any](n Node) (any, config.Faults) {
	var value T
	faults := n.Decode(&value)
	return value, faults
}

// word checks a text of which not all are possible. c without a registry knows neither names nor
// lookups.
func (c *building) word(p parameter, n Node, text string) config.Faults {
	switch {
	case p.spec.Type == config.ParamName && c.registry != nil && !c.unnamed && !slices.Contains(c.declared(), text):
		return config.Faults{n.Faultf("unknown name %q", text).WithHint("%s", config.Suggest(text, c.declared()))}
	case p.spec.Type == config.ParamLookup && c.registry != nil:
		if _, ok := c.deps.Lookups[text]; !ok {
			hint := config.Suggest(text, slices.Sorted(maps.Keys(c.deps.Lookups)))
			return config.Faults{n.Faultf("unknown lookup %q", text).WithHint("%s", hint)}
		}
	case len(p.spec.OneOf) > 0 && !slices.Contains(p.spec.OneOf, text):
		return config.Faults{n.Faultf("%q is not possible here", text).WithHint("%s", config.Suggest(text, p.spec.OneOf))}
	}
	return nil
}
