package pipeline

import (
	"container/list"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/trieungochai/kafka-notify/config"
)

// errPaused ends a message's try because the pipeline has paused itself. It is
// no failure of the message: it waits, and begins anew when the pipeline goes on.
var errPaused = errors.New("the pipeline is paused")

// breaker pauses a pipeline that poisons too many of its messages, as it does
// after a bad deploy, before it has poisoned everything. There is one for the
// source topic and all retry tiers together, in this process.
//
// A message counts once, when it is delivered or dropped, or when it is about
// to be poisoned: with thousands in work at once, to count what stands in the
// poison topic would be too late. A hop to a retry tier counts nothing.
type breaker struct {
	policy config.Breaker
	now    func() time.Time
	gauge  prometheus.Gauge // set when the metrics adopt the pipeline

	paused atomic.Pointer[pause] // nil: messages pass; changed with mu held

	mu     sync.Mutex
	window window
	queue  list.List // of *waiter: who waits, the longest first
}

// pause is one, from the poisoned message that began it until it is over.
type pause struct {
	since time.Time
	tally tally
	over  chan struct{} // closed when it is
	next  time.Time     // when a message is tried; with the breaker's mu
}

// waiter is a message that waits while the pipeline is paused.
type waiter struct {
	first chan struct{} // closed when nobody waits longer
}

func newBreaker(policy config.Breaker, now func() time.Time) *breaker {
	return &breaker{policy: policy, now: now, window: newWindow(policy.Window)}
}

// bars reports whether j must not begin an attempt. A trial may.
func (b *breaker) bars(j *journey) bool {
	p := b.paused.Load()
	return p != nil && j.trial != p
}

// wait returns when j may begin: at once, or when the pause is over, or when it
// is j's turn to be tried. It returns errStopping when the pipeline stops first.
func (b *breaker) wait(j *journey) error {
	j.trial = nil
	for p := b.paused.Load(); p != nil && j.trial == nil; p = b.paused.Load() {
		if err := b.waitOut(p, j); err != nil {
			return err
		}
	}
	return nil
}

func (b *breaker) waitOut(p *pause, j *journey) error {
	place := b.enqueue()
	defer b.leave(place)
	first, timer := place.Value.(*waiter).first, (<-chan time.Time)(nil)
	for {
		select {
		case <-j.delivery.Stopping:
			return errStopping
		case <-j.ctx.Done():
			return errStopping
		case <-p.over:
			return nil
		case <-first:
			first = nil
		case <-timer:
		}
		left := b.untilTrial(p, j)
		if left <= 0 {
			return nil
		}
		timer = time.After(left)
	}
}

func (b *breaker) enqueue() *list.Element {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := &waiter{first: make(chan struct{})}
	if b.queue.Len() == 0 {
		close(w.first)
	}
	return b.queue.PushBack(w)
}

func (b *breaker) leave(place *list.Element) {
	b.mu.Lock()
	defer b.mu.Unlock()
	wasFirst := b.queue.Front() == place
	b.queue.Remove(place)
	if next := b.queue.Front(); wasFirst && next != nil {
		close(next.Value.(*waiter).first)
	}
}

// untilTrial makes j, the first in line, the trial if it is time for one; or
// else it returns how long that takes.
func (b *breaker) untilTrial(p *pause, j *journey) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if left := p.next.Sub(now); left > 0 {
		return left
	}
	// The next trial doesn't wait for the end of this one, which an outage, or a
	// partition that goes elsewhere, can put off for ever.
	p.next = now.Add(b.policy.Trial)
	j.trial = p
	return 0
}

// finished counts j as delivered or dropped. It returns the pause for which j
// was the trial, nil if it was none.
func (b *breaker) finished(j *journey) *pause {
	if b.policy.Share == 0 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.paused.Load(); p != nil {
		if j.trial == p {
			return p
		}
		return nil
	}
	b.window.at(b.now()).finished += 1 - j.takeBack()
	return nil
}

