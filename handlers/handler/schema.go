package handler

import (
	"fmt"
	"strings"
	"time"

	"github.com/trieungochai/kafka-notify/config"
)

// Definitions returns what the schema of a configuration file says of handlers: what stands in a
// pipeline, and what in the body of a declared type, where parameters may take the place of values.
// names are those that the configuration declares.
func (r *Registry) Definitions(names config.Names) map[string]*config.JSONSchema {
	pipelines := schemas{names: names, handler: config.HandlerDefinition}
	bodies := schemas{names: names, handler: config.InnerDefinition, params: true}
	return map[string]*config.JSONSchema{pipelines.handler: pipelines.step(r), bodies.handler: bodies.step(r)}
}

// schemas makes the schemas of what stands in one place.
type schemas struct {
	names   config.Names
	handler string // The definition of a handler there.
	params  bool   // Whether {params.<name>} is possible there.
}

// step is a handler: a mapping with one key, its type.
func (s schemas) step(r *Registry) *config.JSONSchema {
	types := make(map[string]*config.JSONSchema)
	for _, name := range r.Names() {
		d, _ := r.Describe(name)
		of := s.mapping(d.Params)
		of.Description, of.MarkdownDescription = d.text(), d.markdown()
		types[name] = of
	}
	step := config.Object(types, nil)
	step.Type, step.MinProperties, step.MaxProperties = []string{"object"}, 1, 1
	step.Description = "A handler: its type, and below it what that type takes."
	return step
}

// mapping is a mapping with those keys.
func (s schemas) mapping(params []Param) *config.JSONSchema {
	properties := make(map[string]*config.JSONSchema)
	var required []string
	for _, p := range params {
		if p.Name == anyName {
			of := config.Map(s.param(p))
			if p.Required {
				of.Type, of.MinProperties = []string{"object"}, 1
			}
			return of
		}
		properties[p.Name] = s.param(p)
		if p.Required {
			required = append(required, p.Name)
		}
	}
	return config.Object(properties, required)
}

// param is what may be written for a parameter.
func (s schemas) param(p Param) *config.JSONSchema {
	schema := s.value(p)
	if s.params {
		schema.OrText(`^\{\s*params\.`)
	}
	schema.Describe(strings.TrimSpace(p.Doc+"\n\n"+kindText[p.Kind]), p.plain)
	return schema
}

func (s schemas) value(p Param) *config.JSONSchema {
	switch p.Type {
	case BooleanType:
		return config.SchemaOf[bool]()
	case IntegerType:
		return config.SchemaOf[int]()
	case NumberType:
		return config.SchemaOf[float64]()
	case DurationType:
		return config.SchemaOf[time.Duration]()
	case ListType:
		return config.List(s.param(*p.elem))
	case MappingType:
		return s.mapping(p.Params)
	case HandlersType:
		return config.List(&config.JSONSchema{Ref: "#/definitions/" + s.handler})
	case AnyType:
		return &config.JSONSchema{}
	}
	if len(p.Enum) > 0 {
		return config.Either(p.Enum...)
	}
	return config.Either(s.names[p.Ref]...)
}

// kindText explains what people have to know of a kind.
var kindText = map[string]string{
	"condition": "A condition in CEL, https://cel.dev, over event, data (of the event) and the names that handlers before it declare, such as actor.id != recipient.id",
	"template":  "A template: text whose {holes} are CEL, https://cel.dev, over event, data (of the event) and the names that handlers before it declare, such as {actor.name}",
	"topic template": "A template of a topic's name: text whose {holes} are CEL, https://cel.dev, over event, data (of the event) and the names that handlers before it declare, " +
		"such as notifications.user.{recipient.id}",
	"duration": "A duration, such as 10s, 5m or 24h",
}

// text is the description as plain text.
func (d Description) text() string { return d.intro() + "\n" + list(d.Params, "\n", "") }

// markdown is the description as Markdown, with the example.
func (d Description) markdown() string {
	text := strings.ReplaceAll(d.intro(), "<", `\<`) + "\n" + list(d.Params, "\n", "`")
	if d.Example != "" {
		text += "\n\n```yaml\n" + strings.Trim(d.Example, "\n") + "\n```"
	}
	return text
}

// list names parameters, each in a line of its own, and below it those that it consists of.
func list(params []Param, indent, quote string) string {
	var text strings.Builder
	for _, p := range params {
		fmt.Fprintf(&text, "%s- %s%s%s (%s)", indent, quote, p.Name, quote, p.Traits())
		if p.Doc != "" {
			text.WriteString(": " + p.Doc)
		}
		text.WriteString(list(p.Params, indent+"  ", quote))
	}
	return text.String()
}

func (d Description) intro() string {
	text := d.Summary
	if d.Doc != "" {
		text += "\n\n" + d.Doc
	}
	if d.DeclaredIn != "" {
		text += fmt.Sprintf("\n\nDeclared in %s, made of %s.", d.DeclaredIn, strings.Join(d.MadeOf, ", "))
	}
	return text
}
