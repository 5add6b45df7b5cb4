package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/google/uuid"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// poisonNamespace makes poison ids; it never changes.
var poisonNamespace = uuid.MustParse("6b0a3c1e-58a4-4f0e-9d43-0d6a0f2f7a51")

// PoisonID is the same for every poison record of one origin in one pipeline,
// so that a record written twice is one entry.
func PoisonID(origin handler.Origin, pipelineID string) string {
	name, _ := json.Marshal([]string{origin.String(), pipelineID})
	return uuid.NewSHA1(poisonNamespace, name).String()
}

// poison writes what the inner chain gave up on to the poison topic. Ours:
// Watermill's PoisonQueue publishes the message's metadata, which has lost
// key, repeated headers and order; it keeps neither attempts nor times nor
// offset; and at shutdown it takes the cancelled context for a bad message.
func (p *Pipeline) poison(next message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		_, err := next(msg)
		j := journeyOf(msg)
		if err == nil || noVerdict(err) || j.ctx.Err() != nil {
			return nil, err
		}
		if !p.mayPoison(j, err) {
			return nil, errPaused
		}
		rec := p.poisonRecord(j, err)
		publishErr := p.insist(j, rec)
		if errors.Is(publishErr, kafka.ErrTooLarge) {
			rec.Value = nil
			rec.Set(record.PoisonTruncated, "true")
			publishErr = p.insist(j, rec)
		}
		w := p.newWait(j)
		defer w.over()
		for publishErr != nil && !errors.Is(publishErr, errStopping) {
			// To let it go would let those behind it pass, none of them committed.
			if !w.again(fmt.Errorf("the poison topic refuses a record: %w", publishErr)) {
				publishErr = errStopping
				break
			}
			publishErr = p.insist(j, rec)
		}
		if publishErr != nil {
			// Not acknowledged: the message is not lost for want of a poison topic.
			return nil, errStopping
		}
		if !j.sent {
			p.releaseLater(j)
		}
		class := classOf(err)
		j.delivery.Then(func() {
			p.poisoned.Add(1)
			p.metrics.poisoned.WithLabelValues(p.Name, string(class)).Inc()
			p.log.Error("message poisoned", "pipeline", p.Name, "class", class, "step", j.step,
				"origin", j.origin.String(), "poison_id", rec.Get(record.PoisonID), "reason", rec.Get(record.ReasonPoisoned))
		})
		return nil, nil
	}
}

// poisonRecord is the record as it stood in its topic, key and value
// untouched, with all that repairing it takes in headers: all of them, none
// empty, replaced and never appended.
func (p *Pipeline) poisonRecord(j *journey, err error) *record.Record {
	rec := j.record.Copy()
	rec.Topic = p.poisonTopic
	for _, name := range record.RetryHeaders {
		rec.Delete(name)
	}
	reason := reasonOf(err)
	class := classOf(err)
	for _, h := range []struct{ name, value string }{
		{record.ReasonPoisoned, reason},
		{record.TopicPoisoned, j.origin.Topic},
		{record.HandlerPoisoned, p.Name},
		{record.SubscriberPoisoned, j.source.Group},
		{record.PoisonID, PoisonID(j.origin, p.ID)},
		{record.PoisonClass, string(class)},
		{record.PoisonStep, j.step},
		{record.PoisonPartition, strconv.Itoa(int(j.origin.Partition))},
		{record.PoisonOffset, strconv.FormatInt(j.origin.Offset, 10)},
		{record.PoisonAttempts, strconv.Itoa(max(1, j.attempts))},
		{record.PoisonFirstFailedAt, j.firstFailed.UTC().Format(time.RFC3339Nano)},
		{record.PoisonLastFailedAt, j.lastFailed.UTC().Format(time.RFC3339Nano)},
		{record.PoisonFingerprint, fingerprint(p.ID, string(class), j.step, reason)},
		{record.PoisonRedrives, strconv.Itoa(j.redrives)},
		{record.HeaderOrigin, j.origin.String()},
		{record.HeaderAcceptedAt, j.acceptedAt.UTC().Format(time.RFC3339Nano)},
	} {
		rec.Set(h.name, h.value)
	}
	return rec
}

// maxReason bounds a reason in bytes.
const maxReason = 1024

// reasonOf is an error as an operator reads it, without the step, which stands
// beside it. A panic's own text is its whole stack; its value and the innermost
// frames say enough.
func reasonOf(err error) string {
	var panicked middleware.RecoveredPanicError
	var failed *handler.StepError
	text := err.Error()
	switch {
	case errors.As(err, &panicked):
		text = fmt.Sprintf("panic: %v at %s", panicked.V, frames(panicked.Stacktrace, 3))
	case errors.As(err, &failed):
		text = failed.Err.Error()
	}
	return record.Text(text, maxReason)
}
