package pipeline_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// later are the tiers of the journeys, inPlace the attempts in each.
var later = []time.Duration{10 * time.Second, time.Minute}

const inPlace = 3

// checkEnd looks at what a message has left behind, and writes it: all its
// notifications, or a hop, or a poison record, or nothing for a reason.
func (w *world) checkEnd(at *work) {
	t, out, fates := at.leg.travel, []*record.Record(nil), []*record.Record(nil)
	for _, rec := range at.out {
		if rec.Topic == poisonTopic+".actions" {
			fates = append(fates, rec)
		} else {
			out = append(out, rec)
		}
	}
	at.out = out
	topics := make([]string, len(out))
	for i, rec := range out {
		topics[i] = rec.Topic
	}
	var end string
	next := &leg{travel: t, tier: max(at.leg.tier, 0) + 1, attempts: at.leg.attempts + at.failures, redrives: at.leg.redrives, firstFailed: at.firstFailed}
	switch {
	case slices.Equal(topics, []string{kafka.UserTopicPrefix + t.to, "audit"}):
		end = "delivered"
		w.checkDelivery(at)
	case len(out) == 1 && out[0].Topic == poisonTopic:
		end = "poisoned"
		w.checkPoison(at, next)
	case len(out) == 1 && strings.HasPrefix(out[0].Topic, "notifications.retry."):
		end = fmt.Sprint("retried in tier ", next.tier)
		w.checkHop(at, next)
		t.open++
	case len(out) == 0 && at.ended != "":
		end = at.ended
	default:
		end = "lost"
		w.fault("%s ends with records in %q", at, topics)
	}
	w.checkFate(at, fates, end)
	t.open--
	t.ends = append(t.ends, end)
	w.tell("%s is committed: %s", at, end)
	for _, rec := range out {
		w.write(rec, next)
	}
}

// checkFate looks at what is told of a message that was sent back: once, when it
// has come to an end that is no poison record, and together with that end.
func (w *world) checkFate(at *work, fates []*record.Record, end string) {
	var told, want []string
	for _, rec := range fates {
		a, err := action.Parse(rec)
		if err != nil || a.Message != pipeline.PoisonID(at.leg.travel.origin, "follow") || a.Round != at.leg.redrives-1 {
			w.fault("%s tells %s: %v", at, rec.Value, err)
			return
		}
		told = append(told, string(a.Kind))
	}
	if at.leg.tier >= 0 && at.leg.redrives > 0 {
		switch end {
		case "delivered":
			want = []string{string(action.Delivered)}
		case "duplicate":
			want = []string{string(action.Superseded)}
		case "dropped":
			want = []string{string(action.Dropped)}
		}
	}
	if !slices.Equal(told, want) {
		w.fault("%s ends %s, and tells %q instead of %q", at, end, told, want)
	}
}

func (w *world) checkDelivery(at *work) {
	t := at.leg.travel
	for _, rec := range at.out {
		w.equal(at, rec, record.HeaderOrigin, t.origin.String())
		w.equal(at, rec, record.HeaderEventID, t.id)
		w.equal(at, rec, record.HeaderAcceptedAt, t.accepted.UTC().Format(time.RFC3339Nano))
		w.foreign(at, rec)
	}
	for _, key := range at.taken {
		if !t.twice && !w.claims.holds(key, t.origin) {
			w.fault("%s is delivered, and its claim of %s is gone", at, key)
		}
	}
	t.delivered = append(t.delivered, delivered{at.out[0].Get(record.HeaderUUID), at.rec.Topic, at.rec.Offset})
}

// checkHop looks at a retry record: in the next tier, and due when it should be.
func (w *world) checkHop(at *work, next *leg) {
	rec := at.out[0]
	if next.tier > len(later) {
		w.fault("%s goes to a tier that is none", at)
		return
	}
	next.due = at.lastFailed.Add(later[next.tier-1])
	if want := pipeline.RetryTopic("follow", next.tier); rec.Topic != want {
		w.fault("%s goes to %s instead of %s", at, rec.Topic, want)
	}
	if at.permanent || at.failures != inPlace {
		w.fault("%s leaves for a tier after %d attempts, permanent: %v", at, at.failures, at.permanent)
	}
	w.equal(at, rec, record.HeaderRetryTier, strconv.Itoa(next.tier))
	w.equal(at, rec, record.HeaderRetryDue, next.due.UTC().Format(time.RFC3339Nano))
	w.equal(at, rec, record.HeaderAttempts, strconv.Itoa(next.attempts))
	w.untouched(at, rec)
}

// checkPoison looks at a poison record: at once if permanent, or else after all tiers.
func (w *world) checkPoison(at *work, next *leg) {
	rec, t := at.out[0], at.leg.travel
	if !at.permanent && (at.leg.tier < len(later) || at.failures != inPlace) {
		w.fault("%s is poisoned after %d attempts, and may heal", at, at.failures)
	}
	for name, want := range map[string]string{
		record.PoisonID:            pipeline.PoisonID(t.origin, "follow"),
		record.PoisonClass:         string(at.class),
		record.PoisonAttempts:      strconv.Itoa(next.attempts),
		record.PoisonRedrives:      strconv.Itoa(at.leg.redrives),
		record.PoisonPartition:     strconv.Itoa(int(t.origin.Partition)),
		record.PoisonOffset:        strconv.FormatInt(t.origin.Offset, 10),
		record.TopicPoisoned:       t.origin.Topic,
		record.HandlerPoisoned:     "follow",
		record.SubscriberPoisoned:  "kafka-notify.follow",
		record.PoisonFirstFailedAt: at.firstFailed.UTC().Format(time.RFC3339Nano),
		record.PoisonLastFailedAt:  at.lastFailed.UTC().Format(time.RFC3339Nano),
		record.HeaderRetryTier:     "", record.HeaderRetryDue: "", record.HeaderAttempts: "",
	} {
		w.equal(at, rec, name, want)
	}
	for _, name := range []string{record.ReasonPoisoned, record.PoisonStep, record.PoisonFingerprint} {
		if rec.Get(name) == "" {
			w.fault("%s: the poison record has no %s", at, name)
		}
	}
	if t.size == "huge" && rec.Get(record.PoisonTruncated) == "true" {
		w.foreign(at, rec)
		return
	}
	w.untouched(at, rec)
}

