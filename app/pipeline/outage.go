package pipeline

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/cenkalti/backoff/v5"

	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// outage waits in place while the broker or the store can't be reached. Ours:
// to Retry every error is the message's own.
func (p *Pipeline) outage(next message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		ctx := msg.Context()
		w := p.newWait(journeyOf(msg))
		defer w.over()
		for {
			msg.SetContext(ctx) // the last try's timeout is over
			_, err := next(msg)
			if err == nil || !handler.IsUnavailable(err) {
				return nil, err
			}
			if !w.again(err) {
				return nil, errStopping
			}
		}
	}
}

// insist publishes rec, a retry or poison record, however long the broker is
// away. It returns errStopping, or the error of a record that its topic will
// never take.
func (p *Pipeline) insist(j *journey, rec *record.Record) error {
	if tx := j.delivery.Transaction(); tx != nil {
		var refused error // the subscriber waits longer after each of them
		for err := tx.Refused(rec.Topic); err != nil; err = tx.Refused(rec.Topic) {
			refused = err
		}
		if handler.IsPermanent(refused) {
			return refused
		}
		return tx.Publish(rec)
	}
	w := p.newWait(j)
	defer w.over()
	for {
		err := p.publish(j, rec)
		if err == nil || handler.IsPermanent(err) {
			return err
		}
		if !w.again(err) {
			return errStopping
		}
	}
}

// publish adds rec to the message's transaction, or else
// sends it and waits for the producer's own answer, however long the
// attempt may take: to give up early and send again would leave a copy behind
// for every try, all written when the broker is back. Only a pipeline that
// stops goes without the answer, publishTimeout after it began to ask.
func (p *Pipeline) publish(j *journey, rec *record.Record) error {
	if tx := j.delivery.Transaction(); tx != nil {
		return tx.Publish(rec)
	}
	ctx, cancel := context.WithCancel(j.ctx)
	defer cancel()
	slow := time.AfterFunc(publishTimeout, func() {
		select {
		case <-j.delivery.Stopping:
			cancel()
		case <-ctx.Done():
		}
	})
	defer slow.Stop()
	return p.publisher.Publish(ctx, rec)
}

// publishTimeout is how long a stopping pipeline waits for an answer.
const publishTimeout = 10 * time.Second

// waiting counts a pipeline's messages that wait out an outage.
type waiting struct {
	messages atomic.Int64
	saidAt   atomic.Int64 // unix seconds of the last log line
}

// wait is one message's wait for broker or store to come back.
type wait struct {
	p     *Pipeline
	j     *journey
	pause *backoff.ExponentialBackOff // nil until the wait begins
}

// newWait begins no wait yet.
func (p *Pipeline) newWait(j *journey) *wait { return &wait{p: p, j: j} }

// newPause is short at first, then five seconds, without end.
func newPause() *backoff.ExponentialBackOff {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval = 100 * time.Millisecond
	pause.MaxInterval = 5 * time.Second
	pause.Multiplier = 2
	pause.RandomizationFactor = 0.2
	return pause
}

// again pauses because of err; false when the pipeline stops first. It is
// logged at most once in ten seconds a pipeline.
func (w *wait) again(err error) bool {
	state := &w.p.waiting
	if w.pause == nil {
		w.pause = newPause()
		state.messages.Add(1)
		w.p.metrics.waiting.WithLabelValues(w.p.Name).Inc()
	}
	now := time.Now().Unix()
	if last := state.saidAt.Load(); now-last >= 10 && state.saidAt.CompareAndSwap(last, now) {
		w.p.log.Warn("the pipeline waits: broker or store out of reach", "pipeline", w.p.Name, "error", err)
	}
	return w.j.sleep(w.pause.NextBackOff())
}

// over ends the wait, if there was one.
func (w *wait) over() {
	if w.pause != nil {
		w.p.waiting.messages.Add(-1)
		w.p.metrics.waiting.WithLabelValues(w.p.Name).Dec()
	}
}
