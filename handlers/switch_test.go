package handlers_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/handlers/handler"
	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

// said runs an event through handlers and returns the texts and the topics of what is routed.
func said(t *testing.T, yaml, data string, opts ...handlertest.Option) []string {
	t.Helper()
	opts = append(opts, handlertest.With("users", handlertest.Users()))
	outputs, _, failed := handlertest.Chain(t, yaml, opts...).Run(t.Context(), handlertest.Message(data), nil)
	if failed != nil {
		t.Fatal(failed)
	}
	var all []string
	for _, o := range outputs {
		all = append(all, o.Topic+": "+o.Notification.Text)
	}
	return all
}

const byLanguage = `
- switch:
    cases:
      - when: data.lang == 'de'
        handlers:
          - compose: {to: "1", text: "Hallo"}
      - when: data.lang == 'fr'
        handlers:
          - switch:
              cases:
                - when: data.formal
                  handlers: [compose: {to: "1", text: "Bonjour"}]
              default: [compose: {to: "1", text: "Salut"}]
          - route: {topic: notifications.fr}
    default: [compose: {to: "1", text: "Hello"}]
- route: {topic: notifications.all}
`

func TestSwitch(t *testing.T) {
	for data, want := range map[string][]string{
		`{"lang":"de"}`:                {"notifications.all: Hallo"},
		`{"lang":"en"}`:                {"notifications.all: Hello"},
		`{"lang":"fr","formal":true}`:  {"notifications.fr: Bonjour", "notifications.all: Bonjour"},
		`{"lang":"fr","formal":false}`: {"notifications.fr: Salut", "notifications.all: Salut"},
	} {
		if diff := cmp.Diff(want, said(t, byLanguage, data)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", data, diff)
		}
	}
}

// Where no case fits and there is no default, a message passes; so does one whose case is empty.
func TestSwitchPasses(t *testing.T) {
	const yaml = `
- compose: {to: "1", text: "Hello"}
- switch:
    cases:
      - {when: data.n > 1, handlers: [filter: {when: 'false'}]}
      - {when: data.n > 0, handlers: []}
- route: {topic: notifications.all}
`
	for data, want := range map[string]int{`{"n":0}`: 1, `{"n":1}`: 1, `{"n":2}`: 0} {
		if got := len(said(t, yaml, data)); got != want {
			t.Errorf("%s: %d notifications, want %d", data, got, want)
		}
	}
}

// Two ways through a switch are two places: each has notification ids of its own.
func TestSwitchPlaces(t *testing.T) {
	c := handlertest.Chain(t, byLanguage)
	outputs, _, failed := c.Run(t.Context(), handlertest.Message(`{"lang":"fr","formal":true}`), nil)
	if failed != nil || len(outputs) != 2 || outputs[0].Notification.ID == outputs[1].Notification.ID {
		t.Errorf("got %v, %v", outputs, failed)
	}
}

func TestSwitchFails(t *testing.T) {
	c := handlertest.Chain(t, byLanguage)
	_, _, failed := c.Run(t.Context(), handlertest.Message(`{}`), nil)
	if failed == nil || failed.Class() != handler.ClassExpression || !strings.Contains(failed.Error(), "cases[0].when: data.lang == 'de': no such key: lang") {
		t.Errorf("got %v", failed)
	}
}

func TestSwitchFaults(t *testing.T) {
	for yaml, want := range map[string]string{
		`- switch: {cases: []}`:               "cases is empty",
		`- switch: {}`:                        `missing key "cases"`,
		`- switch: {cases: [{when: 'true'}]}`: `missing key "handlers"`,
		`- switch: {cases: [{when: data.x, handlers: [fitler: {}]}]}`: `test.yaml:1:46: unknown handler type "fitler" (did you mean "filter"?)`,
		`
- switch:
    cases: [{when: data.x, handlers: [enrich: {a: {lookup: users, key: x}}]}]
    default: [enrich: {b: {lookup: users, key: x}}]
- filter: {when: a.id == 'x'}`: `test.yaml:5:18: unknown name "a"`,
		`
- switch:
    cases: [{when: data.x, handlers: [compose: {to: x, text: x}]}]
- route: {topic: notifications.x}`: "route needs a notification",
	} {
		faults := handlertest.Faults(t, yaml, handlertest.With("users", handlertest.Users()))
		if !strings.Contains(faults.Error(), want) {
			t.Errorf("%s: got\n%s\nwant %s", yaml, faults, want)
		}
	}
}

// A name that every way declares is known behind the switch.
func TestSwitchNames(t *testing.T) {
	const yaml = `
- switch:
    cases: [{when: data.x, handlers: [enrich: {who: {lookup: users, key: "1"}}, enrich: {more: {lookup: users, key: "2"}}]}]
    default: [enrich: {who: {lookup: users, key: "2"}}]
- compose: {to: "{who.id}", text: "Hi {who.name}"}
- route: {topic: notifications.all}
`
	for data, want := range map[string]string{`{"x":true}`: "notifications.all: Hi Emma", `{"x":false}`: "notifications.all: Hi Bruno"} {
		if got := said(t, yaml, data); len(got) != 1 || got[0] != want {
			t.Errorf("%s: got %v, want %s", data, got, want)
		}
	}
}
