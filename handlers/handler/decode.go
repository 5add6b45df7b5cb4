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
	return b.step.Body.Decode(into, config.WithHook(b.compile))
}

// compile is the decoder's hook: it decodes the types that package config does not know.
func (b *Build) compile(target any, n Node) (handled bool, f config.Faults) {
	env := b.chain.env
	switch into := target.(type) {
	case **expr.Condition:
		return true, compileText(b, n, into, env.Condition)
	case **expr.Template:
		return true, compileText(b, n, into, env.Template)
	case **expr.Topic:
		return true, compileText(b, n, into, env.Topic)
	case **Object:
		var faults config.Faults
		*into, faults = b.object(n)
		return true, faults
	case *Name:
		return true, b.name(n, into)
	case Enum:
		return true, enum(n, into)
	default:
		return false, nil
	}
}

// compileText compiles a string of the configuration as an expression.
func compileText[E any](b *Build, n Node, into *E, compile func(src string) (E, error)) config.Faults {
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
		return nil // It may be declared by the handler that could not be read.
	}
	return config.Faults{n.FaultAt(at.Offset, "%s", at.Message).WithHint("%s", at.Hint)}
}

func (b *Build) name(n Node, into *Name) config.Faults {
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
