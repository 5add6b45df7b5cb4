package poison_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/app/record"
)

const retryTopic = "notifications.retry.follow.0"

func now() time.Time { return time.Now() }

// running has an instance of the service run jobs, until stop is called.
func running(c *poison.Console, w *world) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { poison.NewRunner(c, w, slog.New(slog.DiscardHandler)).Run(ctx) })
	return func() {
		cancel()
		run.Wait()
	}
}

// handling has the pipeline handle what is sent back, until stop is called.
func handling(t tb, w *world, fails func(*record.Record) bool) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var pipeline sync.WaitGroup
	pipeline.Go(func() { w.pipeline(ctx, t, fails) })
	return func() {
		cancel()
		pipeline.Wait()
	}
}

// eventually waits until a job is as wanted.
func eventually(t tb, c *poison.Console, id, what string, is func(poison.Job) bool) poison.Job {
	t.Helper()
	var job poison.Job
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		var err error
		if job, err = c.Job(context.Background(), id); err != nil {
			t.Fatal(err)
		}
		if is(job) {
			return job
		}
	}
	t.Fatalf("the job is never %s: %+v", what, job)
	return job
}

// sent is how often each message stands in the retry topic.
func sent(w *world) map[string]int {
	times := make(map[string]int)
	for _, rec := range w.in(retryTopic) {
		times[string(rec.Key)]++
	}
	return times
}

func TestARedriveSendsEachMessageOnce(t *testing.T) {
	w := newWorld()
	w.lag = 3 * time.Millisecond
	for i := range 1200 {
		w.poisoned(fmt.Sprint("m", i))
	}
	w.add(append(failed("follow", "decode", "another cause", "g", now()), record.PoisonID, "other")...)
	c := following(t, w)
	defer running(c, w)()
	defer handling(t, w, func(*record.Record) bool { return false })()

	job, refused, err := c.Redrive(t.Context(), poison.Order{Selection: byFilter(`class == "lookup_missing"`), Reason: "repaired"}, ann)
	if err != nil || len(refused) > 0 || job.Total != 1200 {
		t.Fatalf("%+v, %v, %v", job, refused, err)
	}
	w.poisoned("late") // the set is frozen
	job = eventually(t, c, job.ID, "done", func(j poison.Job) bool { return j.State == poison.Finished && j.Delivered == 1200 })
	times := sent(w)
	for i := range 1200 {
		if n := times[fmt.Sprint("m", i)]; n != 1 {
			t.Errorf("m%d was sent %d times", i, n)
		}
	}
	if len(times) != 1200 || job.Sent != 1200 {
		t.Errorf("%d messages were sent, the job says %d", len(times), job.Sent)
	}
	got := states(t, c)
	if got["late"] != poison.Open || got["other"] != poison.Open || got["m7"] != poison.Redriven {
		t.Errorf("late is %s, other %s, m7 %s", got["late"], got["other"], got["m7"])
	}
	rec := w.in(retryTopic)[0]
	for name, want := range map[string]string{
		record.PoisonRedrives: "1", record.HeaderRetryTier: "0", record.HeaderAttempts: "0", record.HeaderOrigin: "events.follow/3/7",
		record.PoisonID: "", record.PoisonClass: "", record.ReasonPoisoned: "", record.HeaderRedrive: job.ID + "/0",
	} {
		if got := rec.Get(name); got != want {
			t.Errorf("header %s = %q, want %q", name, got, want)
		}
	}
	if string(rec.Value) != `{"n":9007199254740993}` {
		t.Errorf("value %s", rec.Value)
	}
}

// What fails again is one entry still, open, and its history grows.
func TestAMessageThatFailsAgain(t *testing.T) {
	w := newWorld()
	w.poisoned("a", "b")
	c := following(t, w)
	defer running(c, w)()
	defer handling(t, w, func(rec *record.Record) bool { return string(rec.Key) == "a" })()
	for round := range 2 {
		job, _, err := c.Redrive(t.Context(), poison.Order{Selection: byID("a")}, ann)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, c, job.ID, "failed", func(j poison.Job) bool { return j.State == poison.Finished && j.Failed == 1 })
		d, err := c.Get(t.Context(), "a")
		if err != nil || d.State != poison.Open || d.Redrives != round+1 {
			t.Errorf("round %d: %s, %d redrives, %v", round, d.State, d.Redrives, err)
		}
		var what []string
		for _, e := range d.Timeline {
			what = append(what, e.What)
		}
		if got, want := strings.Join(what, " "), strings.Repeat("failed redrive ", round+1)+"failed"; got != want {
			t.Errorf("timeline %q, want %q", got, want)
		}
	}
	if n := len(states(t, c)); n != 2 {
		t.Errorf("%d entries", n)
	}
}

