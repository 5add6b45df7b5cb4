package chaos

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Fate is what must become of an event; its data decides it beforehand.
type Fate string

// The fates.
const (
	// Delivered: one notification, in order with the person's others.
	Delivered Fate = "delivered"
	// Retried: one notification, by way of a retry tier and so in no order.
	Retried Fate = "delivered by a retry tier"
	// Poisoned: no notification, and an entry in the poison topic.
	Poisoned Fate = "poisoned"
	// Dropped: nothing at all; the handler `filter` says no.
	Dropped Fate = "dropped by filter"
)

// fateOf spreads the fates over a person's events.
func fateOf(person, seq int) Fate {
	switch (person*7 + seq) % 50 {
	case 0:
		return Poisoned
	case 17:
		return Dropped
	case 33:
		return Retried
	}
	return Delivered
}

// Event is one that somebody submits.
type Event struct {
	ID     string
	Person int
	// Seq counts the person's events from 1.
	Seq  int
	Fate Fate
	// Submitted is when it was first sent, Accepted when its 202 came.
	Submitted, Accepted time.Time
	// Posts is how often it was sent; more than once where no clear answer came.
	Posts int
}

// ledger is what was submitted, and what of it was accepted.
type ledger struct {
	mu     sync.Mutex
	events map[string]*Event
}

func newLedger() *ledger { return &ledger{events: make(map[string]*Event)} }

// submit enters an event before it is sent for the first time.
func (l *ledger) submit(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events[e.ID] = &e
}

// accept enters its 202.
func (l *ledger) accept(id string, at time.Time, posts int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events[id].Accepted, l.events[id].Posts = at, posts
}

// find returns the event of that id.
func (l *ledger) find(id string) (Event, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.events[id]
	if !ok {
		return Event{}, false
	}
	return *e, true
}

// accepted returns the events that have their 202, by person and number.
func (l *ledger) accepted() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []Event
	for _, e := range l.events {
		if !e.Accepted.IsZero() {
			list = append(list, *e)
		}
	}
	slices.SortFunc(list, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.Person, b.Person), cmp.Compare(a.Seq, b.Seq))
	})
	return list
}
