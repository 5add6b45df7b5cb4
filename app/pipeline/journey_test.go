package pipeline_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

const window = time.Hour

const travelFile = `
kafka: {embedded: {}}
store: {embedded: {}}
events: {follow: {key: "{data.to}"}}
idempotency_window: 1h
breaker: {share: 0}
pipelines:
  follow:
    subscribe: events.follow
    handlers:
      - meet: {at: before}
      - deduplicate: {key: "{data.key}", window: 1h}
      - meet: {at: after}
      - compose: {to: "{data.to}", text: "{data.key}"}
      - route: {topic: "notifications.user.{data.to}"}
      - route: {topic: audit}
retry: {attempts: 3, backoff: {initial: 100ms, max: 2s, multiplier: 2, jitter: 0}, later: [10s, 1m], timeout: 1s}
`

// travelPipeline returns what builds the pipeline of the journeys anew.
func travelPipeline(t *testing.T) func() *pipeline.Pipeline {
	path := filepath.Join(t.TempDir(), "kafka-notify.yaml")
	if err := os.WriteFile(path, []byte(travelFile), 0o600); err != nil {
		t.Fatal(err)
	}
	registry := handler.NewRegistry()
	handler.Add(registry, handlers.Deduplicate)
	handler.Add(registry, handlers.Compose)
	handler.Add(registry, handlers.Route)
	handler.Add(registry, handler.Type[struct {
		At string `yaml:"at,required" doc:"before or after"`
	}]{
		Name: "meet", Summary: "Ends as the test says.", Example: "- meet: {at: before}",
		New: func(c struct {
			At string `yaml:"at,required" doc:"before or after"`
		}, _ *handler.Build,
		) (handler.Handler, error) {
			return meet{c.At}, nil
		},
	})
	cfg, err := config.Load(os.LookupEnv, path)
	if err != nil {
		t.Fatal(err)
	}
	types, faults := event.Compile(cfg.Events)
	if err := faults.Err(); err != nil {
		t.Fatal(err)
	}
	return func() *pipeline.Pipeline {
		pipelines, faults := pipeline.Compile(cfg, pipeline.Parts{
			Registry: registry, Types: types, Now: time.Now,
			Claims: func(string) handler.Claims { return travelClaims{} },
		})
		if err := faults.Err(); err != nil {
			t.Fatal(err)
		}
		return pipelines[0]
	}
}

// move is one step of a journey. What it means depends on what there is.
type move struct {
	do   string
	a, b int
	fate string
}

// String implements fmt.Stringer: rapid prints the moves of a failure.
func (m move) String() string { return fmt.Sprintf("%s %d %d %s", m.do, m.a, m.b, m.fate) }

// Moves that are more frequent stand here more than once.
var moves = rapid.Custom(func(t *rapid.T) move {
	return move{
		do: rapid.SampledFrom([]string{
			"submit", "submit", "repeat", "answer", "answer", "run", "run", "run", "commit", "commit",
			"commit and die", "die", "delete topic", "redrive", "redrive", "redrive and die", "wait", "wait", "wait long",
		}).Draw(t, "do"),
		a:    rapid.IntRange(0, 11).Draw(t, "a"),
		b:    rapid.IntRange(0, 11).Draw(t, "b"),
		fate: rapid.SampledFrom([]string{passes, passes, fails, fails, forever, panics, hangs, isDropped}).Draw(t, "fate"),
	}
})

// Whatever happens to messages on their way, and whenever the process is
// killed, what the service promises of them holds.
func TestJourneys(t *testing.T) {
	// The same journeys each time; -rapid.seed=N -rapid.checks=10000 looks at others.
	if seed := flag.Lookup("rapid.seed"); seed.Value.String() == seed.DefValue {
		if err := seed.Value.Set("1"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = seed.Value.Set(seed.DefValue) })
	}
	compile := travelPipeline(t)
	rapid.Check(t, func(rt *rapid.T) {
		plan := rapid.SliceOfN(moves, 1, 60).Draw(rt, "plan")
		var w *world
		synctest.Test(t, func(*testing.T) {
			w = newWorld(compile)
			defer func() { w.process.kill() }()
			for _, m := range plan {
				if w.move(m); len(w.faults) > 0 {
					return
				}
			}
			if w.rest(); len(w.faults) == 0 {
				w.checkAll()
			}
		})
		if len(w.faults) > 0 {
			rt.Fatalf("%s\n%s", strings.Join(w.faults, "\n"), strings.Join(w.story, "\n"))
		}
	})
}

