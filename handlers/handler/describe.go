package handler

import (
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
	Example string  `json:"example,omitempty"`
	Params  []Param `json:"params"`
	// DeclaredIn is the file and the line of a type that the configuration declares, MadeOf are the
	// types of its handlers.
	DeclaredIn string   `json:"declared_in,omitempty"`
	MadeOf     []string `json:"made_of,omitempty"`
}

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
	// Enum are the possible values where there are few.
	Enum []string `json:"enum,omitempty"`
	// Params are the keys of a mapping, or of the elements of a list.
	Params []Param `json:"params,omitempty"`
}

// paramsOf reads the parameters off a configuration that holds the defaults.
func paramsOf(defaults any) []Param {
	v := reflect.ValueOf(defaults)
	if v.Kind() == reflect.Map {
		p := Param{Name: "<name>", Required: true}
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
		p := Param{Name: name, Required: option == "required", Doc: f.Tag.Get("doc")}
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
		p.Default = fmt.Sprint(elem.Interface())
	}
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
		p.Kind = "mapping of templates"
	case **Block:
		p.Kind = "handlers"
	case *Name:
		p.Kind = "name that an earlier handler declares"
	case *NewName:
		p.Kind = "name for the handlers that follow"
	case Enum:
		p.Enum = into.Values()
		p.Kind = "one of " + strings.Join(p.Enum, ", ")
	case *time.Duration:
		p.Kind = "duration"
	case *Text:
		p.Kind = "string"
	case *Node, *any:
		p.Kind = "any value"
	default:
		p.describeKind(elem)
	}
}

func (p *Param) describeKind(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		p.Kind = "string"
	case reflect.Bool:
		p.Kind = "true or false"
	case reflect.Float32, reflect.Float64:
		p.Kind = "number"
	case reflect.Struct:
		p.Kind, p.Params = "mapping", fieldParams(v)
	case reflect.Map, reflect.Slice, reflect.Pointer:
		var of Param
		of.describe(reflect.New(v.Type().Elem()))
		switch v.Kind() {
		case reflect.Slice:
			p.Kind, p.Params = "list of "+of.Kind, of.Params
		case reflect.Map:
			of.Name = "<name>"
			p.Kind, p.Params = "mapping", []Param{of}
		default:
			p.Kind, p.Enum, p.Params = of.Kind, of.Enum, of.Params
		}
	default:
		p.Kind = "integer"
	}
}
