package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// handle is one attempt: decode, claim the event, run the handlers, publish
// what they put out. It publishes inside the chain, where Retry and poison see
// a failure; what a Watermill handler returns is published after all middleware.
func (p *Pipeline) handle(msg *message.Message) error {
	ctx, j := msg.Context(), journeyOf(msg)
	if p.breaker.bars(j) {
		return errPaused
	}
	if err := p.decode(j); err != nil {
		return err
	}
	mine, err := p.claimEvent(ctx, j)
	if err != nil {
		return err
	}
	if !mine {
		p.dropped(j, dropKey{noStep, DropIdempotency, duplicate})
		return p.tellFate(j, 0, []handler.Dropped{{Reason: duplicate}})
	}
	outputs, drops, failed := p.chain.Run(ctx, j.message, func(step int, took time.Duration) {
		j.at = step
		p.counts.calls[step].Add(1)
		p.stepSeconds[step].Observe(took.Seconds())
	})
	if failed != nil {
		return failed
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("the handlers took too long: %w", err)
	}
	if err := p.deliver(j, outputs); err != nil {
		return err
	}
	if len(outputs)+len(drops) == 0 {
		p.dropped(j, dropKey{noStep, DropPipeline, "not_routed"}) // a handler of one's own may put out nothing
	}
	for _, drop := range drops {
		p.dropped(j, dropKey{drop.Step.Index, drop.Step.Name(), drop.Reason})
	}
	return p.tellFate(j, len(outputs), drops)
}

// decode reads the record as a CloudEvent and checks it against the schema of
// its type, once: other producers write to the source topic too.
func (p *Pipeline) decode(j *journey) error {
	if j.message != nil {
		return nil
	}
	e, err := event.Decode(j.record.Headers, j.record.Value)
	if err != nil {
		return handler.Permanent(handler.Classify(handler.ClassDecode, err))
	}
	t, ok := p.types.Get(e.Type)
	if ok && t.Topic() != j.source.Topic && p.source(j.origin.Topic) == nil {
		j.source = cmp.Or(p.source(t.Topic()), j.source)
	}
	j.step = "schema " + j.source.pos
	if !ok || t.Topic() != j.source.Topic {
		return handler.Permanent(handler.Classify(handler.ClassSchema,
			fmt.Errorf("an event of type %q stands in %s, where only events of one type belong", e.Type, j.source.Topic)))
	}
	if faults := t.Check(e); len(faults) > 0 {
		texts := make([]string, len(faults))
		for i, f := range faults {
			texts[i] = f.Pointer + ": " + f.Detail
		}
		return handler.Permanent(handler.Classify(handler.ClassSchema,
			fmt.Errorf("the event does not match the schema of %s: %s", e.Type, strings.Join(texts, "; "))))
	}
	j.message = &handler.Message{Event: e, Origin: j.origin, AcceptedAt: j.acceptedAt, Pipeline: p.ID}
	for _, c := range j.held {
		if c.handler == byEvent {
			j.eventClaimed = true
		} else {
			j.message.Hold(p.claims, c.handler, c.key)
		}
	}
	return nil
}

// claimEvent makes the event this journey's: false when another submission of
// the same event was accepted within the idempotency window.
func (p *Pipeline) claimEvent(ctx context.Context, j *journey) (bool, error) {
	verdict, err := p.claims.Take(ctx, eventClaim(j.message.Event), handler.Claim{
		Origin: j.origin, AcceptedAt: j.acceptedAt, Window: p.idempotencyWindow,
	})
	if err != nil {
		if ctx.Err() != nil { // nothing but the store took the attempt's time
			err = handler.Unavailable(err)
		}
		return false, fmt.Errorf("claim the event: %w", err)
	}
	j.eventClaimed = verdict == handler.Taken
	return j.eventClaimed, nil
}

// eventClaim is the key of an event's claim; a handler's keys begin otherwise.
func eventClaim(e *handler.Event) string {
	key := append(make([]byte, 0, 128), `["event"`...)
	for _, text := range [...]string{e.Type, e.Source, e.ID} {
		key, _ = jsontext.AppendQuote(append(key, ','), text)
	}
	return string(append(key, ']'))
}

