package pipeline_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// twoSources is file with another source, the second in the pipeline.
var twoSources = strings.NewReplacer(
	"events: {", `events: {like: {key: "{data.followee_id}"}, other: {key: "{data.followee_id}"}, `,
	"subscribe: events.follow", "subscribe:\n      - events.follow\n      - events.like",
).Replace(file)

// of makes an event of another type, in its own topic.
func of(rec *record.Record, eventType string) *record.Record {
	rec.Value = []byte(strings.Replace(string(rec.Value), `"follow"`, `"`+eventType+`"`, 1))
	rec.Topic = "events." + eventType
	return rec
}

// A message is its source's, on whatever topic it comes: the tiers that it takes,
// the group and the line in the file that its poison record names.
func TestAMessageKeepsToItsSource(t *testing.T) {
	for name, c := range map[string]struct {
		rec          *record.Record
		from, origin string
		fails        bool
		topic        string // of what comes of it
		group, class string
		line         int // of subscribe
	}{
		"the first":            {rec: follow("e", 7, "2", "1"), fails: true, topic: "notifications.retry.follow.follow.1"},
		"the second":           {rec: of(follow("e", 7, "2", "1"), "like"), fails: true, topic: "notifications.retry.follow.like.1"},
		"from a tier":          {rec: of(follow("e", 7, "2", "1"), "like"), from: "notifications.retry.follow.like.1", origin: "events.like/3/7", fails: true, topic: "notifications.retry.follow.like.2"},
		"from a former tier":   {rec: follow("e", 7, "2", "1"), from: "notifications.retry.follow.1", origin: "events.follow/3/7", fails: true, topic: "notifications.retry.follow.follow.2"},
		"sent back":            {rec: of(follow("e", 7, "2", "1"), "like"), from: "notifications.retry.follow.0", origin: "events.like/3/7", fails: true, topic: "notifications.retry.follow.like.1"},
		"sent back, edited":    {rec: of(follow("e", 7, "2", "1"), "like"), from: "notifications.retry.follow.0", origin: "events.follow/3/7", topic: "notifications.poison", group: "kafka-notify.follow.follow", class: "schema", line: 9},
		"of a source no more":  {rec: of(follow("e", 7, "2", "1"), "other"), from: "notifications.retry.follow.0", origin: "events.other/3/7", topic: "notifications.poison", group: "kafka-notify.follow.follow", class: "schema", line: 9},
		"of an unknown origin": {rec: of(follow("e", 7, "2", "1"), "like"), from: "notifications.retry.follow.0", fails: true, topic: "notifications.retry.follow.like.1"},
		"in a foreign topic":   {rec: follow("e", 7, "2", "1"), from: "events.like", topic: "notifications.poison", group: "kafka-notify.follow.like", class: "schema", line: 10},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, twoSources, handler.Default())
			if c.fails {
				b.users.Err = fmt.Errorf("the service is down")
			}
			if c.from != "" {
				c.rec.Topic = c.from
			}
			if c.origin != "" {
				c.rec.Set(record.HeaderOrigin, c.origin)
			}
			b.process(c.rec)
			if len(b.sent) != 1 || b.sent[0].Topic != c.topic {
				t.Fatalf("sent %+v", b.sent)
			}
			got := b.sent[0]
			if c.class == "" {
				return
			}
			if got.Get(record.SubscriberPoisoned) != c.group || got.Get(record.PoisonClass) != c.class {
				t.Errorf("group %q, class %q: %s", got.Get(record.SubscriberPoisoned), got.Get(record.PoisonClass), got.Get(record.ReasonPoisoned))
			}
			if step := got.Get(record.PoisonStep); !strings.HasPrefix(step, "schema ") || !strings.HasSuffix(step, fmt.Sprint(".yaml:", c.line)) {
				t.Errorf("step %q, want line %d", step, c.line)
			}
		})
	}
}

// What an earlier file has left in retry topics is drained by the pipeline whose
// it was, unless the name is another pipeline's.
func TestRetryTopicsThatAreRead(t *testing.T) {
	var there []string
	for _, id := range []string{"p", "p.a", "p.b", "p.c", "pp", "q"} {
		for tier := range 4 {
			there = append(there, pipeline.RetryTopic(id, tier))
		}
	}
	for name, c := range map[string]struct {
		pipelines string
		want      string // without notifications.retry.
	}{
		"one source":         {"p: {subscribe: events.a, HANDLERS}", "p.0 p.1 p.2 p.a.0 p.a.1 p.a.2 p.3 p.a.3"},
		"a list of one":      {"p: {subscribe: [events.a], HANDLERS}", "p.0 p.1 p.2 p.a.0 p.a.1 p.a.2 p.3 p.a.3"},
		"two sources":        {"p: {subscribe: [events.b, events.a], HANDLERS}", "p.0 p.b.1 p.b.2 p.a.1 p.a.2 p.a.0 p.b.0 p.1 p.2 p.3 p.a.3 p.b.3"},
		"another one's name": {"p: {subscribe: events.a, HANDLERS}\n  p.a: {subscribe: events.b, HANDLERS}", "p.0 p.1 p.2 p.3"},
		"another one's id":   {"p: {subscribe: events.a, HANDLERS}\n  x: {id: p.a, subscribe: events.b, HANDLERS}", "p.0 p.1 p.2 p.3"},
	} {
		t.Run(name, func(t *testing.T) {
			yaml := `
kafka: {embedded: {}}
store: {embedded: {}}
events: {a: {key: "1"}, b: {key: "1"}}
retry: {later: [1s, 2s]}
pipelines:
  ` + strings.ReplaceAll(c.pipelines, "HANDLERS", `handlers: [{compose: {to: "1", text: x}}, {route: {topic: notifications.user.1}}]`)
			p := compile(t, yaml)[0]
			got := strings.ReplaceAll(strings.Join(p.RetryTopicsIn(there), " "), "notifications.retry.", "")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// compile builds the pipelines of a file that needs no lookups.
func compile(t *testing.T, yaml string) []*pipeline.Pipeline {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kafka-notify.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(os.LookupEnv, path)
	if err != nil {
		t.Fatal(err)
	}
	types, faults := event.Compile(cfg.Events)
	pipelines, more := pipeline.Compile(cfg, pipeline.Parts{
		Registry: handler.Default(), Types: types, Claims: func(string) handler.Claims { return nil },
	})
	if err := append(faults, more...).Err(); err != nil {
		t.Fatal(err)
	}
	return pipelines
}
