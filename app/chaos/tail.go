package chaos

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// tail follows the delivery topics and the poison topic as they grow. What it
// sees is for waiting and measuring; the checks read the topics anew.
type tail struct {
	client *kgo.Client
	ledger *ledger
	poison string
	done   chan struct{}

	mu       sync.Mutex
	heard    []time.Time // by person: when the latest event was submitted that is delivered
	seen     map[string]bool
	poisoned map[string]bool
	last     time.Time // when something came
}

func startTail(brokers []string, t topics, l *ledger, people int) (*tail, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...),
		kgo.ConsumeTopics(append(t.users(people), t.poison())...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.MetadataMinAge(250*time.Millisecond), kgo.MetadataMaxAge(time.Second), // most topics are still to be made
	)
	if err != nil {
		return nil, fmt.Errorf("follow the delivery topics: %w", err)
	}
	f := &tail{
		client: client, ledger: l, poison: t.poison(), done: make(chan struct{}),
		heard: make([]time.Time, people), seen: make(map[string]bool), poisoned: make(map[string]bool), last: time.Now(),
	}
	go f.follow()
	return f, nil
}

func (f *tail) stop() {
	f.client.Close()
	<-f.done
}

func (f *tail) follow() {
	defer close(f.done)
	for {
		fetches := f.client.PollFetches(context.Background())
		if fetches.IsClientClosed() {
			return
		}
		fetches.EachRecord(func(r *kgo.Record) { f.take(recordOf(r)) })
	}
}

func (f *tail) take(r Record) {
	e, known := f.ledger.find(r.EventID)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = time.Now()
	if r.Topic == f.poison {
		f.poisoned[r.EventID] = true
		return
	}
	f.seen[r.EventID] = true
	if known && e.Fate == Delivered && e.Submitted.After(f.heard[e.Person]) {
		f.heard[e.Person] = e.Submitted
	}
}

// heardSince reports whether everybody has been delivered an event that was
// first submitted after t.
func (f *tail) heardSince(t time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, latest := range f.heard {
		if !latest.After(t) {
			return false
		}
	}
	return true
}

// missing counts the accepted events that have not come to where they must.
func (f *tail) missing(accepted []Event) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range accepted {
		switch e.Fate {
		case Delivered, Retried:
			if !f.seen[e.ID] {
				n++
			}
		case Poisoned:
			if !f.poisoned[e.ID] {
				n++
			}
		}
	}
	return n
}

// quietFor is how long nothing has come.
func (f *tail) quietFor() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Since(f.last)
}