// deliver publishes the outputs of one message, after all of them were
// checked: a message whose third output can't be published sends none.
// What an earlier try has sent is not sent again.
func (p *Pipeline) deliver(j *journey, outputs []handler.Output) error {
	var room [1]*record.Record // nearly every message has one output
	records := room[:0]
	if len(outputs) > 1 {
		p.topics.Order(topicsOf(outputs))
	}
	for i := range outputs {
		rec, err := p.deliveryRecord(j, &outputs[i])
		if err != nil {
			return err
		}
		if err := p.topics.Ensure(j.ctx, rec.Topic); err != nil {
			return publishFailed(j, &outputs[i], err)
		}
		if tx := j.delivery.Transaction(); tx != nil {
			if err := tx.Refused(rec.Topic); err != nil {
				j.refused++
				return p.refused(j, rec.Topic, &outputs[i], err)
			}
		}
		records = append(records, rec)
	}
	for i, rec := range records {
		at := place{topic: rec.Topic, id: outputs[i].Notification.ID}
		if j.delivered[at] {
			continue
		}
		start := p.now()
		err := p.publish(j, rec)
		if err == nil || handler.IsUnavailable(err) {
			j.sent = true // an unanswered publish may have been written
		}
		if err != nil {
			return p.refused(j, rec.Topic, &outputs[i], err)
		}
		if len(records) > 1 {
			if j.delivered == nil {
				j.delivered = make(map[place]bool, len(records))
			}
			j.delivered[at] = true
		}
		j.delivery.Then(func() {
			p.publishSeconds.Observe(p.now().Sub(start).Seconds())
			p.delivered.Add(1)
			p.deliveredTotal.Inc()
		})
	}
	return nil
}

func topicsOf(outputs []handler.Output) []string {
	names := make([]string, len(outputs))
	for i := range outputs {
		names[i] = outputs[i].Topic
	}
	return names
}

// refused is the error of a publish that failed.
func (p *Pipeline) refused(j *journey, topic string, out *handler.Output, err error) error {
	if errors.Is(err, kafka.ErrTopicMissing) {
		p.topics.Forget(topic) // deleted under us: made again at the next attempt
	}
	return publishFailed(j, out, err)
}

func publishFailed(j *journey, out *handler.Output, err error) error {
	j.step = out.Step.String()
	return handler.Classify(handler.ClassPublish, err)
}

// deliveryRecord is the notification as it goes into its topic.
func (p *Pipeline) deliveryRecord(j *journey, out *handler.Output) (*record.Record, error) {
	bytes := newPacked(&out.Notification)
	own := [...]record.Header{
		{Key: record.HeaderUUID, Value: bytes.text(out.Notification.ID)},
		{Key: record.HeaderContentType, Value: contentTypeJSON},
		{Key: record.HeaderEventID, Value: bytes.text(j.message.Event.ID)},
		{Key: record.HeaderEventType, Value: bytes.text(j.message.Event.Type)},
		{Key: record.HeaderAcceptedAt, Value: bytes.time(j.acceptedAt)},
		{Key: record.HeaderOrigin, Value: bytes.origin(j.origin)},
	}
	rec := &record.Record{
		Topic: out.Topic, Key: bytes.text(out.Key), Value: bytes.json(&out.Notification),
		Headers: make([]record.Header, len(own), len(own)+j.carried()),
	}
	copy(rec.Headers, own[:])
	for _, h := range j.record.Headers {
		if !record.Own(h.Key) {
			rec.Headers = append(rec.Headers, h)
		}
	}
	if size := rec.Size(); size > p.maxBytes {
		return nil, handler.Permanent(publishFailed(j, out,
			fmt.Errorf("the notification has %d bytes, its topic takes %d: shorten its text or data", size, p.maxBytes)))
	}
	return rec, nil
}

// contentTypeJSON is that of a notification. Nobody writes into a header.
var contentTypeJSON = []byte("application/json")

// carried is how many of the record's headers go into a delivery record.
func (j *journey) carried() (n int) {
	for _, h := range j.record.Headers {
		if !record.Own(h.Key) {
			n++
		}
	}
	return n
}

// releaseLater gives the claims back once the poison record stands in its
// topic. What waits for a transaction must not hold up the next one.
func (p *Pipeline) releaseLater(j *journey) {
	if j.delivery.Transaction() == nil {
		p.release(j, j.holds())
		return
	}
	j.delivery.Then(func() { p.releases.Go(func() { p.release(j, j.holds()) }) })
}

// release gives claims back of a journey of which nothing was published: whoever
// sends such an event again is heard.
func (p *Pipeline) release(j *journey, claims []heldClaim) {
	ctx := context.WithoutCancel(j.ctx)
	var err error
	for _, c := range claims {
		if failed := p.claims.Release(ctx, c.key, j.origin); failed != nil {
			err = errors.Join(err, fmt.Errorf("release the claim of %s: %w", c.handler, failed))
		}
	}
	if err != nil {
		// They end by themselves with their windows; until then the origin still passes.
		p.log.Warn("claims that a message needs no longer could not be released",
			"pipeline", p.Name, "origin", j.origin.String(), "error", err)
	}
}

// dropped counts a message that a handler dropped. A redrive that finds its
// place taken by another event is superseded, and says so.
func (p *Pipeline) dropped(j *journey, by dropKey) {
	if by.reason == duplicate && j.redrives > 0 {
		by.reason = "superseded"
		p.log.Warn("a redriven message is superseded: another event has been handled in its place",
			"pipeline", p.Name, "origin", j.origin.String(), "event_id", j.message.Event.ID, "handler", by.handler)
	}
	j.delivery.Then(func() {
		p.droppedTotal.Add(1)
		p.counts.dropped(by)
		p.metrics.dropped.WithLabelValues(p.Name, by.handler, by.reason).Inc()
	})
}
