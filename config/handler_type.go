package config

import (
	"regexp"
	"slices"
)

// HandlerType is a handler type that the configuration makes of others.
type HandlerType struct {
	Summary    string               `yaml:"summary,required" doc:"what it does, in one sentence"`
	Parameters map[string]Parameter `yaml:"parameters" keys:"word" doc:"what its users give it; expressions of its handlers know them as params.<name>"`
	Handlers   []Step               `yaml:"handlers,required" doc:"what it is made of; a value that is {params.<name>} and nothing else becomes what the user wrote"`
	Node       Node                 `yaml:",self"`
}

// Parameter is what a declared handler type takes.
type Parameter struct {
	Type    ParameterType `yaml:"type,required" doc:"what may be written for it"`
	Doc     string        `yaml:"doc,required" doc:"what it is for"`
	Default Node          `yaml:"default" doc:"what counts when it is left out; without a default it is required"`
	OneOf   []string      `yaml:"one_of" doc:"of a string: the values that are possible"`
}

// ParameterType says what may be written for a parameter.
type ParameterType string

// The types of parameters.
const (
	ParamTemplate  ParameterType = "template"
	ParamCondition ParameterType = "condition"
	ParamString    ParameterType = "string"
	ParamInteger   ParameterType = "integer"
	ParamNumber    ParameterType = "number"
	ParamBoolean   ParameterType = "boolean"
	ParamDuration  ParameterType = "duration"
	ParamName      ParameterType = "name"   // one that an earlier handler declares
	ParamLookup    ParameterType = "lookup" // one of those under lookups
	ParamValue     ParameterType = "value"  // any YAML, its strings templates
	ParamHandlers  ParameterType = "handlers"
)

// ParameterTypes are all of them.
func ParameterTypes() []string {
	return []string{
		string(ParamTemplate), string(ParamCondition), string(ParamString), string(ParamInteger), string(ParamNumber), string(ParamBoolean),
		string(ParamDuration), string(ParamName), string(ParamLookup), string(ParamValue), string(ParamHandlers),
	}
}

// Values are all types, to choose from.
func (ParameterType) Values() []string { return ParameterTypes() }

// ParameterNames returns the names of the parameters in the order of the file.
func (t HandlerType) ParameterNames() []string {
	var names []string
	for _, e := range t.Node.Get("parameters").Entries() {
		names = append(names, e.Key.Value)
	}
	return names
}

// wordPattern is what handler types and their parameters are called.
var wordPattern = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func (k *checker) handlerTypes() {
	for _, e := range k.c.root.Get("handler_types").Entries() {
		t := k.c.HandlerTypes[e.Key.Value]
		k.word(e.Key.Node, e.Key.Value)
		if e.Value.v.broken || e.Value.Kind() != Mapping {
			continue
		}
		k.notEmpty(e.Value.Get("summary"), t.Summary)
		k.plain(e.Value.Get("summary"))
		if handlers := e.Value.Get("handlers"); handlers.Kind() == Sequence && len(t.Handlers) == 0 {
			k.fault(handlers, "%s is empty; without a handler nothing would come of a message", handlers.what())
		}
		for _, p := range e.Value.Get("parameters").Entries() {
			k.parameter(p, t.Parameters[p.Key.Value])
		}
	}
}

func (k *checker) parameter(e Entry, p Parameter) {
	k.word(e.Key.Node, e.Key.Value)
	k.oneOf(e.Value.Get("type"), string(p.Type), ParameterTypes()...)
	k.notEmpty(e.Value.Get("doc"), p.Doc)
	k.plain(e.Value.Get("doc"))
	choice := e.Value.Get("one_of")
	for _, item := range choice.Items() {
		k.plain(item)
	}
	switch {
	case choice.IsZero():
	case p.Type != ParamString && slices.Contains(ParameterTypes(), string(p.Type)):
		k.fault(choice, "%s is for a parameter of type string, not %s", choice.what(), p.Type)
	case choice.Kind() == Sequence && len(p.OneOf) == 0:
		k.fault(choice, "%s is empty, so that nothing would be possible", choice.what())
	}
}

// plain refuses variables of the environment in what everybody is shown.
func (k *checker) plain(n Node) {
	if names := n.Variables(); len(names) > 0 {
		k.fault(n, "%s takes no variable such as ${%s}: it is shown to everybody, and its value may be a secret", n.what(), names[0])
	}
}

func (k *checker) word(n Node, word string) {
	if !wordPattern.MatchString(word) {
		k.fault(n, "%s is no valid name here: lower-case letters, digits and _, the first a letter", n.describe())
	}
}