// poisoned counts j as poisoned, and returns the pause that this begins, if it
// does. ok is false when j must not be poisoned, because the pipeline has paused.
func (b *breaker) poisoned(j *journey, c cause, reason string) (opened *pause, ok bool) {
	if b.policy.Share == 0 {
		return nil, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.paused.Load() != nil {
		return nil, false
	}
	now := b.now()
	bucket := b.window.at(now)
	bucket.poison(c, reason)
	bucket.finished -= j.takeBack()
	t := b.window.sum(now)
	// "Above" a share of 1 is nothing: there it means all.
	tooMany := t.share() > b.policy.Share || t.poisoned == t.finished
	if t.finished < b.policy.Messages || !tooMany {
		return nil, true
	}
	p := &pause{since: now, tally: t, over: make(chan struct{}), next: now.Add(b.policy.Trial)}
	b.paused.Store(p)
	b.gauge.Set(1)
	return p, true
}

// left counts j out, which goes to a retry tier; false when it must not,
// because the pipeline has paused.
func (b *breaker) left(j *journey) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.paused.Load() != nil {
		return false
	}
	b.window.at(b.now()).finished -= j.takeBack()
	return true
}

// end ends a pause, after which the window is empty; false when it was over
// before. All that waited go on.
func (b *breaker) end(p *pause) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p == nil || b.paused.Load() != p {
		return false
	}
	b.window.clear()
	b.paused.Store(nil)
	b.gauge.Set(0)
	close(p.over)
	return true
}

// status is what the pause, if there is one, looks like from outside.
func (b *breaker) status() *BreakerStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.paused.Load()
	if p == nil {
		return nil
	}
	return &BreakerStatus{
		Since: p.since.UTC(), Share: p.tally.share(), Poisoned: p.tally.poisoned, Finished: p.tally.finished,
		WindowSeconds: b.policy.Window.Seconds(),
		Class:         string(p.tally.cause.class), Step: p.tally.cause.step, Reason: p.tally.reason,
		NextTrial: p.next.UTC(),
	}
}

// hold lets messages wait while the pipeline is paused. One that fails after
// the pause began comes back here, and begins from the start: what it has
// failed so far doesn't count. Ours: Watermill's CircuitBreaker answers with an
// error, which would poison the message that it is to protect.
func (p *Pipeline) hold(next message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		ctx, j := msg.Context(), journeyOf(msg)
		attempts, firstFailed := j.attempts, j.firstFailed
		for {
			if err := p.breaker.wait(j); err != nil {
				return nil, err
			}
			if j.delivery.Stopped() {
				return nil, errStopping
			}
			_, err := next(msg)
			if !errors.Is(err, errPaused) {
				return nil, err
			}
			j.attempts, j.firstFailed = attempts, firstFailed
			msg.SetContext(ctx) // the last attempt's timeout is over
		}
	}
}

// finished notes that j is delivered or dropped. As a trial it ends the pause,
// once that is certain.
func (p *Pipeline) finished(j *journey) {
	if pause := p.breaker.finished(j); pause != nil {
		j.delivery.Then(func() { p.goOn(pause, "a message that was tried has passed") })
	}
}

// mayPoison counts j as poisoned; false when it has to wait instead.
func (p *Pipeline) mayPoison(j *journey, err error) bool {
	c := cause{classOf(err), j.step}
	reason := reasonOf(err)
	pause, ok := p.breaker.poisoned(j, c, reason)
	if !ok {
		p.trialFailed(j, err)
	}
	if pause != nil {
		t := pause.tally
		p.log.Error("the pipeline pauses itself: too many of its messages are poisoned. It goes on when a message that is tried passes, "+
			"or with POST /v1/pipelines/"+p.Name+"/resume",
			"pipeline", p.Name, "share", t.share(), "poisoned", t.poisoned, "finished", t.finished,
			"window", p.breaker.policy.Window, "trial_every", p.breaker.policy.Trial,
			"class", t.cause.class, "step", t.cause.step, "reason", t.reason)
	}
	return ok
}

// mayRetryLater reports whether j may leave for a retry tier; else it waits.
func (p *Pipeline) mayRetryLater(j *journey, err error) bool {
	if p.breaker.left(j) {
		return true
	}
	p.trialFailed(j, err)
	return false
}

func (p *Pipeline) trialFailed(j *journey, err error) {
	if j.trial != nil {
		p.log.Warn("the pipeline stays paused: the message that was tried has failed", "pipeline", p.Name,
			"origin", j.origin.String(), "class", classOf(err), "step", j.step, "reason", reasonOf(err))
	}
}

// goOn ends a pause.
func (p *Pipeline) goOn(pause *pause, why string) {
	if p.breaker.end(pause) {
		p.log.Warn("the pipeline goes on: "+why, "pipeline", p.Name, "paused_for", p.now().Sub(pause.since))
	}
}

// Resume ends p's pause, if there is one.
func (p *Pipeline) Resume() { p.goOn(p.breaker.paused.Load(), "it was resumed by hand") }
