package kafka

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// assigned is a partition while this member has it. Beside its ending, which
// anybody may see, it belongs to the member's loop.
type assigned struct {
	number int32
	// ctx ends when the partition is taken away; its messages' contexts are its
	// children.
	ctx    context.Context
	cancel context.CancelFunc
	// stopping is closed when the partition is taken away, or the member drains.
	stopping chan struct{}
	stopOnce sync.Once
	lost     atomic.Bool

	before progress // what others had done when the partition came here
	next   int64    // the offset after the last record seen
	end    int64    // the offset after the last record done
	epoch  int32    // the leader's, of the last record done
	open   []*work  // in order of offset, from the first that is not committed
	bound  int64    // records from here on wait for those before; 0: none do
}

func newAssigned(ctx context.Context, number int32, before progress) *assigned {
	p := &assigned{
		number: number, stopping: make(chan struct{}),
		before: before, next: before.offset, end: before.end, epoch: -1,
	}
	p.ctx, p.cancel = context.WithCancel(ctx)
	return p
}

// stop lets no further message begin.
func (p *assigned) stop() { p.stopOnce.Do(func() { close(p.stopping) }) }

// lose gives the partition up: others have it.
func (p *assigned) lose() {
	p.lost.Store(true)
	p.stop()
	p.cancel()
}

// isStopping reports whether stop was called.
func (p *assigned) isStopping() bool {
	select {
	case <-p.stopping:
		return true
	default:
		return false
	}
}

// sleep waits for d; false when the partition stops first.
func (p *assigned) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.stopping:
		return false
	case <-timer.C:
		return true
	}
}

// reaches is the offset after the last record done, with the epoch of that
// record's leader, once what is chosen is committed too. Beside an epoch older
// than the record before it an offset looks like one that was truncated away.
func (p *assigned) reaches() (end int64, epoch int32) {
	end, epoch = p.end, p.epoch
	for _, w := range p.open {
		if w.chosen && w.rec.Offset >= end {
			end, epoch = w.rec.Offset+1, w.epoch
		}
	}
	return end, epoch
}

// progress is how far the partition is once what is chosen is committed too.
func (p *assigned) progress() progress {
	end, _ := p.reaches()
	at := progress{offset: end, end: end}
	for _, w := range p.open {
		if w.rec.Offset < end && !w.done && !w.chosen {
			at.open = append(at.open, w.rec.Offset)
		}
	}
	// What was open when the partition came, and has not been read yet.
	unread, _ := slices.BinarySearch(p.before.open, p.next)
	at.open = append(at.open, p.before.open[unread:]...)
	if len(at.open) > 0 {
		at.offset = at.open[0]
	}
	return at
}

// waits reports whether w can't be committed before others are.
func (p *assigned) waits(w *work) bool { return p.bound > 0 && w.rec.Offset >= p.bound }

// committed notes that what was chosen is.
func (p *assigned) committed() {
	p.bound = 0
	p.end, p.epoch = p.reaches()
	for _, w := range p.open {
		w.done = w.done || w.chosen
	}
	first := slices.IndexFunc(p.open, func(w *work) bool { return !w.done })
	if first < 0 {
		first = len(p.open)
	}
	p.open = slices.Delete(p.open, 0, first)
}