func pick[T any](list []T, n int) (one T, ok bool) {
	if len(list) == 0 {
		return one, false
	}
	return list[n%len(list)], true
}

// move makes one step. One that makes no sense at present is none.
func (w *world) move(m move) {
	switch m.do {
	case "submit":
		size := "small"
		if m.a > 9 {
			size = []string{"big", "huge"}[m.a-10]
		}
		w.submit(fmt.Sprintf("e%d", len(w.travels)), string("abcd"[m.b%4]), string("123"[m.b%3]), size)
	case "repeat":
		if t, ok := pick(w.travels, m.a); ok {
			w.submit(t.id, t.key, t.to, t.size)
		}
	case "answer":
		if q, ok := pick(w.process.questions(), m.a); ok {
			w.answer(q, m.fate)
		}
	case "run":
		if at, ok := pick(w.process.inWork(), m.a); ok {
			w.run(at, []string{"before", "after", "after"}[m.b%3], m.fate)
		}
	case "commit", "commit and die":
		if l, ok := pick(w.finished(), m.a); ok {
			w.commit(l, 1+m.b%len(l.finished), m.do == "commit and die")
		}
	case "die":
		w.crash("")
	case "delete topic":
		topic := kafka.UserTopicPrefix + string("123"[m.b%3])
		w.tell("%s is deleted", topic)
		w.deleted[topic] = true
	case "redrive", "redrive and die":
		if t, ok := pick(w.poisoned(), m.a); ok {
			w.redrive(t, m.do == "redrive and die")
		}
	case "wait":
		w.wait([]time.Duration{200 * time.Millisecond, 2 * time.Second, 11 * time.Second, 80 * time.Second}[m.a%4], m.fate)
	case "wait long":
		if time.Since(w.start) < 12*time.Hour { // the claims of the journeys live for ever, the store's for a day
			w.wait([]time.Duration{40 * time.Minute, window}[m.a%2], m.fate)
		}
	}
	if w.strays.Load() > 0 {
		w.fault("something is published beside the transaction")
	}
}

// finished are the loops that have something to commit.
func (w *world) finished() (list []*loop) {
	for _, l := range w.process.loops {
		if len(l.finished) > 0 {
			list = append(list, l)
		}
	}
	return list
}

// poisoned are those that have been in poison, in the order of submission.
func (w *world) poisoned() (list []*travel) {
	for _, t := range w.travels {
		for _, end := range t.ends {
			if end == "poisoned" {
				list = append(list, t)
				break
			}
		}
	}
	return list
}

// answer lets one question have its answer.
func (w *world) answer(q *question, fate string) {
	switch q.kind {
	case "take":
		q.work.take(q)
	case "release":
		q.work.release(q)
	case "meet":
		q.work.meeting(q, fate)
	}
	w.pump()
}

// run answers all that one message asks now: fate in one place, else it passes.
func (w *world) run(at *work, place, fate string) {
	for asked := true; asked; {
		asked = false
		for _, q := range w.process.questions() {
			if q.work == at {
				if q.key == place {
					w.answer(q, fate)
				} else {
					w.answer(q, passes)
				}
				asked = true
				break
			}
		}
	}
}

// wait lets time pass. Meanwhile every question is answered, attempts end with
// fate, and all that is finished is committed.
func (w *world) wait(d time.Duration, fate string) {
	w.tell("time passes: %v", d)
	for end := time.Now().Add(d); ; {
		w.settle(fate)
		next := time.Until(end)
		if next <= 0 || len(w.faults) > 0 {
			return
		}
		if len(w.process.inWork()) > 0 {
			next = min(next, 50*time.Millisecond)
		} else if due, waits := w.process.nextDue(); waits {
			next = min(next, time.Until(due))
		}
		time.Sleep(next)
	}
}

// settle answers and commits until nothing moves without time.
func (w *world) settle(fate string) {
	for moved := true; moved; {
		w.pump()
		moved = false
		for q, ok := pick(w.process.questions(), 0); ok; q, ok = pick(w.process.questions(), 0) {
			w.answer(q, fate)
			moved = true
		}
		for l, ok := pick(w.finished(), 0); ok; l, ok = pick(w.finished(), 0) {
			w.commit(l, len(l.finished), false)
			moved = true
		}
	}
}

// rest lets everything pass from now on, until nothing is on its way.
func (w *world) rest() {
	for range 10 {
		w.wait(2*time.Minute, passes)
	}
}
