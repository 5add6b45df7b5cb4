package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// faulty is a handler of which the test says whether it works.
type faulty struct {
	broken atomic.Pointer[error]
	calls  atomic.Int64
}

func (f *faulty) breaks(err error) { f.broken.Store(&err) }

func (f *faulty) repaired() { f.broken.Store(nil) }

func (f *faulty) work(ctx context.Context) error {
	f.calls.Add(1)
	select {
	case <-time.After(10 * time.Millisecond): // so that many are in work at once
	case <-ctx.Done():
	}
	if err := f.broken.Load(); err != nil {
		return *err
	}
	return nil
}

var (
	errForGood = handler.Permanent(errors.New("the new version is wrong"))
	errForNow  = errors.New("may heal")
)

const attempts = "retry: {attempts: 2, backoff: {initial: 1ms, max: 2ms}, later: [], timeout: 50ms}\n"

// paced is a pipeline with a breaker, on the clock of a synctest bubble.
func paced(t *testing.T, f *faulty, policies string) *bench {
	b := customWith(t, f.work, policies)
	b.now = time.Time{}
	return b
}

// after lets time pass, and all end what they do then.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// at sends n messages, numbered from first on, at once.
func (b *bench) at(first, n int) {
	for i := range n {
		go b.process(numbered(first + i))
	}
	synctest.Wait()
}

func numbered(n int) *record.Record { return follow(fmt.Sprint("e", n), int64(n), "2", "1") }

func (b *bench) poisoned() int { return len(b.in("notifications.poison")) }

// finished is how many messages the handler has taken.
func (b *bench) finished() int64 { _, dropped, _, _ := b.Counts(); return dropped }

// When everything fails at once, about as many messages are poisoned as it
// takes to see that; the others wait, and are handled when the cause is gone.
func TestABacklogThatFailsIsHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const backlog, atOnce = 5000, 1000
		f := new(faulty)
		f.breaks(errForGood)
		b := paced(t, f, "breaker: {trial: 1000h}\n"+attempts)
		var log bytes.Buffer
		b.LogTo(&log)
		records := make(chan *record.Record)
		for range atOnce {
			go func() {
				for rec := range records {
					b.process(rec)
				}
			}()
		}
		go func() {
			for i := range backlog {
				records <- numbered(i)
			}
			close(records)
		}()
		after(time.Hour)
		if n := b.poisoned(); n != 100 {
			t.Errorf("%d are poisoned, want 100", n)
		}
		if n := f.calls.Load(); n > 100+atOnce {
			t.Errorf("the handler was called %d times", n)
		}
		got := b.Paused()
		if got == nil || got.Share != 1 || got.Poisoned != 100 || got.Finished != 100 || got.WindowSeconds != 60 ||
			got.Class != "other" || !strings.HasPrefix(got.Step, "work ") || got.Reason != "the new version is wrong" {
			t.Fatalf("paused: %+v", got)
		}

		f.repaired()
		b.Resume()
		b.Resume() // changes nothing
		after(time.Hour)
		if n := b.finished(); n != backlog-100 || b.poisoned() != 100 || b.Paused() != nil {
			t.Errorf("%d are handled, %d poisoned, paused: %+v", n, b.poisoned(), b.Paused())
		}
		for _, line := range []string{"pauses itself", "share=1 poisoned=100 finished=100 window=1m0s", "goes on: it was resumed by hand"} {
			if n := strings.Count(log.String(), line); n != 1 {
				t.Errorf("the log has %q %d times", line, n)
			}
		}
	})
}

// While the pipeline is paused nothing begins, the retry tiers included, not
// even the next attempt at what is in work.
func TestNothingBeginsInAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(faulty)
		f.breaks(errForNow)
		b := paced(t, f, "breaker: {messages: 1, trial: 1h}\nretry: {attempts: 3, backoff: {initial: 1s, max: 1s}, later: [10s]}\n")
		b.at(0, 1) // has two attempts left
		after(100 * time.Millisecond)
		f.breaks(errForGood)
		b.at(1, 1) // opens the breaker
		after(100 * time.Millisecond)
		tier := numbered(2)
		tier.Topic = pipeline.RetryTopic("follow", 1)
		go b.process(tier)
		broken := numbered(3)
		broken.Value = []byte("not JSON")
		go b.process(broken)
		after(time.Minute)
		if n := f.calls.Load(); n != 2 || len(b.sent) != 1 {
			t.Errorf("%d calls, written %+v", n, b.sent)
		}
		f.repaired()
		for b.Paused() != nil { // the broken one opens it again
			b.Resume()
			after(time.Minute)
		}
		if b.finished() != 2 || b.poisoned() != 2 {
			t.Errorf("%d handled, %d poisoned", b.finished(), b.poisoned())
		}
	})
}

// A message that waits gives way when its partition goes, or the service stops.
func TestAPauseHoldsUpNoStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(faulty)
		f.breaks(errForGood)
		b := paced(t, f, "breaker: {messages: 1, trial: 30s}\n"+attempts)
		b.at(0, 1)
		after(time.Second)
		written := len(b.sent)
		stopping := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		var deliveries []*kafka.Delivery
		var gone sync.WaitGroup
		for i := range 10 {
			d := &kafka.Delivery{Record: numbered(i + 1), Stopping: stopping}
			of := t.Context()
			if i%2 == 1 { // of another partition, which is lost
				d.Stopping, of = make(chan struct{}), ctx
			}
			deliveries = append(deliveries, d)
			gone.Go(func() {
				if err := b.Process(of, d); err != nil {
					t.Errorf("process: %v", err)
				}
			})
			synctest.Wait()
		}
		began := time.Now()
		close(stopping)
		cancel()
		gone.Wait()
		if took := time.Since(began); took > 0 {
			t.Errorf("they gave way after %v", took)
		}
		for i, d := range deliveries {
			if !d.Abandoned() {
				t.Errorf("message %d is not abandoned", i)
			}
		}
		if f.calls.Load() != 1 || len(b.sent) != written {
			t.Errorf("%d calls, written %+v", f.calls.Load(), b.sent)
		}
		// Nobody of them is waited for when it is time for a trial.
		f.repaired()
		b.at(20, 1)
		after(31 * time.Second)
		if b.Paused() != nil || b.finished() != 1 {
			t.Errorf("%d handled, paused: %+v", b.finished(), b.Paused())
		}
	})
}

