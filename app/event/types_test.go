package event_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// compile compiles the event types that a user would write under "events".
func compile(t testing.TB, yaml string) (*event.Types, config.Faults) {
	t.Helper()
	node, faults := config.Parse("test.yaml", []byte(yaml), func(string) (string, bool) { return "", false })
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	var events map[string]config.Event
	if faults := node.Decode(&events); len(faults) > 0 {
		t.Fatal(faults)
	}
	return event.Compile(events)
}

func mustCompile(t testing.TB, yaml string) *event.Types {
	t.Helper()
	types, faults := compile(t, yaml)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return types
}

const follow = `
follow:
  key: "{data.followee_id}"
  schema:
    type: object
    required: [follower_id, followee_id]
    additionalProperties: false
    properties:
      follower_id: {type: string, minLength: 1}
      followee_id: {type: [string, integer]}
      email: {type: string, format: email}
      tags: {type: array, maxItems: 30, items: {type: string, pattern: "^[a-z]+$"}}
      when: {anyOf: [{type: string}, {type: integer}]}
like:
  key: "{event.source}"
`

func TestCompileFaults(t *testing.T) {
	tests := map[string]struct {
		yaml string
		want []string
	}{
		"unknown name in the key": {`
a:
  key: "{dta.x}"`, []string{`test.yaml:3:10`, "dta"}},
		"key that ends in a hole": {`
a:
  key: "{data.x"`, []string{`test.yaml:3:`}},
		"schema that is none": {`
a:
  key: x
  schema:
    type: object
    required: name`, []string{`test.yaml:6:15`, "got string, want array"}},
		"schema of an unknown type": {`
a:
  key: x
  schema:
    properties:
      name: {type: strin}`, []string{`test.yaml:6:`, "strin"}},
		"pattern that is none": {`
a:
  key: x
  schema: {pattern: "("}`, []string{`test.yaml:4:`}},
		"reference to a file": {`
a:
  key: x
  schema: {$ref: "file:///etc/hostname"}`, []string{`test.yaml:4:`, "leads out of the schema"}},
		"every fault at once": {`
a:
  key: "{dta.x}"
b:
  key: "{dat.x}"`, []string{`test.yaml:3:`, `test.yaml:5:`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, faults := compile(t, tt.yaml)
			if len(faults) == 0 {
				t.Fatal("no faults")
			}
			for _, want := range tt.want {
				if !strings.Contains(faults.Error(), want) {
					t.Errorf("faults lack %q:\n%v", want, faults)
				}
			}
		})
	}
}

func TestTypes(t *testing.T) {
	types := mustCompile(t, follow)
	if diff := cmp.Diff([]string{"follow", "like"}, types.Names()); diff != "" {
		t.Error(diff)
	}
	followType, ok := types.Get("follow")
	if !ok || followType.Topic() != "events.follow" || followType.Partitions != 12 {
		t.Errorf("Get(follow) = %+v, %v", followType, ok)
	}
	if _, ok := types.Get("Follow"); ok {
		t.Error("Get(Follow) found a type")
	}
}

