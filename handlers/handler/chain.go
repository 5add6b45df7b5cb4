package handler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trieungochai/kafka-notify/config"
)

func now() time.Time { return time.Now() }

// Chain is the handlers of one pipeline in their order. It is safe for concurrent use.
type Chain struct {
	pipeline string
	steps    []Step
	after    []int // Of each step, the one that a message goes to when it has passed it.
	routes   []Route
	lookups  []string
}

// Routes are the topics that the handlers send notifications to: see Build.Delivers.
func (c *Chain) Routes() []Route { return slices.Clone(c.routes) }

// Lookups are the names of the lookups that the handlers ask, sorted.
func (c *Chain) Lookups() []string { return slices.Clone(c.lookups) }

// Step is one handler in its place.
type Step struct {
	// Index is its place among the steps of its chain.
	Index int
	// Type is the name of the handler's type.
	Type string
	// Pos is where the configuration declares it, Node the name of the type there.
	Pos  config.Pos
	Node Node
	// Uses are where the declared handler types are used in whose definitions it stands, the
	// outermost first.
	Uses    []Use
	Handler Handler
	// Blocks are the handlers inside of it.
	Blocks []*Block
	// Optional says that a message may pass it without entering any of its blocks.
	Optional bool
	// Drops are the reasons that it may have to drop a message: see Build.Drops.
	Drops []string
	// Brief says in a few words what it is set to: see Build.Brief.
	Brief string
	// Lookups are the names of the lookups that it asks, sorted.
	Lookups []string
	// Guards says that it belongs before what delivers: see Build.Guards.
	Guards bool
}

// Use is a place where a declared handler type is used.
type Use struct {
	Type string
	Pos  config.Pos
	Node Node
}

// Faultf returns a fault at the handler, with the places where the types are used that it is a part
// of.
func (s Step) Faultf(format string, args ...any) Fault {
	f := s.Node.Faultf(format, args...)
	for _, u := range slices.Backward(s.Uses) {
		f = f.WithNote(u.Node, "%s is used here", u.Type)
	}
	return f
}

// Name returns the type, behind those that it is a part of, as in "celebrate/compose".
func (s Step) Name() string {
	if len(s.Uses) == 0 {
		return s.Type
	}
	var name strings.Builder
	for _, u := range s.Uses {
		name.WriteString(u.Type + "/")
	}
	return name.String() + s.Type
}

// String returns the type and the place, as in "enrich kafka-notify.yaml:31", and where the types
// are used that it is a part of: "compose like.yaml:9, celebrate like.yaml:31".
func (s Step) String() string {
	text := fmt.Sprintf("%s %s:%d", s.Type, s.Pos.File, s.Pos.Line)
	for _, u := range slices.Backward(s.Uses) {
		text += fmt.Sprintf(", %s %s:%d", u.Type, u.Pos.File, u.Pos.Line)
	}
	return text
}

// Step returns the handler of that index.
func (c *Chain) Step(i int) *Step { return &c.steps[i] }

// Steps returns the handlers in the order of the file: those of its blocks come behind a handler.
func (c *Chain) Steps() []Step {
	if c == nil {
		return nil
	}
	return slices.Clone(c.steps)
}

// Watched returns the same handlers with somebody who sees what each call made of its message.
func (c *Chain) Watched(saw func(step Step, m *Message, result Result, err error)) *Chain {
	watched := *c
	watched.steps = slices.Clone(c.steps)
	for i := range watched.steps {
		step := c.steps[i]
		watched.steps[i].Handler = watchedHandler{step, saw}
	}
	return &watched
}

type watchedHandler struct {
	step Step
	saw  func(Step, *Message, Result, error)
}

// Handle implements Handler.
func (w watchedHandler) Handle(ctx context.Context, m *Message) (Result, error) {
	result, err := w.step.Handler.Handle(ctx, m)
	w.saw(w.step, m, result, err)
	return result, err
}

// Dropped is a message that a handler ended on purpose.
type Dropped struct {
	Step   *Step
	Reason string
}

// StepError is the failure of one handler.
type StepError struct {
	// Step is the handler that failed. It is zero when the event's data can't be decoded, which is
	// before the first handler.
	Step Step
	Err  error
}

// Error returns the step and the error.
func (e *StepError) Error() string {
	if e.Step.Type == "" {
		return e.Err.Error()
	}
	return e.Step.String() + ": " + e.Err.Error()
}

// Unwrap returns the handler's error.
func (e *StepError) Unwrap() error { return e.Err }

// Class returns the class of the handler's error.
func (e *StepError) Class() Class { return ClassOf(e.Err) }

// run is one message, and all that is made of it, on its way through a chain.
type run struct {
	chain    *Chain
	observe  func(step int, took time.Duration)
	root     *Message
	outputs  []Output
	first    place         // Of the first output.
	ordinals map[place]int // Of the next output of a place; nil until there are two outputs.
	dropped  []Dropped
	// inVain says that a message was dropped with nothing routed, kept are the keys of the claims
	// that all other messages hold. There are none before the message was split.
	inVain, split bool
	kept          map[string]bool
}

// place is where an output came from, and for whom it is.
type place struct {
	step      int
	recipient string
}

