package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// work is one record in one process, and the transaction of its delivery, after
// the one of package kafka.
type work struct {
	loop      *loop
	rec       *record.Record
	leg       *leg
	msg       *message.Message
	committed bool
	refusals  []refusal

	mu      sync.Mutex
	settled bool
	unheard []refusal
	out     []*record.Record
	then    []func()
	// What the test has seen of this delivery.
	taken       []string // keys claimed
	ended       string   // duplicate or dropped, by the last attempt
	failures    int
	class       handler.Class // of the last failure
	permanent   bool
	firstFailed time.Time
	lastFailed  time.Time
}

type refusal struct {
	topic string
	err   error
}

var _ kafka.Transaction = (*work)(nil)

func (w *work) String() string {
	return fmt.Sprintf("%s in %s", w.leg.travel.name, strings.TrimPrefix(w.rec.Topic, "notifications."))
}

// deliver hands the record out, with all that earlier deliveries have left undone.
func (w *work) deliver() {
	l := w.loop
	if now := time.Now(); now.Before(w.leg.due) {
		l.fault("%s is handed out %v before it is due", w, w.leg.due.Sub(now))
	}
	w.settled, w.unheard, w.out, w.then = false, slices.Clone(w.refusals), nil, nil
	w.taken, w.ended, w.failures, w.class, w.permanent = nil, "", 0, "", false
	w.firstFailed = w.leg.firstFailed
	w.msg = message.NewMessage("", w.rec.Value)
	w.msg.SetContext(kafka.WithDelivery(l.life, kafka.NewDelivery(w.rec, l.stopping, w)))
	l.out <- w.msg
}

// Publish implements kafka.Transaction.
func (w *work) Publish(rec *record.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.settled {
		return errors.New("settled before")
	}
	w.out = append(w.out, rec.Copy())
	return nil
}

// Refused implements kafka.Transaction.
func (w *work) Refused(topic string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, r := range w.unheard {
		if r.topic == topic {
			w.unheard = slices.Delete(w.unheard, i, i+1)
			if topic != poisonTopic {
				w.fail(handler.ClassPublish, handler.IsPermanent(r.err))
			}
			return r.err
		}
	}
	return nil
}

// Late implements kafka.Transaction.
func (w *work) Late() {}

// Then implements kafka.Transaction.
func (w *work) Then(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.then = append(w.then, f)
}

func (w *work) settle() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settled = true
}

// fail notes that the attempt has failed; with mu held.
func (w *work) fail(class handler.Class, permanent bool) {
	w.failures++
	w.class, w.permanent, w.lastFailed = class, permanent, time.Now()
	if w.firstFailed.IsZero() {
		w.firstFailed = w.lastFailed
	}
}

// workOf is the work that a context belongs to.
func workOf(ctx context.Context) *work {
	return kafka.DeliveryFrom(ctx).Transaction().(*work)
}

// travelClaims are the claims as the pipeline sees them.
type travelClaims struct{}

// Take implements handler.Claims.
func (travelClaims) Take(ctx context.Context, key string, by handler.Claim) (handler.Verdict, error) {
	w := workOf(ctx)
	a := w.loop.ask(ctx, &question{kind: "take", work: w, key: key, claim: by})
	return a.verdict, a.err
}

// Look implements handler.Claims. Nobody tries a message on the journeys.
func (travelClaims) Look(context.Context, string, handler.Claim) (handler.Verdict, error) {
	return 0, errors.New("no message is tried here")
}

// Release implements handler.Claims.
func (travelClaims) Release(ctx context.Context, key string, origin handler.Origin) error {
	w := workOf(ctx)
	return w.loop.ask(ctx, &question{kind: "release", work: w, key: key, origin: origin}).err
}

// meet is a handler that ends as the test says.
type meet struct{ at string }

// Handle implements handler.Handler.
func (m meet) Handle(ctx context.Context, msg *handler.Message) (handler.Result, error) {
	w := workOf(ctx)
	a := w.loop.ask(ctx, &question{kind: "meet", work: w, key: m.at})
	if a.panics {
		panic("as the test says")
	}
	if a.err == nil && a.result.Reason() == "" {
		return handler.Next(msg), nil
	}
	if errors.Is(a.err, context.DeadlineExceeded) {
		w.mu.Lock()
		w.fail(handler.ClassTimeout, false)
		w.mu.Unlock()
	}
	return a.result, a.err
}

// The ends of an attempt.
const (
	passes    = "passes"
	fails     = "fails"
	forever   = "fails for ever"
	panics    = "panics"
	hangs     = "hangs"
	isDropped = "is dropped"
)

// meeting ends an attempt, or lets it pass.
func (w *work) meeting(q *question, fate string) {
	if fate == isDropped && q.key == "before" {
		fate = passes
	}
	w.loop.tell("%s %s (%s deduplicate)", w, fate, q.key)
	if fate == hangs {
		q.hung = true
		return
	}
	var a answer
	w.mu.Lock()
	switch fate {
	case fails:
		a.err = errors.New("may heal")
		w.fail(handler.ClassOther, false)
	case forever:
		a.err = handler.Classify(handler.ClassLookupMissing, handler.Permanent(errors.New("won't heal")))
		w.fail(handler.ClassLookupMissing, true)
	case panics:
		a.panics = true
		w.fail(handler.ClassPanic, false)
	case isDropped:
		a.result = handler.Drop("as_it_is_told")
		w.ended = "dropped"
	}
	w.mu.Unlock()
	w.loop.forget(q)
	q.reply <- a
}

// take answers for the store.
func (w *work) take(q *question) {
	t := w.leg.travel
	if q.claim.Origin != t.origin {
		w.loop.fault("%s claims %s for %s, but its origin is %s", w, q.key, q.claim.Origin, t.origin)
	}
	verdict, holder := w.loop.claims.take(q.key, q.claim)
	w.mu.Lock()
	w.ended = ""
	if verdict == handler.Duplicate {
		w.ended = "duplicate"
		t.holder = w.loop.mayHold(w, q.key, holder)
	} else {
		w.taken = append(w.taken, q.key)
	}
	w.mu.Unlock()
	w.loop.tell("%s asks for %s: %s", w, q.key, verdict)
	w.loop.forget(q)
	q.reply <- answer{verdict: verdict}
}

// release answers for the store.
func (w *work) release(q *question) {
	w.loop.tell("%s gives %s back", w, q.key)
	if !w.committed && w.ended != "dropped" {
		w.loop.fault("%s gives a claim back, and nothing of its end is written yet", w)
	}
	w.loop.claims.release(q.key, q.origin)
	w.loop.forget(q)
	q.reply <- answer{}
}