func TestUnknown(t *testing.T) {
	types := mustCompile(t, follow)
	var many strings.Builder
	for _, c := range "abcdefghijklmnopqrstuvwxyz" {
		many.WriteString("type-" + string(c) + ": {key: x}\n")
	}
	tests := []struct {
		types *event.Types
		name  string
		want  string
	}{
		{types, "folow", `unknown event type "folow" (did you mean "follow"?): this service knows follow, like`},
		{types, "Like", `unknown event type "Like" (did you mean "like"?): this service knows follow, like`},
		{types, "payment", `unknown event type "payment": this service knows follow, like`},
		{types, strings.Repeat("x", 500), `unknown event type "` + strings.Repeat("x", 100) + `…": this service knows follow, like`},
		{mustCompile(t, "{}"), "x", `unknown event type "x": the configuration has no event types`},
	}
	for _, tt := range tests {
		if got := tt.types.Unknown(tt.name); got != tt.want {
			t.Errorf("Unknown(%.20q)\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
	if got := mustCompile(t, many.String()).Unknown("zzz"); !strings.HasSuffix(got, "type-t and 6 more") {
		t.Errorf("a long list is not cut: %s", got)
	}
}

func TestCheck(t *testing.T) {
	types := mustCompile(t, follow)
	tests := map[string]struct {
		eventType, data string
		want            []event.Problem
	}{
		"valid":     {"follow", `{"follower_id":"2","followee_id":9007199254740993}`, nil},
		"no schema": {"like", `[1,2,{"x":null}]`, nil},
		"missing members, each with its own pointer": {"follow", `{}`, []event.Problem{
			{Pointer: "/data/followee_id", Detail: "is missing"},
			{Pointer: "/data/follower_id", Detail: "is missing"},
		}},
		"wrong types": {"follow", `{"follower_id":2,"followee_id":null}`, []event.Problem{
			{Pointer: "/data/followee_id", Detail: "is null, must be an integer or a string"},
			{Pointer: "/data/follower_id", Detail: "is a number, must be a string"},
		}},
		"no object": {"follow", `"x"`, []event.Problem{{Pointer: "/data", Detail: "is a string, must be an object"}}},
		"unknown member, escaped in the pointer": {"follow", `{"follower_id":"2","followee_id":"1","a/b~c":1}`, []event.Problem{
			{Pointer: "/data/a~1b~0c", Detail: "is not allowed here"},
		}},
		"format": {"follow", `{"follower_id":"2","followee_id":"1","email":"x"}`, []event.Problem{
			{Pointer: "/data/email", Detail: "'x' is not valid email: missing @"},
		}},
		"inside an array": {"follow", `{"follower_id":"2","followee_id":"1","tags":["a","B"]}`, []event.Problem{
			{Pointer: "/data/tags/1", Detail: "'B' does not match pattern '^[a-z]+$'"},
		}},
		"alternatives are one fault": {"follow", `{"follower_id":"2","followee_id":"1","when":null}`, []event.Problem{
			{Pointer: "/data/when", Detail: "'anyOf' failed"},
		}},
		"a number that no arithmetic reaches": {"like", `{"a":[0,1e999999999]}`, []event.Problem{
			{Pointer: "/data/a/1", Detail: "is a number out of range"},
		}},
		"an endless integer": {"like", `{"a":1` + strings.Repeat("0", 1000) + `}`, []event.Problem{
			{Pointer: "/data/a", Detail: "is a number out of range"},
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			known, _ := types.Get(tt.eventType)
			got := known.Check(&handler.Event{Type: tt.eventType, Data: []byte(tt.data)})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheckListsNoMoreThanABoundedNumberOfFaults(t *testing.T) {
	types := mustCompile(t, follow)
	known, _ := types.Get("follow")
	for name, data := range map[string]string{
		"items":   `{"follower_id":"2","followee_id":"1","tags":[` + strings.Repeat(`1,`, 29) + `1]}`,
		"members": `{"follower_id":"2","followee_id":"1"` + manyMembers(1000) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			got := known.Check(&handler.Event{Type: "follow", Data: []byte(data)})
			if len(got) != 21 || !strings.Contains(event.Problems(got).Error(), "more") {
				t.Errorf("%d faults, the last %+v", len(got), got[len(got)-1])
			}
		})
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"m%d":1`, i)
	}
	return b.String()
}

func TestKey(t *testing.T) {
	types := mustCompile(t, follow)
	tests := map[string]struct {
		data string
		want string
		err  string
	}{
		"string":           {`{"followee_id":"1"}`, "1", ""},
		"exact integer":    {`{"followee_id":9007199254740993}`, "9007199254740993", ""},
		"integer > 64 bit": {`{"followee_id":123456789012345678901234567890}`, "123456789012345678901234567890", ""},
		"missing":          {`{}`, "", "followee_id"},
		"empty":            {`{"followee_id":""}`, "", "is empty"},
		"longest":          {`{"followee_id":"` + strings.Repeat("a", 230) + `"}`, strings.Repeat("a", 230), ""},
		"too long":         {`{"followee_id":"` + strings.Repeat("a", 231) + `"}`, "", "takes 231 bytes in a topic name: at most 230 fit"},
		"too long escaped": {`{"followee_id":"` + strings.Repeat("A", 77) + `"}`, "", "takes 231 bytes"},
	}
	known, _ := types.Get("follow")
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := known.Key(&handler.Event{Type: "follow", Data: []byte(tt.data)})
			if got != tt.want {
				t.Errorf("key %q, want %q", got, tt.want)
			}
			if (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}
