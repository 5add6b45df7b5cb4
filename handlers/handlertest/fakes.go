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
	held     map[string]handler.Claim
	released []string
}

var _ handler.Claims = (*MemoryClaims)(nil)

// NewClaims returns a store without claims.
func NewClaims() *MemoryClaims { return &MemoryClaims{held: make(map[string]handler.Claim)} }

// Take implements handler.Claims.
func (c *MemoryClaims) Take(_ context.Context, key string, by handler.Claim) (handler.Verdict, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Err != nil {
		return 0, c.Err
	}
	held, ok := c.held[key]
	if ok && held.Origin != by.Origin && by.AcceptedAt.Sub(held.AcceptedAt).Abs() < by.Window {
		return handler.Duplicate, nil
	}
	if !ok || held.Origin != by.Origin {
		c.held[key] = by
	}
	return handler.Taken, nil
}

// Look implements handler.Claims.
func (c *MemoryClaims) Look(_ context.Context, key string, by handler.Claim) (handler.Verdict, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	held, ok := c.held[key]
	if ok && held.Origin != by.Origin && by.AcceptedAt.Sub(held.AcceptedAt).Abs() < by.Window {
		return handler.Duplicate, c.Err
	}
	return handler.Taken, c.Err
}

// Release implements handler.Claims.
func (c *MemoryClaims) Release(_ context.Context, key string, origin handler.Origin) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Err != nil {
		return c.Err
	}
	if c.held[key].Origin == origin {
		delete(c.held, key)
		c.released = append(c.released, key)
	}
	return nil
}

// Held returns the keys that are claimed, sorted.
func (c *MemoryClaims) Held() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	keys := make([]string, 0, len(c.held))
	for key := range c.held {
		keys = append(keys, key)
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
