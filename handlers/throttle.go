package handlers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trieungochai/kafka-notify/handlers/expr"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func init() { handler.Register(Throttle) }

// ThrottleConfig is what throttle takes.
type ThrottleConfig struct {
	Key    *expr.Template  `yaml:"key,required" doc:"whose messages are counted, such as {recipient.id}"`
	Limit  int             `yaml:"limit,required" doc:"how many messages of one key any window has at most, up to 1000"`
	Window time.Duration   `yaml:"window,required" doc:"how long the window is, by the times at which events are accepted"`
	Over   Over            `yaml:"over" doc:"what becomes of a message over the limit: it is dropped, or handed on, marked"`
	As     handler.NewName `yaml:"as" doc:"with over: mark, what is true for a message over the limit and false for any other"`
}

// Declares implements handler.Declarer.
func (c ThrottleConfig) Declares() []string {
	if c.Over != OverMark {
		return nil
	}
	return []string{string(c.As)}
}

// Over is what becomes of a message over the limit.
type Over string

// The message is dropped, or handed on and marked.
const (
	OverDrop Over = "drop"
	OverMark Over = "mark"
)

// Values implements handler.Enum.
func (Over) Values() []string { return []string{string(OverDrop), string(OverMark)} }

// maxLimit bounds what the store keeps under one key.
const maxLimit = 1000

// Throttle lets at most a number of events of one key through that were accepted within any one
// window. Each that passes holds one of the key's places, as a claim that several origins may hold.
var Throttle = handler.Type[ThrottleConfig]{
	Name:    "throttle",
	Summary: "Lets at most a number of messages of one person through in a time window.",
	Doc: `
At most limit events of one key that were accepted within any one window pass. One over the limit is
dropped with the reason "throttled", or, with over: mark, handed on: as declares a name, which is true
for it and false for the others.

An event that passes holds one of the key's places: a retry, a redelivery or a redrive of it counts
once. The place is given back when the message is dropped later, or poisoned with nothing delivered.
Throttles of one pipeline are independent of each other unless they have the same key, limit and
window. A key that is empty or can't be evaluated is an error of the class expression, which is not
tried again. While the store of claims is out of reach the pipeline waits.
`,
	Example: `
- throttle: {key: "{data.followee_id}", limit: 3, window: 1h, over: mark}
- filter: {when: '!throttled || data.follower_id == "1"'}
- throttle: {key: "{data.followee_id}", limit: 20, window: 24h}
`,
	Default: func() ThrottleConfig { return ThrottleConfig{Over: OverDrop, As: "throttled"} },
	New:     newThrottle,
}

func newThrottle(c ThrottleConfig, b *handler.Build) (handler.Handler, error) {
	if c.Limit < 1 || c.Limit > maxLimit {
		b.Fault(b.Node().Get("limit").Faultf("limit must be from 1 to %d", maxLimit))
	}
	b.Brief("%s in %s", b.Written("limit"), b.Written("window"))
	if c.Window <= 0 {
		b.Fault(b.Node().Get("window").Faultf("window must be longer than 0s"))
	}
	if as := b.Node().Get("as"); c.Over != OverMark && !as.IsZero() {
		b.Fault(as.Faultf("as names the mark, and nothing is marked here").WithHint("add over: mark"))
	}
	if b.Claims == nil {
		return nil, errors.New("there is no store to count in")
	}
	t := &throttle{limit: c.Limit, window: c.Window, claims: b.Claims}
	t.key = newClaimKey("throttle", c.Key, fmt.Sprintf(" at most %d in %s", c.Limit, c.Window))
	if c.Over == OverMark {
		t.as = string(c.As)
	} else {
		b.Guards()
		b.Drops("throttled")
	}
	return t, nil
}

type throttle struct {
	key    claimKey
	limit  int
	window time.Duration
	claims handler.Claims
	as     string // "" where what is over the limit is dropped.
}

// Handle implements handler.Handler.
func (t *throttle) Handle(ctx context.Context, m *handler.Message) (handler.Result, error) {
	claim, err := t.key.of(m)
	if err != nil {
		return handler.Result{}, handler.ExpressionError(fmt.Errorf("key: %w", err))
	}
	verdict, err := m.TakeOneOf(ctx, t.claims, Throttle.Name, claim, t.window, t.limit)
	over := verdict == handler.Duplicate
	switch {
	case err != nil:
		return handler.Result{}, err
	case over && t.as == "":
		return handler.Drop("throttled"), nil
	case t.as != "":
		m.Set(t.as, over)
	}
	return handler.Next(m), nil
}
