package api_test

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/poison"
)

// asked is what a console was asked for last.
type asked struct {
	What  string
	ID    string
	Query poison.Query
	Order poison.Order // of other actions than a redrive only selection and reason
	By    action.By
	Value string
}

// console answers from its fields, and remembers what it was asked.
type console struct {
	entries []poison.Entry
	groups  []poison.Group
	jobs    []poison.Job
	refused []poison.Refusal
	preview poison.Preview
	trial   action.Trial
	err     error
	// breaks is after how many entries an export breaks off; 0: it doesn't.
	breaks int

	mu      sync.Mutex
	asked   asked
	open    int
	changed chan struct{}
}

func (c *console) note(a asked) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = a
}

// last is what was asked for last.
func (c *console) last() asked {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

func (c *console) List(_ context.Context, q poison.Query) (poison.Listing, error) {
	c.note(asked{What: "list", Query: q})
	return poison.Listing{Entries: append([]poison.Entry{}, c.entries...), NextCursor: "next", Total: len(c.entries)}, c.err
}

func (c *console) Each(ctx context.Context, q poison.Query, visit func(poison.Entry) error) error {
	c.note(asked{What: "each", Query: q})
	for i, e := range c.entries {
		if c.breaks > 0 && i == c.breaks {
			return context.DeadlineExceeded
		}
		if err := cmp.Or(ctx.Err(), visit(e)); err != nil {
			return err
		}
	}
	return c.err
}

func (c *console) Groups(_ context.Context, q poison.Query) ([]poison.Group, error) {
	c.note(asked{What: "groups", Query: q})
	return append([]poison.Group{}, c.groups...), c.err
}

func (c *console) Get(_ context.Context, id string) (poison.Detail, error) {
	for _, entry := range c.entries {
		if entry.ID == id {
			by := action.By{Name: "rick", Front: "cli"}
			return poison.Detail{Entry: entry, Timeline: []poison.Event{
				{At: now, What: "failed", Class: entry.Class, Step: entry.Step, Reason: entry.Reason, Attempts: 1},
				{At: now, What: "redrive", By: &by, Job: "j", Edited: true, Diff: "-a\n+b\n", Refused: "another was faster"},
			}}, c.err
		}
	}
	return poison.Detail{}, cmp.Or(c.err, fmt.Errorf("look for it: %w", poison.ErrNotFound))
}

func (c *console) Summary(context.Context) (poison.Summary, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return poison.Summary{Open: c.open, Jobs: append([]poison.Job{}, c.jobs...)}, c.err
}

func (c *console) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return c.changed
}

// change sets how many messages are open, and tells so.
func (c *console) change(open int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = open
	if c.changed != nil {
		close(c.changed)
	}
	c.changed = make(chan struct{})
}

func (c *console) Act(_ context.Context, kind action.Kind, s poison.Selection, by action.By, reason string) (poison.Report, error) {
	c.note(asked{What: string(kind), Order: poison.Order{Selection: s, Reason: reason}, By: by})
	return poison.Report{Done: 2, Refused: append([]poison.Refusal{}, c.refused...)}, c.err
}

func (c *console) TryEdit(_ context.Context, id string, value []byte) (poison.EditPreview, error) {
	c.note(asked{What: "try", ID: id, Value: string(value)})
	return poison.EditPreview{Diff: "-a\n+b\n", Trial: c.trial}, c.err
}

func (c *console) Edit(_ context.Context, id string, value []byte, by action.By, reason string) (poison.Job, error) {
	c.note(asked{What: "edit", ID: id, Value: string(value), By: by, Order: poison.Order{Reason: reason}})
	return c.job(), c.err
}

func (c *console) Preview(_ context.Context, o poison.Order) (poison.Preview, error) {
	c.note(asked{What: "preview", Order: o})
	return c.preview, c.err
}

func (c *console) Redrive(_ context.Context, o poison.Order, by action.By) (poison.Job, []poison.Refusal, error) {
	c.note(asked{What: "redrive", Order: o, By: by})
	return c.job(), append([]poison.Refusal{}, c.refused...), c.err
}

func (c *console) Jobs(context.Context) ([]poison.Job, error) {
	return append([]poison.Job{}, c.jobs...), c.err
}

func (c *console) Job(_ context.Context, id string) (poison.Job, error) {
	for _, j := range c.jobs {
		if j.ID == id {
			return j, c.err
		}
	}
	return poison.Job{}, cmp.Or(c.err, fmt.Errorf("%w: %s", poison.ErrNoJob, id))
}

func (c *console) Steer(ctx context.Context, kind action.Kind, id string, by action.By, reason string) (poison.Job, error) {
	c.note(asked{What: string(kind), ID: id, By: by, Order: poison.Order{Reason: reason}})
	return c.Job(ctx, id)
}

// job is the first job, or one that has just begun.
func (c *console) job() poison.Job {
	if len(c.jobs) > 0 {
		return c.jobs[0]
	}
	return poison.Job{ID: "j 1", State: poison.Running, BegunAt: now, Terms: action.Terms{Target: poison.ToPipeline}, Total: 2}
}
