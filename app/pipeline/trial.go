package pipeline

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// trialFailed is the outcome of a Trial that ends in the poison topic.
const trialFailed = "failed"

// Try says what the pipeline would make of a record of its retry topic, in one
// attempt. It takes no claim, publishes nothing and counts nothing; lookups are
// asked as always.
func (p *Pipeline) Try(ctx context.Context, rec *record.Record) action.Trial {
	ctx, cancel := context.WithTimeout(ctx, min(p.retry.Timeout, p.retry.InPlace))
	defer cancel()
	t := &trial{pipeline: p, journey: p.newJourney(ctx, kafka.NewDelivery(rec, nil, nil))}
	t.Pipeline, t.Steps, t.Outputs = p.Name, []action.TrialStep{}, []action.TrialOutput{}
	t.run(ctx)
	return t.Trial
}

// trial is a Trial while it is made.
type trial struct {
	action.Trial
	pipeline *Pipeline
	journey  *journey
}

func (t *trial) run(ctx context.Context) {
	p, j := t.pipeline, t.journey
	defer func() {
		if v := recover(); v != nil {
			t.failed(middleware.RecoveredPanicError{V: v, Stacktrace: string(debug.Stack())})
		}
	}()
	if err := p.decode(j); err != nil {
		t.failed(err)
		return
	}
	verdict, err := p.claims.Look(ctx, eventClaim(j.message.Event), handler.Claim{
		Origin: j.origin, AcceptedAt: j.acceptedAt, Window: p.idempotencyWindow,
	})
	switch {
	case err != nil:
		t.failed(fmt.Errorf("claim the event: %w", err))
		return
	case verdict == handler.Duplicate:
		t.Outcome, t.Reason = string(action.Superseded), "another submission of the same event was accepted"
		return
	}
	outputs, drops, failed := p.trial.Watched(t.saw).Run(ctx, j.message, func(step int, _ time.Duration) { j.at = step })
	if failed != nil {
		t.failed(failed)
		return
	}
	t.routed(outputs, drops)
}

// saw notes what a handler did.
func (t *trial) saw(step handler.Step, m *handler.Message, result handler.Result, err error) {
	did := action.TrialStep{Step: step.String(), Values: make(map[string]any, len(m.Values)), Did: "passes it on"}
	for name, value := range m.Values {
		did.Values[name] = shown(value)
	}
	if m.Notification != nil {
		did.Text = m.Notification.Text
	}
	switch {
	case err != nil:
		did.Did = "fails: " + reasonOf(err)
	case result.Reason() != "":
		did.Did = "drops it: " + result.Reason()
	case len(result.Messages()) > 1:
		did.Did = fmt.Sprintf("makes %d of it", len(result.Messages()))
	case len(m.Outputs) > 0:
		did.Did = "routes it to " + m.Outputs[len(m.Outputs)-1].Topic
	}
	t.Steps = append(t.Steps, did)
}

// shown is a value as operators see it: of a person id and name, as everywhere.
func shown(value any) any {
	record, ok := value.(map[string]any)
	if !ok {
		return value
	}
	of := make(map[string]any, 2)
	for _, name := range []string{"id", "name"} {
		if v, ok := record[name]; ok {
			of[name] = v
		}
	}
	return of
}

func (t *trial) failed(err error) {
	t.journey.failed(err, t.pipeline.chain.Steps(), t.pipeline.now())
	t.Outcome, t.Class, t.Step, t.Reason = trialFailed, string(classOf(err)), t.journey.step, reasonOf(err)
}

func (t *trial) routed(outputs []handler.Output, drops []handler.Dropped) {
	for i := range outputs {
		rec, err := t.pipeline.deliveryRecord(t.journey, &outputs[i])
		if err != nil {
			t.failed(err)
			return
		}
		t.Outputs = append(t.Outputs, action.TrialOutput{Topic: rec.Topic, Key: string(rec.Key), Notification: outputs[i].Notification})
	}
	if len(outputs) > 0 {
		t.Outcome = string(action.Delivered)
		return
	}
	t.Outcome, t.Reason = string(action.Dropped), "not_routed"
	if len(drops) > 0 {
		t.Step, t.Reason = drops[0].Step.String(), drops[0].Reason
	}
	if t.Reason == duplicate {
		t.Outcome = string(action.Superseded)
	}
}

// lookOnly are claims that nobody takes: the answer is what Take would say.
type lookOnly struct{ handler.Claims }

// Take implements handler.Claims.
func (l lookOnly) Take(ctx context.Context, key string, by handler.Claim) (handler.Verdict, error) {
	return l.Look(ctx, key, by)
}

// Release implements handler.Claims.
func (lookOnly) Release(context.Context, string, handler.Origin) error { return nil }