// A canary that fails holds the job; an operator may go on all the same, or end
// it, and then what was not sent is open.
func TestCanary(t *testing.T) {
	w := newWorld()
	for i := range 30 {
		w.poisoned(fmt.Sprint("m", i))
	}
	c := following(t, w)
	defer running(c, w)()
	defer handling(t, w, func(rec *record.Record) bool { return string(rec.Key) == "m1" })()
	job, _, err := c.Redrive(t.Context(), poison.Order{Selection: poison.Selection{All: true}, Terms: action.Terms{Canary: 3}}, ann)
	if err != nil {
		t.Fatal(err)
	}
	job = eventually(t, c, job.ID, "held", func(j poison.Job) bool { return j.State == poison.Held })
	if job.Sent != 3 || !strings.Contains(job.Why, "1 of the first 3") {
		t.Errorf("%d sent, because %s", job.Sent, job.Why)
	}
	if _, err := c.Steer(t.Context(), action.Resume, job.ID, ann, ""); err != nil {
		t.Fatal(err)
	}
	job = eventually(t, c, job.ID, "done", func(j poison.Job) bool { return j.State == poison.Finished && j.Known() == 30 })
	if job.Failed != 1 || job.Delivered != 29 {
		t.Errorf("%+v", job)
	}
}

func TestTooManyFailures(t *testing.T) {
	w := newWorld()
	for i := range 100 {
		w.poisoned(fmt.Sprint("m", i))
	}
	c := following(t, w)
	defer running(c, w)()
	defer handling(t, w, func(*record.Record) bool { return true })()
	order := poison.Order{Selection: poison.Selection{All: true}, Terms: action.Terms{MaxFailed: 0.2, Rate: 200}}
	job, _, err := c.Redrive(t.Context(), order, ann)
	if err != nil {
		t.Fatal(err)
	}
	job = eventually(t, c, job.ID, "held", func(j poison.Job) bool { return j.State == poison.Held })
	if job.Sent == 100 || !strings.Contains(job.Why, "more than 20 %") {
		t.Errorf("%d sent, because %s", job.Sent, job.Why)
	}
	if _, err := c.Steer(t.Context(), action.Cancel, job.ID, ann, "enough"); err != nil {
		t.Fatal(err)
	}
	job = eventually(t, c, job.ID, "canceled", func(j poison.Job) bool { return j.State == poison.Cancelled })
	for id, state := range states(t, c) {
		if state != poison.Open { // failed again, or never sent
			t.Errorf("%s is %s", id, state)
		}
	}
	if _, err := c.Steer(t.Context(), action.Resume, job.ID, ann, ""); err == nil {
		t.Error("a canceled job was resumed")
	}
}

// A job that is canceled while it is taken over opens no message that stands in
// the target: it would be sent again.
func TestACanceledJobOpensNothingThatWasSent(t *testing.T) {
	w := newWorld()
	w.poisoned("m0", "m1", "m2")
	c := following(t, w)
	job, _, err := c.Redrive(t.Context(), poison.Order{Selection: poison.Selection{All: true}}, ann)
	if err != nil {
		t.Fatal(err)
	}
	cancel := action.New(action.Cancel, ann)
	cancel.Job = job.ID
	rec, err := cancel.Record(actionsName)
	if err != nil {
		t.Fatal(err)
	}
	w.refuse = func([]*record.Record) int {
		w.refuse = nil
		w.append(rec)
		return 2 // of three, and nothing says that they were sent
	}
	defer running(c, w)()
	eventually(t, c, job.ID, "canceled", func(j poison.Job) bool { return j.State == poison.Cancelled })
	got, times := states(t, c), sent(w)
	for _, id := range []string{"m0", "m1"} {
		if got[id] != poison.Redriven || times[id] != 1 {
			t.Errorf("%s was sent %d times, and is %s", id, times[id], got[id])
		}
	}
	if got["m2"] != poison.Open || times["m2"] != 0 {
		t.Errorf("m2 was sent %d times, and is %s", times["m2"], got["m2"])
	}
}

// Whatever is lost when, and whoever takes over: a job sends each message of its
// set once, and ends.
func TestJobsUnderFaults(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		n := rapid.IntRange(1, 60).Draw(t, "messages")
		for i := range n {
			w.poisoned(fmt.Sprint("m", i))
		}
		w.lag = time.Duration(rapid.IntRange(0, 5).Draw(t, "ms until a commit can be read")) * time.Millisecond
		faults := rapid.SliceOfN(rapid.IntRange(-1, 40), 0, 6).Draw(t, "records written before a commit fails")
		w.refuse = func(records []*record.Record) int {
			if len(faults) == 0 {
				return -1
			}
			at := faults[0]
			faults = faults[1:]
			return min(at, len(records))
		}
		c := following(t, w)
		order := poison.Order{Selection: poison.Selection{All: true}, Terms: action.Terms{Rate: float64(rapid.SampledFrom([]int{0, 2000}).Draw(t, "rate"))}}
		job, _, err := c.Redrive(context.Background(), order, ann)
		if err != nil {
			t.Fatal(err)
		}
		first := running(c, w)
		if rapid.Bool().Draw(t, "two run it") {
			defer running(following(t, w), w)()
		}
		time.Sleep(time.Duration(rapid.IntRange(0, 20).Draw(t, "ms until the first one stops")) * time.Millisecond)
		first()
		defer running(c, w)()
		eventually(t, c, job.ID, "finished", func(j poison.Job) bool { return j.State == poison.Finished })
		times := sent(w)
		for i := range n {
			if got := times[fmt.Sprint("m", i)]; got != 1 {
				t.Fatalf("m%d was sent %d times", i, got)
			}
		}
	})
}
