package handlers_test

import (
	"testing"

	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

// everyParameter is a type with a parameter of each type, all of them required.
const everyParameter = `
all:
  summary: Takes everything.
  parameters:
    template:  {type: template, doc: text}
    condition: {type: condition, doc: a test}
    string:    {type: string, doc: a word}
    choice:    {type: string, one_of: [plain, loud], doc: a choice}
    integer:   {type: integer, doc: a count}
    number:    {type: number, doc: a rate}
    boolean:   {type: boolean, doc: a switch}
    duration:  {type: duration, doc: a window}
    name:      {type: name, doc: a person}
    other:     {type: name, doc: another}
    lookup:    {type: lookup, doc: people}
    value:     {type: value, doc: data}
    handlers:  {type: handlers, doc: handlers}
  handlers:
    - enrich: {found: {lookup: "{params.lookup}", key: "{params.template} {params.string} {params.choice} {params.number}"}}
    - switch: {cases: [{when: "params.condition && params.boolean && params.integer > 0", handlers: "{params.handlers}"}]}
    - deduplicate: {key: "{params.name.id}", window: "{params.duration}"}
    - compose: {to: "{params.other.id}", text: x, data: "{params.value}"}
`

// The example of a declared type builds.
func TestUsage(t *testing.T) {
	for _, declared := range []string{types, everyParameter, "none: {summary: Waits., handlers: [filter: {when: 'true'}]}"} {
		node, faults := config.Parse("types.yaml", []byte(declared), nil)
		var as map[string]config.HandlerType
		if faults = append(faults, node.Decode(&as)...); len(faults) > 0 {
			t.Fatal(faults)
		}
		registry, faults := handler.Default().Declare(as)
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		for name := range as {
			d, _ := registry.Describe(name)
			usage := d.Usage([]string{"people"})
			t.Log(usage)
			handlertest.Chain(t, usage, handlertest.Types(declared), handlertest.With("people", handlertest.Users()), handlertest.With("users", handlertest.Users()))
		}
	}
}
