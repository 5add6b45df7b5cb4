package pipeline_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// nested uses declared types in each other, with handlers that are given to them,
// one type twice in a row, and a switch in a switch.
const nested = `
kafka: {embedded: {}}
store: {embedded: {}}
lookups: {users: {file: users.yaml}}
events:
  follow: {key: "{data.followee_id}"}
handler_types:
  once:
    summary: Drops what repeats.
    parameters: {key: {type: template, doc: what}}
    handlers: [deduplicate: {key: "{params.key}", window: 1h}]
  tell:
    summary: Tells a person.
    parameters:
      first: {type: handlers, default: [], doc: what to do before}
    handlers:
      - enrich: {recipient: {lookup: users, key: "{data.followee_id}", missing: drop}}
      - switch: {cases: [{when: data.follower_id != '4', handlers: "{params.first}"}]}
      - once: {key: "told {recipient.id}"}
pipelines:
  follow:
    subscribe: events.follow
    handlers:
      - once: {key: "a {data.follower_id}"}
      - once: {key: "b {data.follower_id}"}
      - tell:
          first:
            - once: {key: "c {data.follower_id}"}
            - filter: {when: data.follower_id != '3'}
      - switch:
          cases:
            - when: recipient.id == '1'
              handlers:
                - switch: {cases: [{when: "true", handlers: []}], default: [compose: {to: "1", text: "x"}]}
                - compose: {to: "{recipient.id}", text: "Hello"}
          default: [compose: {to: "{recipient.id}", text: "Hi"}]
      - route: {topic: "notifications.user.{recipient.id}"}
`

// outline is steps with their calls and drops, indented as they are nested.
func outline(steps []pipeline.StepStatus, indent string) string {
	var b strings.Builder
	for _, s := range steps {
		_, line, _ := strings.Cut(filepath.Base(s.At), ":")
		fmt.Fprintf(&b, "%s%s:%s %d", indent, s.Type, line, s.Calls)
		for _, d := range s.Drops {
			fmt.Fprintf(&b, " %s=%d", d.Reason, d.Count)
		}
		for _, name := range append(s.Lookups, s.Topics...) {
			b.WriteString(" " + name)
		}
		b.WriteString("\n" + outline(s.Steps, indent+"  "))
		for _, branch := range s.Branches {
			b.WriteString(indent + "  ? " + branch.Label + "\n" + outline(branch.Steps, indent+"    "))
		}
	}
	return b.String()
}

func TestSteps(t *testing.T) {
	b := newBench(t, nested, handler.Default())
	for n, people := range [][2]string{{"2", "1"}, {"2", "1"}, {"3", "1"}, {"4", "2"}, {"1", "9"}, {"5", "2"}} {
		b.process(follow(fmt.Sprint("e", n), int64(n), people[0], people[1]))
	}
	b.process(follow("e0", 10, "2", "1"))
	want := `once:24 6
  deduplicate:11 6 duplicate=1
once:25 5
  deduplicate:11 5
tell:26 5
  enrich:17 5 recipient_missing=1 users
  switch:18 4
    ? data.follower_id != '4'
      once:28 3
        deduplicate:11 3
      filter:29 3 filtered=1
    ? otherwise
  once:19 3
    deduplicate:11 3 duplicate=1
switch:30 2
  ? recipient.id == '1'
    switch:34 1
      ? true
      ? default
        compose:34 0
    compose:35 1
  ? default
    compose:36 1
route:37 2 notifications.user.{recipient.id}
`
	if diff := cmp.Diff(want, outline(b.Steps(), "")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	drops := []pipeline.DropStatus{
		{Handler: "filter", Reason: "filtered", Count: 1},
		{Handler: pipeline.DropIdempotency, Reason: "duplicate", Count: 1},
		{Handler: "once/deduplicate", Reason: "duplicate", Count: 1},
		{Handler: "tell/enrich", Reason: "recipient_missing", Count: 1},
		{Handler: "tell/once/deduplicate", Reason: "duplicate", Count: 1},
	}
	if diff := cmp.Diff(drops, b.Drops()); diff != "" {
		t.Errorf("drops (-want +got):\n%s", diff)
	}
	if _, dropped, _, _ := b.Counts(); dropped != 5 {
		t.Errorf("%d dropped", dropped)
	}
}
