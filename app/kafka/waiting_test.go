package kafka

import (
	"context"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Work comes out when it is due, the earliest first, and that of one partition
// that is due at the same time in its order. What belongs to a partition that
// has stopped never does.
func TestWaiting(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		parts := []*assigned{newAssigned(context.Background(), 0, progress{}), newAssigned(context.Background(), 1, progress{})}
		var q waiting
		var all []*work
		for n, second := range rapid.SliceOf(rapid.IntRange(0, 9)).Draw(t, "due after seconds") {
			w := &work{part: parts[rapid.IntRange(0, 1).Draw(t, "partition")], due: start.Add(time.Duration(second) * time.Second)}
			w.rec.Offset = int64(n)
			all = append(all, w)
		}
		q.add(all)
		if rapid.Bool().Draw(t, "one stops") {
			parts[0].stop()
			q.dropStopping()
			all = slices.DeleteFunc(all, func(w *work) bool { return w.part == parts[0] })
		}
		slices.SortStableFunc(all, func(a, b *work) int { return a.due.Compare(b.due) })

		var got []*work
		for second := range 10 {
			now := start.Add(time.Duration(second) * time.Second)
			if next, there := q.next(); there != (q.len() > 0) || there && next.Before(now) {
				t.Fatalf("the next of %d is due at %v, before %v", q.len(), next, now)
			}
			due := q.takeDue(now)
			if slices.ContainsFunc(due, func(w *work) bool { return !w.due.Equal(now) }) {
				t.Fatalf("something came at %v that was not due then", now)
			}
			got = append(got, due...)
		}
		if !slices.Equal(got, all) {
			t.Fatalf("got %d works, want %d, by due and then by offset", len(got), len(all))
		}
	})
}
