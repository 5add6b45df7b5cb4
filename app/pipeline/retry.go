package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// retryPrefix starts the name of every retry topic:
// notifications.retry.<id>.<tier>.
const retryPrefix = "notifications.retry."

// Tiers that are no step of `later`.
const (
	sourceTier  = -1 // the source topic
	redriveTier = 0  // what an operator sends back
)

// RetryTopic is the topic of a retry tier: that of redrives has the id of a
// pipeline, the others that of a source.
func RetryTopic(id string, tier int) string {
	return retryPrefix + id + "." + strconv.Itoa(tier)
}

// ParseRetryTopic is the other way round.
func ParseRetryTopic(topic string) (id string, tier int, ok bool) {
	rest, ok := strings.CutPrefix(topic, retryPrefix)
	dot := strings.LastIndexByte(rest, '.')
	if !ok || dot <= 0 {
		return "", 0, false
	}
	tier, err := strconv.Atoi(rest[dot+1:])
	return rest[:dot], tier, err == nil && tier >= 0
}

// RedriveTopic is where what an operator sends back goes, whatever source it is of.
func (p *Pipeline) RedriveTopic() string { return RetryTopic(p.ID, redriveTier) }

// TierTopics are the retry topics of one of p's sources: those of `later`.
func (p *Pipeline) TierTopics(s *Source) []string {
	names := make([]string, len(p.retry.Later))
	for n := range names {
		names[n] = RetryTopic(s.ID, n+1)
	}
	return names
}

// RetryTopics are the retry topics of p: redrives, then those of `later`, source
// by source.
func (p *Pipeline) RetryTopics() []string {
	names := []string{p.RedriveTopic()}
	for _, s := range p.Sources {
		names = append(names, p.TierTopics(s)...)
	}
	return names
}

// retryTopicsIn are p's retry topics: those of the file, which have been made by
// now, and those among topics that the file no longer names, which are drained.
// These were of a longer `later`, or of other sources.
func (p *Pipeline) retryTopicsIn(topics map[string]int32) []string {
	names := p.RetryTopics()
	var drained []string
	for topic := range topics {
		if id, _, ok := ParseRetryTopic(topic); ok && slices.Contains(p.ids(), id) && !slices.Contains(names, topic) {
			drained = append(drained, topic)
		}
	}
	slices.SortFunc(drained, func(a, b string) int {
		return cmp.Or(cmp.Compare(tierOf(a), tierOf(b)), strings.Compare(a, b))
	})
	return append(names, drained...)
}

func tierOf(topic string) int {
	if _, tier, ok := ParseRetryTopic(topic); ok {
		return tier
	}
	return sourceTier
}

// later moves a message whose error may heal to the next retry tier, so that
// it holds up nobody behind it. Ours: Watermill has delays for SQL only.
func (p *Pipeline) later(next message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		_, err := next(msg)
		j := journeyOf(msg)
		tier := max(j.tier, redriveTier) + 1
		if err == nil || noVerdict(err) || j.ctx.Err() != nil ||
			handler.IsPermanent(err) || tier > len(p.retry.Later) {
			return nil, err
		}
		if !p.mayRetryLater(j, err) {
			return nil, errPaused
		}
		carried, surplus := fit(j.holds())
		if !j.sent {
			p.release(j, surplus)
		}
		rec := p.retryRecord(j, tier, p.now().Add(p.retry.Later[tier-1]), carried)
		switch publishErr := p.insist(j, rec); {
		case errors.Is(publishErr, errStopping):
			return nil, errStopping
		case publishErr != nil:
			return nil, handler.Permanent(fmt.Errorf("%w (and its retry topic refused it: %w)", err, publishErr))
		}
		j.delivery.Then(func() {
			p.retried.Add(1)
			p.metrics.retried.WithLabelValues(p.Name, strconv.Itoa(tier)).Inc()
			p.log.Warn("message will be tried again", "pipeline", p.Name, "origin", j.origin.String(),
				"in", p.retry.Later[tier-1], "attempts", j.attempts, "reason", reasonOf(err))
		})
		return nil, nil
	}
}

// claimBytes is what a retry record has room for of the claims of its message: of
// outputOverhead, half.
const claimBytes = outputOverhead / 2

// fit parts claims into those that a retry record carries, so that they are
// given back if the message comes to nothing, and a surplus: that of an event for
// thousands of people. The surplus is given back before the record is written, or
// it could be given back when the next attempt has taken it again. Who takes such
// a claim meanwhile is heard in the place of this message, which is then a
// duplicate.
func fit(held []heldClaim) (carried, surplus []heldClaim) {
	size := 0
	for i, c := range held {
		if size += len(record.HeaderClaim) + len(c.handler) + len(c.key) + headerOverhead; size > claimBytes {
			return held[:i], held[i:]
		}
	}
	return held, nil
}

// headerOverhead is what a header takes besides its key and value, at most.
const headerOverhead = 16

// retryRecord is the record as it came, due later, with claims of its message.
func (p *Pipeline) retryRecord(j *journey, tier int, due time.Time, claims []heldClaim) *record.Record {
	rec := j.record.Copy()
	rec.Topic = RetryTopic(j.source.ID, tier)
	rec.Set(record.HeaderOrigin, j.origin.String())
	rec.Set(record.HeaderAcceptedAt, j.acceptedAt.UTC().Format(time.RFC3339Nano))
	rec.Set(record.HeaderRetryTier, strconv.Itoa(tier))
	rec.Set(record.HeaderRetryDue, due.UTC().Format(time.RFC3339Nano))
	rec.Set(record.HeaderAttempts, strconv.Itoa(j.attempts))
	rec.Set(record.PoisonFirstFailedAt, j.firstFailed.UTC().Format(time.RFC3339Nano))
	rec.Set(record.PoisonRedrives, strconv.Itoa(j.redrives))
	rec.Delete(record.HeaderClaim)
	for _, c := range claims {
		rec.Headers = append(rec.Headers, record.Header{Key: record.HeaderClaim, Value: []byte(c.handler + " " + c.key)})
	}
	return rec
}

// due waits until a retry record may be tried again. The partition waits with
// it: all records of a tier wait equally long, so those behind are due later.
func (p *Pipeline) due(next message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		j := journeyOf(msg)
		if wait := dueAt(j.record).Sub(p.now()); wait > 0 && !j.sleep(wait) {
			return nil, errStopping
		}
		return next(msg)
	}
}

// dueAt is when a retry record may be tried again; the zero time when it
// doesn't say.
func dueAt(rec *record.Record) time.Time {
	at, _ := time.Parse(time.RFC3339Nano, rec.Get(record.HeaderRetryDue))
	return at
}
