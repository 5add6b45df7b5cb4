package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// trialFailed is the outcome of a Trial that ends in the poison topic.
const trialFailed = "failed"

// Try says what the pipeline would make of a record of one of its topics, in one
// attempt. It takes no claim, publishes nothing and counts nothing; lookups are
// asked as always.
func (p *Pipeline) Try(ctx context.Context, rec *record.Record) action.Trial {
	t := p.newTrial(p.trial, lookOnly{p.claims})
	t.run(ctx, rec)
	return t.Trial
}

// Rehearse is Try for a store of its own: claims are taken, and given back where
// the pipeline would, so that the next record finds them. saw is told of every
// call of a handler.
func (p *Pipeline) Rehearse(ctx context.Context, rec *record.Record, saw func(handler.Step, handler.Result)) action.Trial {
	t := p.newTrial(p.chain, p.claims)
	t.told = saw
	t.run(ctx, rec)
	if t.Outcome == trialFailed {
		p.release(t.journey, t.journey.holds())
	}
	return t.Trial
}

// trial is a Trial while it is made.
type trial struct {
	action.Trial
	pipeline *Pipeline
	chain    *handler.Chain
	claims   handler.Claims
	told     func(handler.Step, handler.Result)
	journey  *journey
	asked    questions
	parts    map[*handler.Message]part
}

// part is one of several messages that were made of the event.
type part struct {
	name string // as "2 of 3"
	data []byte // as it was shown last
}

// maxTrialSteps bounds what is told of an event that goes to thousands of people.
const maxTrialSteps = 500

func (p *Pipeline) newTrial(chain *handler.Chain, claims handler.Claims) *trial {
	t := &trial{pipeline: p, chain: chain, claims: claims, told: func(handler.Step, handler.Result) {}, parts: make(map[*handler.Message]part)}
	t.Pipeline, t.Steps, t.Outputs = p.Name, []action.TrialStep{}, []action.TrialOutput{}
	return t
}

func (t *trial) run(ctx context.Context, rec *record.Record) {
	p := t.pipeline
	ctx, cancel := context.WithTimeout(withQuestions(ctx, &t.asked), min(p.retry.Timeout, p.retry.InPlace))
	defer cancel()
	t.journey = p.newJourney(ctx, kafka.NewDelivery(rec, nil, nil))
	defer func() {
		if v := recover(); v != nil {
			t.failed(middleware.RecoveredPanicError{V: v, Stacktrace: string(debug.Stack())})
		}
	}()
	if err := p.decode(t.journey); err != nil {
		t.failed(err)
		return
	}
	t.handle(ctx)
}

// handle is what the pipeline's own does, but that nothing is published.
func (t *trial) handle(ctx context.Context) {
	j := t.journey
	verdict, err := t.claims.Take(ctx, eventClaim(j.message.Event), handler.Claim{
		Origin: j.origin, AcceptedAt: j.acceptedAt, Window: t.pipeline.idempotencyWindow,
	})
	switch {
	case err != nil:
		t.failed(fmt.Errorf("claim the event: %w", err))
		return
	case verdict == handler.Duplicate:
		t.Drops = []action.TrialDrop{{Step: "idempotency", Reason: duplicate}}
		t.Outcome, t.Reason = string(action.Superseded), "another submission of the same event was accepted"
		return
	}
	j.eventClaimed = true
	outputs, drops, failed := t.chain.Watched(t.saw).Run(ctx, j.message, func(step int, _ time.Duration) { j.at = step })
	if failed != nil {
		t.failed(failed)
		return
	}
	t.routed(outputs, drops)
}

// saw notes what a handler did.
func (t *trial) saw(step handler.Step, m *handler.Message, result handler.Result, err error) {
	t.told(step, result)
	asked := t.asked.take()
	if len(t.Steps) == maxTrialSteps {
		t.StepsLeftOut++
		return
	}
	of, ok := t.parts[m]
	if !ok {
		of.data = t.journey.message.Event.Data
	}
	did := action.TrialStep{Step: step.String(), Part: of.name, Values: make(map[string]any, len(m.Values)), Did: "passes it on", Asked: asked}
	made := result.Messages()
	if len(made) == 1 {
		m = made[0]
	}
	for name, value := range m.Values {
		did.Values[name] = shown(value)
	}
	if m.Notification != nil {
		did.Text = m.Notification.Text
	}
	if !bytes.Equal(m.Event.Data, of.data) {
		of.data, did.Data = m.Event.Data, m.Event.Data
	}
	t.parted(of, made)
	switch block := result.Block(); {
	case err != nil:
		did.Did = "fails: " + reasonOf(err)
	case result.Reason() != "":
		did.Did = "drops it: " + result.Reason()
	case len(made) > 1:
		did.Did = fmt.Sprintf("makes %d of it", len(made))
	case len(m.Outputs) > 0:
		did.Did = "routes it to " + m.Outputs[len(m.Outputs)-1].Topic
	case block != nil:
		did.Case, did.Did = block.Label, "sends it through "+block.Label
	case len(step.Blocks) > 0:
		did.Did = "passes it on: no case fits"
	}
	t.Steps = append(t.Steps, did)
}

// parted notes which part of the event each of the messages is that were made of
// another.
func (t *trial) parted(of part, made []*handler.Message) {
	for i, m := range made {
		next := of
		if len(made) > 1 {
			next.name = strings.TrimPrefix(fmt.Sprintf("%s, %d of %d", of.name, i+1, len(made)), ", ")
		}
		t.parts[m] = next
	}
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
	t.journey.failed(err, t.pipeline.chain, t.pipeline.now())
	t.Outcome, t.Class, t.Step, t.Reason = trialFailed, string(classOf(err)), t.journey.step, reasonOf(err)
}

func (t *trial) routed(outputs []handler.Output, drops []handler.Dropped) {
	for i := range outputs {
		rec, err := t.pipeline.deliveryRecord(t.journey, &outputs[i])
		if err != nil {
			t.Outputs = []action.TrialOutput{}
			t.failed(err)
			return
		}
		t.Outputs = append(t.Outputs, action.TrialOutput{Topic: rec.Topic, Key: string(rec.Key), Notification: outputs[i].Notification})
	}
	for _, d := range drops {
		t.Drops = append(t.Drops, action.TrialDrop{Step: d.Step.String(), Reason: d.Reason})
	}
	if len(outputs) > 0 {
		t.Outcome = string(action.Delivered)
		return
	}
	t.Outcome, t.Reason = string(action.Dropped), "not_routed"
	if len(drops) > 0 {
		t.Step, t.Reason = drops[0].Step.String(), drops[0].Reason
	} else {
		t.Drops = []action.TrialDrop{{Step: "pipeline", Reason: t.Reason}}
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
