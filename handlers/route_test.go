package handlers_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/handlers/handler"
	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

func TestRoute(t *testing.T) {
	chain := handlertest.Chain(t, `
- compose: {to: "{data.to}", text: hello}
- route: {topic: "notifications.user.{data.to}"}
- route: {topic: "audit"}
`)
	outputs, _, err := chain.Run(t.Context(), handlertest.Message(`{"to":"Ünal"}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	type output struct{ Topic, Key, Text string }
	var got []output
	for _, o := range outputs {
		got = append(got, output{o.Topic, o.Key, o.Notification.Text})
	}
	want := []output{{"notifications.user._c3_9cnal", "Ünal", "hello"}, {"audit", "Ünal", "hello"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if outputs[0].Notification.ID == outputs[1].Notification.ID {
		t.Error("both routes gave the notification the same id: the second would never be shown")
	}
}

func TestRouteErrors(t *testing.T) {
	for data, want := range map[string]string{
		`{"to":"1"}`: "no such key: room",
		`{"to":"1","room":"` + strings.Repeat("É", 42) + `"}`: "more than 249",
		`{"to":"1","room":""}`:                                "{data.room}: is empty",
		`{"to":"1","room":null}`:                              "{data.room}: is null",
	} {
		chain := handlertest.Chain(t, `[compose: {to: "{data.to}", text: x}, route: {topic: "room.{data.room}"}]`)
		_, _, err := chain.Run(t.Context(), handlertest.Message(data), nil)
		if err == nil || err.Class() != handler.ClassExpression || !handler.IsPermanent(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want %s", data, err, want)
		}
	}
}

func TestRouteFaults(t *testing.T) {
	tests := map[string]string{
		`- route: {topic: "a.{data.to}"}`:                               "test.yaml:1:3: route needs a notification, and none is composed before it (put a compose before it)",
		`[compose: {to: a, text: x}, route: {topic: "User.{data.to}"}]`: "test.yaml:1:45: a topic's name has lower-case letters",
		`[compose: {to: a, text: x}, route: {topic: "{data.to}"}]`:      "test.yaml:1:45: a topic needs a part of its own",
		`[compose: {to: a}, route: {topic: b}]`:                         `missing key "text"`,
	}
	for yaml, want := range tests {
		faults := handlertest.Faults(t, yaml)
		if len(faults) != 1 || !strings.Contains(faults.Error(), want) {
			t.Errorf("%s: got\n%s\nwant %s", yaml, faults, want)
		}
	}
}
