package handlers

import (
	"context"
	"errors"
	"time"

	"github.com/trieungochai/kafka-notify/handlers/expr"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func init() { handler.Register(Deduplicate) }

// DeduplicateConfig is what deduplicate takes.
type DeduplicateConfig struct {
	Key    *expr.Template `yaml:"key,required" doc:"what makes two messages the same"`
	Window time.Duration  `yaml:"window,required" doc:"how far apart two events have to be accepted for both to count"`
}

// Deduplicate drops, with the reason "duplicate", a message whose key was claimed by another event
// that was accepted less than the window apart. A retry, a redelivery or a redrive of the same event
// is no duplicate: the claim belongs to the event's origin.
//
// A claim is known in its pipeline by the text of the key's template and the key. So two
// deduplicates of one pipeline are independent of each other unless they say the same, and the
// claims survive when handlers are added, removed or moved around them.
var Deduplicate = handler.Type[DeduplicateConfig]{
	Name:    "deduplicate",
	Summary: "Drops a message that repeats an earlier one within a time window.",
	Doc: `
The first event with a key claims it. A message whose key another event has claimed, accepted less
than the window before, is dropped with the reason "duplicate". A retry, a redelivery or a redrive of
the same event is no duplicate. When the message that claimed it is dropped or poisoned later on, with
nothing delivered, the key is free again.

Claims belong to the pipeline and to the text of the template: two deduplicates of one pipeline are
independent of each other unless they say the same. A key that is empty or can't be evaluated is an
error of the class expression, which is not tried again. While the store of claims is out of reach the
pipeline waits. It declares no names.
`,
	Example: `
- deduplicate: {key: "{data.follower_id} follows {data.followee_id}", window: 24h}
`,
	New: func(c DeduplicateConfig, b *handler.Build) (handler.Handler, error) {
		if c.Window <= 0 {
			b.Fault(b.Node().Get("window").Faultf("window must be longer than 0s"))
		}
		if b.Claims == nil {
			return nil, errors.New("there is no store to keep claims in")
		}
		b.Guards()
		b.Drops("duplicate")
		b.Brief("once in %s", b.Written("window"))
		return &deduplicate{key: newClaimKey("deduplicate", c.Key, ""), window: c.Window, claims: b.Claims}, nil
	},
}

type deduplicate struct {
	key    claimKey
	window time.Duration
	claims handler.Claims
}

// Handle implements handler.Handler.
func (d *deduplicate) Handle(ctx context.Context, m *handler.Message) (handler.Result, error) {
	claim, err := d.key.of(m)
	if err != nil {
		return handler.Result{}, handler.ExpressionError(err)
	}
	verdict, err := m.Take(ctx, d.claims, Deduplicate.Name, claim, d.window)
	switch {
	case err != nil:
		return handler.Result{}, err
	case verdict == handler.Duplicate:
		return handler.Drop("duplicate"), nil
	default:
		return handler.Next(m), nil
	}
}