// untouched is what hops and poison records keep as it was.
func (w *world) untouched(at *work, rec *record.Record) {
	if !bytes.Equal(rec.Key, at.rec.Key) || !bytes.Equal(rec.Value, at.rec.Value) {
		w.fault("%s: key or value are not as they were: %q, %q", at, rec.Key, rec.Value)
	}
	w.equal(at, rec, record.HeaderOrigin, at.leg.travel.origin.String())
	w.equal(at, rec, record.HeaderAcceptedAt, at.leg.travel.accepted.UTC().Format(time.RFC3339Nano))
	w.foreign(at, rec)
}

// foreign is what everything keeps: headers that the service doesn't know.
func (w *world) foreign(at *work, rec *record.Record) {
	var got string
	for _, h := range rec.Headers {
		if h.Key == "x" {
			got += string(h.Value)
		}
	}
	if got != "12" {
		w.fault("%s: its headers x are %q", at, got)
	}
}

func (w *world) equal(at *work, rec *record.Record, name, want string) {
	if got := rec.Get(name); got != want {
		w.fault("%s: %s of its record in %s is %q, want %q", at, name, rec.Topic, got, want)
	}
}

// mayHold finds whose claim made at a duplicate. It must be one that is on its
// way or has been somewhere: a claim that its owner should have given back
// makes events vanish.
func (w *world) mayHold(at *work, key string, origin handler.Origin) *travel {
	i := slices.IndexFunc(w.travels, func(t *travel) bool { return t.origin == origin })
	holder := w.travels[i]
	last := ""
	if len(holder.ends) > 0 {
		last = holder.ends[len(holder.ends)-1]
	}
	releasing := slices.ContainsFunc(w.process.questions(), func(q *question) bool {
		return q.kind == "release" && q.work.leg.travel == holder
	})
	if last == "poisoned" && holder.open == 0 && len(holder.delivered) == 0 && !holder.leaked && !releasing {
		w.fault("%s is a duplicate: %s is held by %s, which is in poison", at, key, holder.name)
	}
	return holder
}

// checkAll looks at where everything has ended.
func (w *world) checkAll() {
	for _, t := range w.travels {
		if t.open != 0 {
			w.fault("%s is still on its way: %d records, %q", t.name, t.open, t.ends)
		} else {
			w.checkAccounted(t)
		}
		copies := len(t.delivered)
		if copies > max(1, t.redrives) || copies > 1 && !t.twice {
			w.fault("%s is delivered %d times", t.name, copies)
		}
		poisoned := len(t.ends) > 0 && t.ends[len(t.ends)-1] == "poisoned"
		if held := w.claims.heldBy(t.origin); poisoned && copies == 0 && !t.leaked && len(held) > 0 {
			w.fault("%s is in poison and holds %q", t.name, held)
		}
	}
	w.checkCopies()
	w.checkOrder()
}

// checkAccounted follows who took whose place: to a notification, to the poison
// topic, or to a handler that dropped it.
func (w *world) checkAccounted(t *travel) {
	seen := make(map[*travel]bool)
	for at := t; ; at = at.holder {
		if seen[at] || len(at.ends) == 0 {
			w.fault("%s has vanished: %q", t.name, t.ends)
			return
		}
		seen[at] = true
		if last := at.ends[len(at.ends)-1]; len(at.delivered) > 0 || last == "poisoned" || last == "dropped" {
			return
		}
	}
}

// checkCopies compares all that was delivered: not twice of one event, nor of
// one key of deduplicate, within the window.
func (w *world) checkCopies() {
	for i, a := range w.travels {
		for _, b := range w.travels[:i] {
			same := a.id == b.id || a.key == b.key
			near := a.accepted.Sub(b.accepted).Abs() < window
			if len(a.delivered) > 0 && len(b.delivered) > 0 && same && near && !a.twice && !b.twice {
				w.fault("%s and %s are both delivered: events %s and %s, which say %s and %s", b.name, a.name, b.id, a.id, b.key, a.key)
			}
			if len(a.delivered) > 0 && len(b.delivered) > 0 && (a.id == b.id) != (a.delivered[0].id == b.delivered[0].id) {
				w.fault("the notifications of %s and %s: ids %s and %s", b.name, a.name, b.delivered[0].id, a.delivered[0].id)
			}
		}
	}
}

// checkOrder looks at each person's topic: what came there directly is in order.
func (w *world) checkOrder() {
	for topic, records := range w.topics {
		if !strings.HasPrefix(topic, kafka.UserTopicPrefix) {
			continue
		}
		last := int64(-1)
		for _, rec := range records {
			t := w.legs[rec].travel
			if len(t.delivered) != 1 || t.delivered[0].fromTopic != "events.follow" {
				continue // it took the tiers
			}
			if offset := t.delivered[0].offset; offset <= last {
				w.fault("%s stands in %s behind one accepted after it", t.name, topic)
			} else {
				last = offset
			}
		}
	}
}
