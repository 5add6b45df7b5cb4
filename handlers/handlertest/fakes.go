package handlertest

import (
	"context"
	"slices"
	"sync"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// Lookup is a fake lookup that remembers what it was asked. It is safe for concurrent use.
type Lookup struct {
	// Records are the answers.
	Records map[string]map[string]any
	// Err, if set, is the answer to every question.
	Err error
	// Before, if set, is called before an answer; its error is the answer.
	Before func(ctx context.Context, key string) error
	// Slow says that the lookup does not answer from memory.
	Slow bool

	mu    sync.Mutex
	asked []string
}

var (
	_ handler.Lookup  = (*Lookup)(nil)
	_ handler.Instant = (*Lookup)(nil)
)

// Users returns a lookup with the four people of the tutorial: 1 Emma, 2 Bruno, 3 Rick, 4 Lena.
func Users() *Lookup {
	return &Lookup{Records: map[string]map[string]any{
		"1": {"name": "Emma"},
		"2": {"name": "Bruno"},
		"3": {"name": "Rick"},
		"4": {"name": "Lena"},
	}}
}

// Get implements handler.Lookup.
func (l *Lookup) Get(ctx context.Context, key string) (map[string]any, bool, error) {
	l.mu.Lock()
	l.asked = append(l.asked, key)
	l.mu.Unlock()
	if l.Before != nil {
		if err := l.Before(ctx, key); err != nil {
			return nil, false, err
		}
	}
	record, ok := l.Records[key]
	return record, ok && l.Err == nil, l.Err
}

// Instant implements handler.Instant.
func (l *Lookup) Instant() bool { return !l.Slow }

// Asked returns the keys in the order in which they were asked for.
func (l *Lookup) Asked() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.asked)
}

// MemoryClaims is a store of claims in memory that behaves like the real one, but forgets nothing.
// It is safe for concurrent use.
type MemoryClaims struct {
	// Err, if set, is the answer to everything.
	Err error

	mu       sync.Mutex
	held     map[string][]handler.Claim
	released []string
}

var _ handler.Claims = (*MemoryClaims)(nil)

// NewClaims returns a store without claims.
func NewClaims() *MemoryClaims { return &MemoryClaims{held: make(map[string][]handler.Claim)} }

// Take implements handler.Claims.
func (c *MemoryClaims) Take(_ context.Context, key string, by handler.Claim) (handler.Verdict, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Err != nil {
		return 0, c.Err
	}
	held := c.held[key]
	switch {
	case holds(held, by.Origin):
		return handler.Taken, nil
	case full(held, by):
		return handler.Duplicate, nil
	}
	c.held[key] = append(held, by)
	return handler.Taken, nil
}

// Look implements handler.Claims.
func (c *MemoryClaims) Look(_ context.Context, key string, by handler.Claim) (handler.Verdict, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if held := c.held[key]; !holds(held, by.Origin) && full(held, by) {
		return handler.Duplicate, c.Err
	}
	return handler.Taken, c.Err
}

func holds(held []handler.Claim, origin handler.Origin) bool {
	return slices.ContainsFunc(held, func(c handler.Claim) bool { return c.Origin == origin })
}

// full tells whether any window that by lies in has as many claims as the limit allows.
func full(held []handler.Claim, by handler.Claim) bool {
	for _, first := range append(slices.Clone(held), by) {
		within := 0
		for _, c := range held {
			if after := c.AcceptedAt.Sub(first.AcceptedAt); after >= 0 && after < by.Window {
				within++
			}
		}
		after := by.AcceptedAt.Sub(first.AcceptedAt)
		if after >= 0 && after < by.Window && within >= max(1, by.Limit) {
			return true
		}
	}
	return false
}

// Release implements handler.Claims.
func (c *MemoryClaims) Release(_ context.Context, key string, origin handler.Origin) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Err != nil {
		return c.Err
	}
	if held := c.held[key]; holds(held, origin) {
		c.held[key] = slices.DeleteFunc(held, func(c handler.Claim) bool { return c.Origin == origin })
		c.released = append(c.released, key)
	}
	return nil
}

// Held returns the keys that are claimed, sorted, each as often as there are origins that hold it.
func (c *MemoryClaims) Held() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	keys := make([]string, 0, len(c.held))
	for key, held := range c.held {
		for range held {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// Released returns the keys that were given up, in order.
func (c *MemoryClaims) Released() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.released)
}
