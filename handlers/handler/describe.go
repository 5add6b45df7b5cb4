package handler

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/expr"
)

// Description is what is shown about a handler type.
type Description struct {
	Name    string  `json:"name"`
	Summary string  `json:"summary"`
	Doc     string  `json:"doc,omitempty"`
	Example string  `json:"example,omitempty"`
	Params  []Param `json:"params"`
	// DeclaredIn is the file and the line of a type that the configuration declares, MadeOf are the
	// types of its handlers. Of an example of it see Usage.
	DeclaredIn string   `json:"declared_in,omitempty"`
	MadeOf     []string `json:"made_of,omitempty"`
}

// anyName stands for a key that users choose.
const anyName = "<name>"

// Param is one key of a handler's configuration.
type Param struct {
	// Name is the key, "<name>" where users choose it.
	Name string `json:"name"`
	// Kind is what may be written: "condition", "template", "topic template", "list template", "duration", "string",
	// "one of poison, drop", "mapping" and so on.
	Kind     string `json:"kind"`
	Required bool   `json:"required"`
	// Default is what counts when the key is left out, "" when nothing does.
	Default string `json:"default,omitempty"`
	Doc     string `json:"doc"`
	// Type is what that is to YAML. A text may be of any kind.
	Type ParamType `json:"type"`
	// Enum are the possible values where there are few.
	Enum []string `json:"enum,omitempty"`
	// Ref is what a text has to name, as in config.Names: "lookups".
	Ref string `json:"ref,omitempty"`
	// Params are the keys of a mapping, or of the elements of a list.
	Params []Param `json:"params,omitempty"`

	elem  *Param // What the elements of a list are.
	plain any    // The default as a value, nil where it is none to show.
}

// ParamType is a type of values in YAML.
type ParamType string

// The types of parameters.
const (
	TextType     ParamType = "string"
	BooleanType  ParamType = "boolean"
	IntegerType  ParamType = "integer"
	NumberType   ParamType = "number"
	DurationType ParamType = "duration"
	ListType     ParamType = "list"
	MappingType  ParamType = "mapping"
	HandlersType ParamType = "handlers"
	AnyType      ParamType = "any"
)

// Traits says what may be written for the parameter, and whether it has to be: "duration, default
// 24h0m0s".
func (p Param) Traits() string {
	text := p.Kind
	if p.Required {
		text += ", required"
	}
	if p.Default != "" {
		text += ", default " + p.Default
	}
	return text
}

// paramsOf reads the parameters off a configuration that holds the defaults.
func paramsOf(defaults any) []Param {
	v := reflect.ValueOf(defaults)
	if v.Kind() == reflect.Map {
		p := Param{Name: anyName, Required: true}
		p.describe(reflect.New(v.Type().Elem()))
		return []Param{p}
	}
	return fieldParams(v)
}

func fieldParams(v reflect.Value) []Param {
	var params []Param
	for _, f := range reflect.VisibleFields(v.Type()) {
		name, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		p := Param{Name: name, Required: option == "required", Doc: f.Tag.Get("doc"), Ref: f.Tag.Get("ref")}
		value := reflect.New(f.Type)
		value.Elem().Set(v.FieldByIndex(f.Index))
		p.describe(value)
		params = append(params, p)
	}
	return params
}

// describe fills in what the type and the default of a value tell. value points to it.
func (p *Param) describe(value reflect.Value) {
	if d, ok := value.Interface().(config.Defaulter); ok {
		d.SetDefaults()
	}
	elem := value.Elem()
	if !elem.IsZero() && elem.Kind() != reflect.Struct {
		p.plain = config.Plain(elem.Interface())
		p.Default = fmt.Sprint(cmp.Or(p.plain, elem.Interface()))
	}
	p.Type = TextType
	switch into := value.Interface().(type) {
	case **expr.Condition:
		p.Kind = "condition"
	case **expr.Template:
		p.Kind = "template"
	case **expr.Topic:
		p.Kind = "topic template"
	case **expr.List:
		p.Kind = "list template"
	case **Object:
		p.Kind, p.Type = "mapping of templates", AnyType
	case **Block:
		p.Kind, p.Type = "handlers", HandlersType
	case *Name:
		p.Kind = "name that an earlier handler declares"
	case *NewName:
		p.Kind = "name for the handlers that follow"
	case Enum:
		p.Enum = into.Values()
		p.Kind = "one of " + strings.Join(p.Enum, ", ")
	case *time.Duration:
		p.Kind, p.Type = "duration", DurationType
	case *Text:
		p.Kind = "string"
	case *Node, *any:
		p.Kind, p.Type = "any value", AnyType
	default:
		p.describeKind(elem)
	}
}

func (p *Param) describeKind(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		p.Kind = "string"
	case reflect.Bool:
		p.Kind, p.Type = "true or false", BooleanType
	case reflect.Float32, reflect.Float64:
		p.Kind, p.Type = "number", NumberType
	case reflect.Struct:
		p.Kind, p.Type, p.Params = "mapping", MappingType, fieldParams(v)
	case reflect.Map, reflect.Slice, reflect.Pointer:
		of := Param{Ref: p.Ref}
		of.describe(reflect.New(v.Type().Elem()))
		switch v.Kind() {
		case reflect.Slice:
			p.Kind, p.Type, p.Params, p.elem = "list of "+of.Kind, ListType, of.Params, &of
		case reflect.Map:
			of.Name = anyName
			p.Kind, p.Type, p.Params = "mapping", MappingType, []Param{of}
		default:
			p.Kind, p.Type, p.Enum, p.Params, p.elem = of.Kind, of.Type, of.Enum, of.Params, of.elem
		}
	default:
		p.Kind, p.Type = "integer", IntegerType
	}
}

// paragraphs returns a text with each of its paragraphs in one line, and an empty one between them.
func paragraphs(text string) string {
	var all []string
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		all = append(all, strings.Join(strings.Fields(part), " "))
	}
	return strings.Join(all, "\n\n")
}