// Run runs a message through all handlers, and what they make of it, depth first. It returns what
// is to be published, in the order in which it was routed, and what was dropped. observe, which may
// be nil, is told how long each call of a handler took; step is the index of the handler.
//
// After a failure nothing is to be published, and m can be run again: Run changes nothing of it but
// Claims, the claims that were taken for it and are not released. A claim is released here when
// everything that held it was dropped with nothing routed; the others are the caller's to release
// once the message is safely in the poison topic. A panic of a handler passes through.
func (c *Chain) Run(ctx context.Context, m *Message, observe func(step int, took time.Duration)) (outputs []Output, dropped []Dropped, failed *StepError) {
	if _, err := m.Event.Value(); err != nil {
		return nil, nil, &StepError{Err: Classify(ClassDecode, Permanent(err))}
	}
	r := &run{chain: c, observe: observe, root: m}
	first := m.Copy()
	first.root = m
	if failed := r.from(ctx, 0, first); failed != nil {
		return nil, nil, failed
	}
	if failed := r.release(ctx); failed != nil {
		return nil, nil, failed
	}
	return r.outputs, r.dropped, nil
}

// from runs a message through the handlers from the one with index i on.
func (r *run) from(ctx context.Context, i int, m *Message) *StepError {
	for i < len(r.chain.steps) {
		step := &r.chain.steps[i]
		result, err := r.handle(ctx, i, m)
		if err != nil {
			return &StepError{Step: *step, Err: err}
		}
		r.collect(i, m)
		switch {
		case result.one != nil:
			result.one.root, result.one.routed = r.root, result.one.routed || m.routed
			m = result.one
			r.collect(i, m)
			i = r.chain.next(i, result.block)
		case len(result.many) > 0:
			return r.each(ctx, i, m.routed, result.many)
		case result.reason != "":
			r.dropped = append(r.dropped, Dropped{Step: step, Reason: result.reason})
			r.end(m, !m.routed)
			return nil
		default:
			return &StepError{Step: *step, Err: Permanent(errors.New("the handler returned neither a message nor a reason to drop it"))}
		}
	}
	r.end(m, false)
	return nil
}

// Follows tells whether a message can come to handler j after it has been in handler i.
func (c *Chain) Follows(i, j int) bool {
	reached := make([]bool, len(c.steps)+1)
	ahead := []int{i}
	for len(ahead) > 0 {
		at := ahead[0]
		ahead = ahead[1:]
		ways := []int{c.after[at]}
		for _, b := range c.steps[at].Blocks {
			ways = append(ways, c.next(at, b))
		}
		for _, way := range ways {
			if !reached[way] && way < len(c.steps) {
				ahead = append(ahead, way)
			}
			reached[way] = true
		}
	}
	return reached[j]
}

// next is the handler that a message goes to from handler i.
func (c *Chain) next(i int, into *Block) int {
	if into != nil && into.first < into.end {
		return into.first
	}
	return c.after[i]
}

// each runs the messages that handler i made of one through the handlers after it.
func (r *run) each(ctx context.Context, i int, routed bool, messages []*Message) *StepError {
	r.split = true
	for _, m := range messages {
		if m == nil {
			return &StepError{Step: r.chain.steps[i], Err: Permanent(errors.New("the handler returned a message that is nil"))}
		}
		m.root, m.routed = r.root, m.routed || routed
		r.collect(i, m)
		if failed := r.from(ctx, r.chain.after[i], m); failed != nil {
			return failed
		}
	}
	return nil
}

func (r *run) handle(ctx context.Context, i int, m *Message) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, fmt.Errorf("before the handler began: %w", err)
	}
	if r.observe == nil {
		return r.chain.steps[i].Handler.Handle(ctx, m)
	}
	start := time.Now()
	defer func() { r.observe(i, time.Since(start)) }()
	return r.chain.steps[i].Handler.Handle(ctx, m)
}

// collect takes the outputs that handler i left on a message, and gives them their ids.
func (r *run) collect(i int, m *Message) {
	if len(m.Outputs) == 0 {
		return
	}
	e, before := m.Event, len(r.outputs)
	if before == 0 {
		r.outputs = m.Outputs
	} else {
		r.outputs = append(r.outputs, m.Outputs...)
	}
	for j := before; j < len(r.outputs); j++ {
		r.outputs[j].Step = &r.chain.steps[i]
		n := &r.outputs[j].Notification
		ordinal := r.ordinal(j, place{step: i, recipient: n.Recipient.ID})
		n.ID = NotificationID(e.Source, e.ID, e.Type, r.chain.pipeline, n.Recipient.ID, i, ordinal)
	}
	m.Outputs, m.routed = nil, true
}

// ordinal counts the outputs of a place; j counts all. Nearly every event has one output, which
// needs no map.
func (r *run) ordinal(j int, at place) int {
	if j == 0 {
		r.first = at
		return 0
	}
	if r.ordinals == nil {
		r.ordinals = map[place]int{r.first: 1}
	}
	ordinal := r.ordinals[at]
	r.ordinals[at]++
	return ordinal
}

// end notes how a message ended: in vain, or holding its claims.
func (r *run) end(m *Message, inVain bool) {
	if inVain {
		r.inVain = true
		return
	}
	if !r.split {
		return
	}
	for _, c := range m.Claims {
		if r.kept == nil {
			r.kept = make(map[string]bool)
		}
		r.kept[c.Key] = true
	}
}

// release releases the claims that nothing holds any more.
func (r *run) release(ctx context.Context) *StepError {
	if !r.inVain || len(r.root.Claims) == 0 {
		return nil
	}
	err := r.root.releaseClaims(ctx, func(c TakenClaim) bool { return r.kept[c.Key] })
	if err != nil {
		return &StepError{Step: *r.dropped[len(r.dropped)-1].Step, Err: err}
	}
	return nil
}
