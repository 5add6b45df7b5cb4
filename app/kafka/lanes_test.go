package kafka

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/trieungochai/kafka-notify/app/record"
)

// A message alone is committed at once; of a backlog as much as can be finished
// in a few times what the last transaction took; and a slow message holds up
// what is done for a millisecond.
func TestWhenATransactionIsMade(t *testing.T) {
	const took = 50 * time.Millisecond
	for _, tt := range []struct {
		name            string
		there, finished int
		limit           int
		linger          time.Duration
		after           time.Duration // since the last was finished
		ready           bool
		wait            time.Duration
	}{
		{name: "nothing finished", there: 3},
		{name: "the only one", there: 1, finished: 1, ready: true},
		{name: "all", there: 100, finished: 100, ready: true},
		{name: "all but a slow one", there: 10, finished: 9, wait: lull},
		{name: "all but a slow one, later", there: 10, finished: 9, after: lull, ready: true},
		{name: "a tier's only one", there: 1, finished: 1, linger: took, wait: took},
		{name: "a tier's only one, later", there: 1, finished: 1, linger: took, after: took, ready: true},
		{name: "as many of a tier as a transaction may have", there: 100, finished: 100, limit: 100, linger: took, ready: true},
		{name: "one of many that fail", there: 100, finished: 1, wait: lull},
		{name: "one of many that fail, later", there: 100, finished: 1, after: lull, ready: true},
		{name: "the beginning of a backlog", there: 1000, finished: 100, after: lull, wait: patienceFactor*took - lull},
		{name: "a backlog that has waited", there: 1000, finished: 100, after: patienceFactor * took, ready: true},
		{name: "most of a backlog", there: 1000, finished: 501, after: lull, ready: true},
		{name: "as many as a transaction may have", there: 1000, finished: 100, limit: 100, ready: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, hand := newTestLanes(t, tt.there)
				l.took, l.linger = took, tt.linger
				acknowledge(hand(tt.finished))
				synctest.Wait()
				limit := tt.limit
				if limit == 0 {
					limit = 10_000
				}
				ready, wait := l.ready(limit, time.Now().Add(tt.after))
				if ready != tt.ready || !ready && wait != tt.wait {
					t.Errorf("ready %v, or else after %v; want %v, %v", ready, wait, tt.ready, tt.wait)
				}
			})
		})
	}
}

// Nobody waits for a message whose handler waits itself: what is finished is
// committed at once.
func TestNoTransactionWaitsForALateMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, hand := newTestLanes(t, 10)
		woken := make(chan struct{}, 10)
		l.wake = func() { woken <- struct{}{} }
		acknowledge(hand(8))
		synctest.Wait()
		<-woken // the first was finished
		for n, msg := range hand(2) {
			if ready, _ := l.ready(10_000, time.Now()); ready || len(woken) > 0 {
				t.Errorf("ready, or the loop woken, with %d messages in hand", 2-n)
			}
			d := DeliveryFrom(msg.Context())
			d.Late()
			d.Late() // it is counted once
		}
		if ready, _ := l.ready(10_000, time.Now()); !ready || len(woken) == 0 {
			t.Errorf("ready: %v, and the loop was woken %d times; want it ready, and woken", ready, len(woken))
		}
		if batch := l.take(10_000, 1<<20, 1000); len(batch) != 8 {
			t.Errorf("the transaction has %d messages, want 8", len(batch))
		}
	})
}

// newTestLanes has taken up some work, each of a key of its own, and gives a
// function that takes some of it in hand.
func newTestLanes(t *testing.T, n int) (l *lanes, hand func(int) []*message.Message) {
	out := make(chan *message.Message)
	l = newLanes(out, func() {})
	p := newAssigned(context.Background(), 0, progress{})
	var batch []*work
	for i := range n {
		rec := record.Record{Topic: "in", Offset: int64(i), Key: fmt.Append(nil, i)}
		batch = append(batch, &work{part: p, rec: rec})
	}
	l.add(batch)
	t.Cleanup(func() {
		p.lose()
		l.wg.Wait()
	})
	return l, func(n int) (messages []*message.Message) {
		for range n {
			messages = append(messages, <-out)
		}
		return messages
	}
}

func acknowledge(messages []*message.Message) {
	for _, msg := range messages {
		msg.Ack()
	}
}
