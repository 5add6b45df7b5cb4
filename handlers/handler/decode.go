package handler

import (
	"errors"
	"reflect"
	"slices"

	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/expr"
)

// decode decodes the configuration of a handler, and compiles the expressions in it.
func (b *Build) decode(into any) config.Faults {
	return b.step.Body.Decode(into, config.WithHook(site{b, b.frame}.compile))
}

// site is where something is written: in a pipeline or in the body of a declared type.
type site struct {
	*Build
	frame *frame
}

// env knows the parameters of the place, too.
func (b site) env() *expr.Env { return b.Build.env().In(b.frame.params()) }

// compile is the decoder's hook: it decodes the types that package config does not know.
func (b site) compile(target any, n Node) (handled bool, f config.Faults) {
	arg, unknown := b.frame.refers(n)
	switch {
	case unknown != nil:
		return true, config.Faults{*unknown}
	case arg != nil && arg.stands(target):
		return true, b.substitute(target, n, arg)
	}
	env := b.env()
	switch into := target.(type) {
	case **expr.Condition:
		return true, compileText(b, n, into, env.Condition)
	case **expr.Template:
		return true, compileText(b, n, into, env.Template)
	case **expr.Topic:
		return true, compileText(b, n, into, env.Topic)
	case **expr.List:
		return true, compileText(b, n, into, env.List)
	case **Object:
		var faults config.Faults
		*into, faults = b.object(n)
		return true, faults
	case **Block:
		block, faults := b.block(n, b.frame)
		*into = block
		return true, faults
	case *Name:
		return true, b.name(n, into)
	case *NewName:
		return true, b.newName(n, into)
	case Enum:
		return true, enum(n, into)
	default:
		return false, nil
	}
}

// stands tells whether an argument takes the place of a value. A constant in the place of text does
// not: the template prints it.
func (a *argument) stands(target any) bool {
	switch target.(type) {
	case **expr.Condition:
		return a.kind == config.ParamCondition
	case **Object:
		return a.kind == config.ParamTemplate || a.kind == config.ParamValue
	case **expr.Template, **expr.Topic, **expr.List:
		return a.kind == config.ParamTemplate
	default:
		return true
	}
}

// substitute decodes an argument in the place of n, which names it.
func (b site) substitute(target any, n Node, arg *argument) config.Faults {
	there, inside := site{b.Build, arg.frame}, len(b.chain.faults)
	handled, faults := there.compile(target, arg.node)
	if !handled {
		faults = arg.node.Decode(target, config.WithHook(there.compile))
	}
	b.given(b.chain.faults[inside:], n, arg) // those of handlers that are given
	b.given(faults, n, arg)
	return faults
}

// given tells of faults in an argument what it is given for.
func (b site) given(faults config.Faults, n Node, arg *argument) {
	for i := range faults {
		if len(faults[i].Notes) == 0 {
			noted := faults[i].WithNote(n, "%s of %s stands here", arg.name, b.frame.of.name)
			faults[i] = arg.frame.trace(noted)
		}
	}
}

// compileText compiles a string of the configuration as an expression.
func compileText[E any](b site, n Node, into *E, compile func(src string) (E, error)) config.Faults {
	var text Text
	if faults := n.Decode(&text); len(faults) > 0 {
		return faults
	}
	compiled, err := compile(text.Value)
	if err == nil {
		*into = compiled
		return nil
	}
	var at *expr.Error
	if !errors.As(err, &at) {
		return config.Faults{n.Faultf("%s", err)}
	}
	if at.Unknown != "" && b.chain.unnamed {
		b.unsure = true
		return nil // It may be declared by the handler that could not be read.
	}
	if arg, ok := at.Origin.(*argument); ok {
		faults := config.Faults{arg.node.FaultAt(at.Offset, "%s", at.Message).WithHint("%s", at.Hint)}
		b.given(faults, n, arg)
		return faults
	}
	return config.Faults{n.FaultAt(at.Offset, "%s", at.Message).WithHint("%s", at.Hint)}
}

func (b site) name(n Node, into *Name) config.Faults {
	var text Text
	if faults := n.Decode(&text); len(faults) > 0 {
		return faults
	}
	*into = Name(text.Value)
	if b.Declared(text.Value) || b.chain.unnamed {
		return nil
	}
	hint := config.Suggest(text.Value, b.chain.declared())
	return config.Faults{n.Faultf("unknown name %q", text.Value).WithHint("%s", hint)}
}

func enum(n Node, into Enum) config.Faults {
	var text Text
	if faults := n.Decode(&text); len(faults) > 0 {
		return faults
	}
	if !slices.Contains(into.Values(), text.Value) {
		hint := config.Suggest(text.Value, into.Values())
		return config.Faults{n.Faultf("%q is not possible here", text.Value).WithHint("%s", hint)}
	}
	reflect.ValueOf(into).Elem().SetString(text.Value)
	return nil
}
