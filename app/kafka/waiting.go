package kafka

import (
	"container/heap"
	"slices"
	"time"
)

// waiting is work that is not due yet. A retry tier has a thousand messages of
// it for each one that becomes due: looking at the first is all that a turn of
// the member's loop may cost.
type waiting struct{ byDue dueHeap }

// add takes up work that is due at w.due.
func (q *waiting) add(batch []*work) {
	for _, w := range batch {
		heap.Push(&q.byDue, w)
	}
}

// takeDue removes what is due at now, the earliest first.
func (q *waiting) takeDue(now time.Time) (due []*work) {
	for len(q.byDue) > 0 && !q.byDue[0].due.After(now) {
		due = append(due, heap.Pop(&q.byDue).(*work))
	}
	return due
}

// next is when the next work is due; false when none waits.
func (q *waiting) next() (time.Time, bool) {
	if len(q.byDue) == 0 {
		return time.Time{}, false
	}
	return q.byDue[0].due, true
}

// dropStopping forgets the work of partitions that are lost or stop.
func (q *waiting) dropStopping() {
	q.byDue = slices.DeleteFunc(q.byDue, func(w *work) bool { return w.part.isStopping() })
	heap.Init(&q.byDue)
}

func (q *waiting) len() int { return len(q.byDue) }

// dueHeap implements heap.Interface. What is due at the same time stays in the
// order of its partition.
type dueHeap []*work

func (h dueHeap) Len() int { return len(h) }

func (h dueHeap) Less(i, j int) bool {
	if order := h[i].due.Compare(h[j].due); order != 0 {
		return order < 0
	}
	return h[i].rec.Offset < h[j].rec.Offset
}

func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

func (h *dueHeap) Push(w any) { *h = append(*h, w.(*work)) }

func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	w := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return w
}
