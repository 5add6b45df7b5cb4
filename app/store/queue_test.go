package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// slow is a database that works on a batch until it is told to be done.
type slow struct {
	begun chan []string // the ids of a batch
	done  chan struct{}
}

func (d slow) commit(batch []*request, _ time.Time) {
	ids := make([]string, len(batch))
	for i, r := range batch {
		ids[i] = string(r.id)
		r.verdict = handler.Taken
	}
	d.begun <- ids
	<-d.done
}

func (slow) close() error { return nil }

func withSlow(t *testing.T, test func(*testing.T, *Store, slow)) {
	synctest.Test(t, func(t *testing.T) {
		d := slow{make(chan []string), make(chan struct{})}
		s := newStore(d, 1, time.Now)
		test(t, s, d)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func nothing(entry, time.Time) change { return change{} }

func TestWhatWaitsSharesABatch(t *testing.T) {
	withSlow(t, func(t *testing.T, s *Store, d slow) {
		var wg sync.WaitGroup
		ask := func(id string) {
			wg.Go(func() {
				if got, err := s.do(t.Context(), []byte(id), nothing); err != nil || got != handler.Taken {
					t.Errorf("%s: %v, %v", id, got, err)
				}
			})
		}
		ask("first")
		if got := <-d.begun; len(got) != 1 {
			t.Errorf("the first batch is %q", got)
		}
		const others = 2 * maxBatch
		for i := range others {
			ask(fmt.Sprint(i))
		}
		synctest.Wait()
		for range 2 {
			d.done <- struct{}{}
			if got := len(<-d.begun); got != maxBatch {
				t.Errorf("%d requests share a batch, want %d", got, maxBatch)
			}
		}
		d.done <- struct{}{}
		wg.Wait()
	})
}

// A caller whose time is over leaves the queue, and nothing is done for it. Once
// its request is begun it hears what became of it.
func TestCallersLeaveTheQueue(t *testing.T) {
	withSlow(t, func(t *testing.T, s *Store, d slow) {
		patient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if got, err := s.do(patient, []byte("begun"), nothing); err != nil || got != handler.Taken {
				t.Errorf("begun: %v, %v", got, err)
			}
		})
		if got := <-d.begun; got[0] != "begun" {
			t.Errorf("the first batch is %q", got)
		}
		wg.Go(func() {
			if _, err := s.do(patient, []byte("deadline"), nothing); !handler.IsUnavailable(err) {
				t.Errorf("a deadline that passes in the queue: %v, want an outage", err)
			}
		})
		stopped, stop := context.WithCancel(t.Context())
		wg.Go(func() {
			if _, err := s.do(stopped, []byte("stopped"), nothing); !errors.Is(err, context.Canceled) || handler.IsUnavailable(err) {
				t.Errorf("a caller that stops: %v, want context.Canceled and no outage", err)
			}
		})
		synctest.Wait()
		stop()
		time.Sleep(2 * time.Second)
		wg.Go(func() {
			if _, err := s.do(t.Context(), []byte("last"), nothing); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		d.done <- struct{}{}
		if got := <-d.begun; len(got) != 1 || got[0] != "last" {
			t.Errorf("the second batch is %q", got)
		}
		d.done <- struct{}{}
		wg.Wait()
	})
}
