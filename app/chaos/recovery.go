package chaos

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// recoveries are the times that the service took to get over faults. Recovered
// it is when everybody has been delivered an event that was submitted after the
// fault: the people's keys are spread over all partitions, so every partition
// works again then.
type recoveries struct {
	tail *tail
	log  func(format string, args ...any)

	group sync.WaitGroup
	mu    sync.Mutex
	times map[Fault][]time.Duration
	never []string
}

func newRecoveries(t *tail, log func(string, ...any)) *recoveries {
	return &recoveries{tail: t, log: log, times: make(map[Fault][]time.Duration)}
}

// measure begins to measure from since on, and returns at once.
func (r *recoveries) measure(ctx context.Context, fault Fault, since time.Time) {
	r.group.Go(func() {
		for !r.tail.heardSince(since) {
			if ctx.Err() != nil {
				return
			}
			if time.Since(since) > recoverWithin {
				r.mu.Lock()
				r.never = append(r.never, fmt.Sprintf("%s at %s: not recovered within %v",
					fault, since.UTC().Format(time.TimeOnly), recoverWithin))
				r.mu.Unlock()
				r.log("not recovered from: %s", fault)
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		took := time.Since(since)
		r.mu.Lock()
		r.times[fault] = append(r.times[fault], took)
		r.mu.Unlock()
		r.log("recovered after %v from: %s", took.Round(time.Millisecond), fault)
	})
}

// wait waits until every measure that was begun has ended.
func (r *recoveries) wait() { r.group.Wait() }

// Recovery sums up the recoveries from one kind of fault.
type Recovery struct {
	Fault Fault
	// From is what the time is counted from.
	From        string
	Times       int
	Median, Max time.Duration
}

// summary is in the order of the report, faults that never came left out.
func (r *recoveries) summary() (list []Recovery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range ways {
		times := slices.Clone(r.times[w.fault])
		if len(times) == 0 {
			continue
		}
		slices.Sort(times)
		list = append(list, Recovery{
			Fault: w.fault, From: w.from, Times: len(times),
			Median: (times[(len(times)-1)/2] + times[len(times)/2]) / 2, Max: times[len(times)-1],
		})
	}
	return list
}
