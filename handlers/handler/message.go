package handler

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Message is one event on its way through a pipeline's handlers. It belongs to one goroutine.
// It implements expr.Vars: event, data, and the names of Values.
type Message struct {
	Event  *Event
	Origin Origin
	// AcceptedAt is when the service, or another producer, accepted the event.
	AcceptedAt time.Time
	// Pipeline is the pipeline's id.
	Pipeline string
	// Values are the names that handlers declared, such as the records that enrich found.
	Values map[string]any
	// Notification is nil until a handler composed it.
	Notification *Notification
	// Outputs is where a handler puts what is to be published. The chain gives them their ids.
	Outputs []Output
	// Claims are those that the message took and has not released.
	Claims []TakenClaim

	claimed map[string]bool // The keys of Claims, where they are many.

	routed bool     // Whether anything was routed from it, or from the message that it is a copy of.
	root   *Message // The message that Chain.Run was called with, while it runs.
}

// Output is a notification on its way to a topic.
type Output struct {
	Topic        string
	Key          string
	Notification Notification
	// Step is the handler that routed it. The chain sets it.
	Step *Step
}

// TakenClaim is a claim that a message holds.
type TakenClaim struct {
	Key string
	// Handler is the type of the handler that took it.
	Handler string

	claims Claims
}

// ResolveName implements expr.Vars.
func (m *Message) ResolveName(name string) (any, bool) {
	switch name {
	case "event", "data":
		return m.Event.Vars().ResolveName(name)
	default:
		value, ok := m.Values[name]
		return value, ok
	}
}

// Set gives a name its value for the handlers that follow. The name must have been declared with
// Build.Declare.
func (m *Message) Set(name string, value any) {
	if m.Values == nil {
		m.Values = make(map[string]any, 4)
	}
	m.Values[name] = value
}

// Copy returns a message that can go its own way: values, notification and claims are its own, the
// event is shared. Outputs stay behind.
func (m *Message) Copy() *Message {
	c := *m
	c.Values = maps.Clone(m.Values)
	c.Claims, c.claimed = slices.Clone(m.Claims), nil
	c.Outputs = nil
	if m.Notification != nil {
		n := *m.Notification
		c.Notification = &n
	}
	return &c
}

// Take takes a claim on key for the message's origin, and remembers it, so that it is released when
// the message turns out to deliver nothing. handler is the type of the handler that asks; window is
// how far apart two events have to be accepted for both to count. The verdict is Duplicate where
// another origin holds the claim.
func (m *Message) Take(ctx context.Context, claims Claims, handler, key string, window time.Duration) (Verdict, error) {
	return m.TakeOneOf(ctx, claims, handler, key, window, 1)
}

// TakeOneOf takes one of the claims on key that so many origins as limit says may hold within any one
// window, as Take does. The verdict is Duplicate where others hold them all.
func (m *Message) TakeOneOf(ctx context.Context, claims Claims, handler, key string, window time.Duration, limit int) (Verdict, error) {
	verdict, err := claims.Take(ctx, key, Claim{Origin: m.Origin, AcceptedAt: m.AcceptedAt, Window: window, Limit: limit})
	if verdict != Duplicate || err != nil {
		// After an error the claim may be taken all the same. Releasing one that is not does no harm.
		taken := TakenClaim{Key: key, Handler: handler, claims: claims}
		m.remember(taken)
		if m.root != nil {
			m.root.remember(taken)
		}
	}
	if err != nil {
		return 0, fmt.Errorf("take claim: %w", err)
	}
	return verdict, nil
}

// Hold notes a claim that the message took when it was handled before, elsewhere, so that it is
// released as those that it takes now.
func (m *Message) Hold(claims Claims, handler, key string) {
	m.remember(TakenClaim{Key: key, Handler: handler, claims: claims})
}

func (m *Message) remember(taken TakenClaim) {
	if m.holds(taken.Key) {
		return
	}
	m.Claims = append(m.Claims, taken)
	if m.claimed != nil {
		m.claimed[taken.Key] = true
	}
}

// manyClaims is from how many claims on a message looks them up: one that was split may have
// thousands.
const manyClaims = 32

func (m *Message) holds(key string) bool {
	if len(m.Claims) < manyClaims {
		return slices.ContainsFunc(m.Claims, func(c TakenClaim) bool { return c.Key == key })
	}
	if len(m.claimed) != len(m.Claims) {
		m.claimed = make(map[string]bool, 2*len(m.Claims))
		for _, c := range m.Claims {
			m.claimed[c.Key] = true
		}
	}
	return m.claimed[key]
}

// ReleaseClaims releases all claims that the message holds. Those that could not be released stay
// in Claims, and in the error.
func (m *Message) ReleaseClaims(ctx context.Context) error {
	return m.releaseClaims(ctx, func(TakenClaim) bool { return false })
}

// releaseClaims releases the claims that keep does not want.
func (m *Message) releaseClaims(ctx context.Context, keep func(TakenClaim) bool) error {
	var left []TakenClaim
	var errs []error
	for _, c := range m.Claims {
		if keep(c) {
			left = append(left, c)
			continue
		}
		if err := c.claims.Release(ctx, c.Key, m.Origin); err != nil {
			left = append(left, c)
			errs = append(errs, fmt.Errorf("release claim of %s: %w", c.Handler, err))
		}
	}
	m.Claims, m.claimed = left, nil
	return errors.Join(errs...)
}

// Result is what a handler makes of a message: none, one or several. The zero Result is none of
// these, and an error.
type Result struct {
	one    *Message
	block  *Block
	many   []*Message
	reason string
}

// Next passes a message on to the next handler.
func Next(m *Message) Result { return Result{one: m} }

// Enter passes a message on to the handlers of one of the handler's blocks. After the last of them
// it goes on with the next handler.
func Enter(m *Message, into *Block) Result { return Result{one: m, block: into} }

// Many passes several messages on, in this order. Use Message.Copy to make them. At least one is
// needed: for none, say why with Drop.
func Many(ms ...*Message) Result { return Result{many: ms} }

// Drop ends a message on purpose. The reason is counted in a metric: it comes from a small fixed
// set, in snake_case, and never holds anything of the event.
func Drop(reason string) Result { return Result{reason: reason} }

// Messages returns what is passed on, nothing when the message was dropped.
func (r Result) Messages() []*Message {
	if r.one != nil {
		return []*Message{r.one}
	}
	return r.many
}

// Block returns the block that the message enters, nil when it enters none.
func (r Result) Block() *Block { return r.block }

// Reason returns why the message was dropped, "" when it was not.
func (r Result) Reason() string { return r.reason }

func appendInt(dst []byte, i int) []byte { return strconv.AppendInt(dst, int64(i), 10) }
