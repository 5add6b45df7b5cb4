package pipeline

import (
	"time"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// window counts how messages ended, over a sliding stretch of time: in buckets,
// of which the oldest falls out as a whole.
type window struct {
	width   time.Duration // of one bucket
	buckets [windowBuckets]bucket
}

const windowBuckets = 10

// bucket is what ended in one part of the window.
type bucket struct {
	slot     int64 // which part of all time it is, counted in widths
	finished int   // can fall below zero: what an earlier bucket counted is taken back here
	poisoned int
	causes   map[cause]causeTally
}

// cause is what poisoned messages have in common. There are as many as the file
// has steps, times the classes.
type cause struct {
	class handler.Class
	step  string
}

type causeTally struct {
	messages int
	reason   string // of the last of them
}

// tally is the sum of a window.
type tally struct {
	finished, poisoned int
	cause              cause // the most frequent
	reason             string
}

// share is how many of the finished messages were poisoned, 0 to 1.
func (t tally) share() float64 {
	if t.finished <= 0 {
		return 0
	}
	return float64(t.poisoned) / float64(t.finished)
}

func newWindow(length time.Duration) window {
	return window{width: max(1, length/windowBuckets)}
}

// clear empties the window.
func (w *window) clear() { w.buckets = [windowBuckets]bucket{} }

func (w *window) slot(now time.Time) int64 { return now.UnixNano() / int64(w.width) }

// at is the bucket of now.
func (w *window) at(now time.Time) *bucket {
	slot := w.slot(now)
	b := &w.buckets[uint64(slot)%windowBuckets]
	if b.slot != slot {
		*b = bucket{slot: slot}
	}
	return b
}

// poison counts a poisoned message.
func (b *bucket) poison(c cause, reason string) {
	b.finished++
	b.poisoned++
	if b.causes == nil {
		b.causes = make(map[cause]causeTally)
	}
	b.causes[c] = causeTally{messages: b.causes[c].messages + 1, reason: reason}
}

// sum is what the window holds at now.
func (w *window) sum(now time.Time) tally {
	var t tally
	slot := w.slot(now)
	causes := make(map[cause]int)
	for i := range w.buckets {
		b := &w.buckets[i]
		if b.slot <= slot-windowBuckets || b.slot > slot {
			continue
		}
		t.finished += b.finished
		t.poisoned += b.poisoned
		for c, of := range b.causes {
			if causes[c] += of.messages; causes[c] > causes[t.cause] || c == t.cause {
				t.cause, t.reason = c, of.reason
			}
		}
	}
	// What was taken back may have been counted in a bucket that is out by now.
	t.finished = max(t.finished, t.poisoned)
	return t
}
