package pipeline

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// StepStatus is a handler in its place, or the use of a declared handler type,
// which has handlers of its own. The counts are of this process, since its start.
type StepStatus struct {
	Type string `json:"type"`
	// At is the file and the line that declare it.
	At string `json:"at"`
	// Brief says in a few words what it is set to, "" where there is little to say.
	Brief string `json:"brief,omitempty"`
	// Lookups are the lookups that it asks, Topics where it sends what it puts out:
	// templates, or "" where only the handler knows.
	Lookups []string `json:"lookups,omitempty"`
	Topics  []string `json:"topics,omitempty"`
	// Calls counts how often it was given a message, further attempts included; of
	// a declared type, its first handler.
	Calls int64 `json:"calls"`
	// Drops are the messages that it has dropped, by its reason.
	Drops []DropStatus `json:"drops,omitempty"`
	// Branches are the ways that a message can take, one of them. They join again
	// behind it.
	Branches []BranchStatus `json:"branches,omitempty"`
	// Steps are what a declared type is made of.
	Steps []StepStatus `json:"steps,omitempty"`
}

// BranchStatus is a way through a handler such as switch.
type BranchStatus struct {
	// Label says when a message takes it.
	Label string       `json:"label"`
	Steps []StepStatus `json:"steps"`
}

// DropStatus counts dropped messages.
type DropStatus struct {
	// Handler is the type that dropped them, or DropIdempotency, or DropPipeline.
	Handler string `json:"handler"`
	Reason  string `json:"reason"`
	Count   int64  `json:"count"`
}

// otherwise labels the way of messages that enter none of a handler's blocks.
const otherwise = "otherwise"

// What drops messages that none of the handlers has dropped: an event that was
// sent before, and handlers that put nothing out.
const (
	DropIdempotency = "idempotency"
	DropPipeline    = "pipeline"
)

// noStep is where a message is dropped by none of its handlers.
const noStep = -1

// counts are what the handlers of a pipeline have done.
type counts struct {
	calls []atomic.Int64 // by step
	drops sync.Map       // from dropKey to *atomic.Int64
}

// dropKey is why a message was dropped.
type dropKey struct {
	step            int
	handler, reason string
}

func (c *counts) dropped(key dropKey) {
	n, ok := c.drops.Load(key)
	if !ok {
		n, _ = c.drops.LoadOrStore(key, new(atomic.Int64))
	}
	n.(*atomic.Int64).Add(1)
}

// of are the drops of one step.
func (c *counts) of(step int) (drops []DropStatus) {
	for k, n := range c.drops.Range {
		if k := k.(dropKey); k.step == step {
			drops = append(drops, DropStatus{Handler: k.handler, Reason: k.reason, Count: n.(*atomic.Int64).Load()})
		}
	}
	return sortDrops(drops)
}

// all are the drops of all steps, by the types of the handlers.
func (c *counts) all() []DropStatus {
	sums := make(map[dropKey]DropStatus)
	for k, n := range c.drops.Range {
		key := k.(dropKey)
		key.step = noStep
		sums[key] = DropStatus{Handler: key.handler, Reason: key.reason, Count: sums[key].Count + n.(*atomic.Int64).Load()}
	}
	return sortDrops(slices.Collect(maps.Values(sums)))
}

func sortDrops(drops []DropStatus) []DropStatus {
	slices.SortFunc(drops, func(a, b DropStatus) int {
		return cmp.Or(cmp.Compare(a.Handler, b.Handler), cmp.Compare(a.Reason, b.Reason))
	})
	return drops
}

// Steps are the handlers of p as they are nested in the file, with their counts.
func (p *Pipeline) Steps() []StepStatus {
	plan := plan{steps: p.chain.Steps(), counts: &p.counts, topics: make(map[int][]string)}
	for _, r := range p.chain.Routes() {
		topic := ""
		if r.Topic != nil {
			topic = r.Topic.Source()
		}
		plan.topics[r.Step] = append(plan.topics[r.Step], topic)
	}
	return plan.list(0, len(plan.steps), nil)
}

// plan makes a tree of the flat list that a chain is.
type plan struct {
	steps  []handler.Step
	topics map[int][]string
	counts *counts
}

// list are the steps from first to end, which stand in a pipeline, in a declared
// type or in a block; around are the uses of declared types that these stand in.
func (l *plan) list(first, end int, around []handler.Use) []StepStatus {
	list := []StepStatus{}
	for i := first; i < end; {
		uses := l.steps[i].Uses
		depth := shared(uses, around)
		if len(uses) == depth {
			list = append(list, l.step(i))
			i = l.next(i)
			continue
		}
		after := i
		for after < end && shared(l.steps[after].Uses, uses) > depth {
			after = l.next(after)
		}
		use := uses[depth]
		list = append(list, StepStatus{
			Type: use.Type, At: fileLine(use.Pos),
			Calls: l.counts.calls[i].Load(), Steps: l.list(i, after, uses[:depth+1]),
		})
		i = after
	}
	return list
}

// step is one handler, with those in its blocks.
func (l *plan) step(i int) StepStatus {
	s := &l.steps[i]
	status := StepStatus{
		Type: s.Type, At: fileLine(s.Pos), Brief: s.Brief, Lookups: s.Lookups, Topics: l.topics[i],
		Calls: l.counts.calls[i].Load(), Drops: l.counts.of(i),
	}
	for _, b := range s.Blocks {
		first, end := b.Steps()
		status.Branches = append(status.Branches, BranchStatus{Label: b.Label, Steps: l.list(first, end, s.Uses)})
	}
	if s.Optional {
		status.Branches = append(status.Branches, BranchStatus{Label: otherwise, Steps: []StepStatus{}})
	}
	return status
}

// next is the step behind i and all that its blocks hold.
func (l *plan) next(i int) int {
	next := i + 1
	for _, b := range l.steps[i].Blocks {
		_, end := b.Steps()
		next = max(next, end)
	}
	return next
}

func fileLine(at config.Pos) string { return fmt.Sprintf("%s:%d", at.File, at.Line) }

// shared is how many uses around two places are the same. Handlers that are given
// as a parameter stand where they are written, outside of the type that takes them.
func shared(a, b []handler.Use) int {
	n := 0
	for n < min(len(a), len(b)) && a[n].Type == b[n].Type && a[n].Pos == b[n].Pos {
		n++
	}
	return n
}
