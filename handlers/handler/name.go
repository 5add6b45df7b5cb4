package handler

import (
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/expr"
)

// NewName is a name that the configuration gives to what the handler sets with Message.Set. The
// expressions of the fields that stand below it in the configuration's struct know it already; for
// the handlers that follow, the configuration has to be a Declarer of it.
type NewName string

// newName decodes a NewName, and lets what is decoded after it know the name.
func (b *Build) newName(n Node, into *NewName) config.Faults {
	var text Text
	if faults := n.Decode(&text); len(faults) > 0 {
		return faults
	}
	*into = NewName(text.Value)
	b.names = append(b.names, text)
	return nil
}

// env knows the names of earlier handlers and those that this one's configuration has given so far.
// A name that can't be one is a fault of declare's.
func (b *Build) env() *expr.Env {
	env := b.chain.env
	for _, name := range b.names {
		if expr.CheckName(name.Value) == nil {
			env = env.With(name.Value)
		}
	}
	return env
}

// declares returns where the configuration gives a name: at the NewName, or at the key that is the
// name.
func (b *Build) declares(name string) Node {
	for _, n := range b.names {
		if n.Value == name {
			return n.Node
		}
	}
	for _, e := range b.step.Body.Entries() {
		if e.Key.Value == name {
			return e.Key.Node
		}
	}
	return b.step.Body
}
