package pipeline

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// journey is what a pipeline knows of one message on its way: what the record
// says of the past, and what has happened to it here.
type journey struct {
	ctx      context.Context // until the message is taken from us; without Timeout's
	delivery *kafka.Delivery
	record   *record.Record
	source   *Source

	origin     handler.Origin
	acceptedAt time.Time
	tier       int // the retry topic the record came from; -1: the source topic
	attempts   int // in all, earlier tiers included
	redrives   int

	message      *handler.Message // decoded once, with the claims its handlers took
	at           int              // the handler that was called last
	step         string           // where it failed: handler type and file:line
	firstFailed  time.Time
	lastFailed   time.Time
	eventClaimed bool
	held         []heldClaim    // by earlier tiers
	sent         bool           // something of it may stand in a topic
	delivered    map[place]bool // where outputs of it do, if it has several

	trial   *pause // which it is tried in; nil if it is no trial
	refused int    // how often it was counted as finished, and then its commit refused
}

// takeBack is how often j was counted as finished before it was, once.
func (j *journey) takeBack() int {
	n := j.refused
	j.refused = 0
	return n
}

// place is where a notification stands.
type place struct{ topic, id string }

// heldClaim is a claim that was taken before the message came into its tier.
// Whether this journey comes to the handler that took it, nobody knows.
type heldClaim struct{ handler, key string }

// byEvent stands for a handler where a claim is the event's own.
const byEvent = "event"

type journeyKey struct{}

func withJourney(ctx context.Context, j *journey) context.Context {
	return context.WithValue(ctx, journeyKey{}, j)
}

func journeyOf(msg *message.Message) *journey {
	j, _ := msg.Context().Value(journeyKey{}).(*journey)
	return j
}

// newJourney reads what the record's headers say. A record of a source topic is
// an origin itself; one of a retry topic names its own, and so its source. If
// that is none of p's any more, decode looks for one that takes the event.
func (p *Pipeline) newJourney(ctx context.Context, d *kafka.Delivery) *journey {
	rec := d.Record
	j := &journey{
		ctx: ctx, delivery: d, record: rec, tier: sourceTier,
		origin:     handler.Origin{Topic: rec.Topic, Partition: rec.Partition, Offset: rec.Offset},
		acceptedAt: rec.Timestamp,
		source:     p.source(rec.Topic),
	}
	if at, err := time.Parse(time.RFC3339Nano, rec.Get(record.HeaderAcceptedAt)); err == nil {
		j.acceptedAt = at
	}
	if j.source != nil {
		j.step = "decode " + j.source.pos
		return j
	}
	j.tier = tierOf(rec.Topic)
	if origin, err := handler.ParseOrigin(rec.Get(record.HeaderOrigin)); err == nil {
		j.origin = origin
	}
	j.source = cmp.Or(p.source(j.origin.Topic), p.Sources[0])
	j.step = "decode " + j.source.pos
	j.attempts, _ = strconv.Atoi(rec.Get(record.HeaderAttempts))
	j.redrives, _ = strconv.Atoi(rec.Get(record.PoisonRedrives))
	j.firstFailed, _ = time.Parse(time.RFC3339Nano, rec.Get(record.PoisonFirstFailedAt))
	for _, h := range rec.Headers {
		if by, key, ok := strings.Cut(string(h.Value), " "); ok && h.Key == record.HeaderClaim {
			j.held = append(j.held, heldClaim{by, key})
		}
	}
	return j
}

// holds are the claims of the journey, those of earlier tiers included.
func (j *journey) holds() []heldClaim {
	if j.message == nil {
		return j.held
	}
	var all []heldClaim
	if j.eventClaimed {
		all = append(all, heldClaim{byEvent, eventClaim(j.message.Event)})
	}
	for _, c := range j.message.Claims {
		all = append(all, heldClaim{c.Handler, c.Key})
	}
	return all
}

// failed notes one failed attempt.
func (j *journey) failed(err error, chain *handler.Chain, now time.Time) {
	j.attempts++
	j.lastFailed = now
	if j.firstFailed.IsZero() {
		j.firstFailed = now
	}
	var failed *handler.StepError
	var panicked middleware.RecoveredPanicError
	switch {
	case errors.As(err, &failed) && failed.Step.Type != "":
		j.step = failed.Step.String()
	case errors.As(err, &panicked) && j.message != nil:
		j.step = chain.Step(j.at).String()
	}
}

// classOf names the kind of an error for operators. A panic has no class of
// its own making.
func classOf(err error) handler.Class {
	var panicked middleware.RecoveredPanicError
	switch {
	case errors.As(err, &panicked):
		return handler.ClassPanic
	default:
		return handler.ClassOf(err)
	}
}

// sleep waits for d; false when the pipeline stops first.
func (j *journey) sleep(d time.Duration) bool {
	j.delivery.Late()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-j.delivery.Stopping:
		return false
	case <-j.ctx.Done():
		return false
	}
}