// The share is that of the messages finished within the window.
func TestWhenTheBreakerOpens(t *testing.T) {
	type group struct {
		good, bad int
		then      time.Duration
	}
	const minute = time.Minute
	for name, tt := range map[string]struct {
		breaker string
		groups  []group
		opens   bool
	}{
		"too few messages":       {"{messages: 10}", []group{{0, 9, 0}}, false},
		"enough":                 {"{messages: 10}", []group{{0, 10, 0}}, true},
		"half is not above half": {"{messages: 10}", []group{{50, 50, 0}}, false},
		"above half":             {"{messages: 10}", []group{{50, 51, 0}}, true},
		"a lower share":          {"{messages: 10, share: 0.1}", []group{{50, 6, 0}}, true},
		"all":                    {"{messages: 10, share: 1}", []group{{0, 10, 0}}, true},
		"all but one":            {"{messages: 10, share: 1}", []group{{1, 30, 0}}, false},
		"off":                    {"{messages: 1, share: 0}", []group{{0, 100, 0}}, false},
		"slowly":                 {"{messages: 10}", []group{{0, 9, 75 * time.Second}, {0, 9, 75 * time.Second}, {0, 9, 0}}, false},
		"within the window":      {"{messages: 10}", []group{{0, 5, 50 * time.Second}, {0, 5, 0}}, true},
		"the good are long ago":  {"{messages: 10}", []group{{100, 0, 2 * minute}, {0, 10, 0}}, true},
		"a longer window":        {"{messages: 10, window: 1h}", []group{{100, 0, 2 * minute}, {0, 10, 0}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := new(faulty)
				b := paced(t, f, "breaker: "+tt.breaker+"\n"+attempts)
				n := 0
				for _, g := range tt.groups {
					for i := range g.good + g.bad {
						f.repaired()
						if i >= g.good {
							f.breaks(errForGood)
						}
						if b.Paused() != nil {
							t.Fatalf("opened by message %d", n)
						}
						n++
						b.process(numbered(n))
					}
					after(g.then)
				}
				if got := b.Paused(); (got != nil) != tt.opens {
					t.Errorf("paused: %+v", got)
				}
			})
		})
	}
}

// After a pause nothing of what led to it counts any more.
func TestThePauseEndsWithAnEmptyWindow(t *testing.T) {
	b := newBench(t, file+"breaker: {messages: 3}\n", handler.Default())
	for n := range int64(8) {
		b.process(follow(fmt.Sprint("e", n), n, "9", "1"))
		if paused := b.Paused() != nil; paused != (n%3 == 2) {
			t.Errorf("after %d poisoned, paused: %v", n+1, paused)
		}
		b.Resume()
	}
}

// A hop to a retry tier counts neither as good nor as bad; what comes out of
// the last tier does.
func TestHopsDoNotCount(t *testing.T) {
	b := newBench(t, file+"breaker: {messages: 3}\n", handler.Default())
	b.users.Err = errors.New("the service is down")
	for i := range int64(20) {
		b.process(follow(fmt.Sprint("hop", i), i, "2", "1"))
	}
	if b.Paused() != nil {
		t.Fatal("hops open the breaker")
	}
	for i := range int64(3) {
		rec := follow(fmt.Sprint("last", i), i, "2", "1")
		rec.Topic = pipeline.RetryTopic("follow", 2)
		b.process(rec)
	}
	if got := b.Paused(); got == nil || got.Finished != 3 {
		t.Errorf("paused: %+v", got)
	}
}

// Whatever happens at once, every message ends once.
func TestEveryMessageEndsOnce(t *testing.T) {
	const messages, atOnce = 2000, 50
	var seen atomic.Int64
	b := customWith(t, func(context.Context) error {
		if seen.Add(1)%3 > 0 {
			return errForGood
		}
		return nil
	}, "breaker: {messages: 5, trial: 1ms, window: 100ms}\n"+attempts)
	b.now = time.Time{}
	records := make(chan *record.Record)
	var workers, others sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for rec := range records {
				if err := b.Process(t.Context(), &kafka.Delivery{Record: rec, Stopping: make(chan struct{})}); err != nil {
					t.Errorf("process: %v", err)
				}
			}
		})
	}
	done := make(chan struct{})
	pauses := 0
	others.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
				if b.Paused() != nil {
					pauses++
					b.Resume()
				}
			}
		}
	})
	for i := range messages {
		records <- numbered(i)
	}
	close(records)
	workers.Wait()
	close(done)
	others.Wait()
	_, dropped, _, poisoned := b.Counts()
	ids := make(map[string]bool)
	for _, rec := range b.in("notifications.poison") {
		ids[rec.Get(record.PoisonID)] = true
	}
	if diff := cmp.Diff([]int64{messages, poisoned}, []int64{dropped + poisoned, int64(len(ids))}); diff != "" || pauses == 0 {
		t.Errorf("%d pauses; %s", pauses, diff)
	}
}
