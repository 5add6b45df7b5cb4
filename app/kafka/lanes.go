package kafka

import (
	"slices"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

// lanes hands work to Watermill's router: that of different keys at once, that
// of one key one after the other. What is acknowledged waits in finished, in
// the order it was, until it is committed.
type lanes struct {
	out   chan<- *message.Message
	slots chan struct{} // bounds the messages handed out and not acknowledged
	wake  func()        // called when there is something to commit
	wg    sync.WaitGroup
	// linger is how long a transaction waits for more, counted from the first
	// that is finished.
	linger time.Duration

	mu       sync.Mutex
	byKey    map[laneKey]*lane
	finished []*work
	bytes    int // of all work taken up and not committed
	count    int // likewise

	// A transaction is not closed while work of its wave is still being done:
	// what had been taken up when its first message was finished. Who is left
	// of an earlier wave is not waited for.
	seq      uint64        // of the work taken up last
	left     uint64        // work up to this one is not waited for
	boundary uint64        // the last work of the wave; 0: none has been finished yet
	wave     int           // work of the wave that is not finished
	fresh    int           // work after left that is not finished
	first    time.Time     // when a message of the wave was finished
	last     time.Time     // likewise
	took     time.Duration // the last transaction
}

// lane is the work of one key.
type lane struct {
	key   laneKey
	queue []*work
}

// laneKey is a record's key, or without a key its partition, so that its order
// stays.
type laneKey struct {
	key       string
	partition int32 // -1 where there is a key
}

func (k laneKey) of(w *work) bool {
	if w.rec.Key == nil {
		return k.partition == w.rec.Partition
	}
	return k.partition < 0 && k.key == string(w.rec.Key)
}

func newLanes(out chan<- *message.Message, wake func()) *lanes {
	return &lanes{out: out, slots: make(chan struct{}, maxInHand), wake: wake, byKey: make(map[laneKey]*lane)}
}

// maxInHand bounds the messages that handlers work on at once.
const maxInHand = 1024

// add takes up work.
func (l *lanes) add(batch []*work) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range batch {
		l.seq++
		w.seq, w.lanes = l.seq, l
		l.fresh++
		l.count++
		l.bytes += w.size()
		l.enqueue(w)
	}
}

// enqueue puts w into its lane, by offset among the work of its partition.
func (l *lanes) enqueue(w *work) {
	at := l.laneOf(w)
	place := len(at.queue)
	for place > 0 && at.queue[place-1].part == w.part && at.queue[place-1].rec.Offset > w.rec.Offset {
		place--
	}
	at.queue = slices.Insert(at.queue, place, w)
}

// laneOf is w's lane, which begins to run if there was none.
func (l *lanes) laneOf(w *work) *lane {
	partition := int32(-1)
	if w.rec.Key == nil {
		partition = w.rec.Partition
	}
	at, ok := l.byKey[laneKey{string(w.rec.Key), partition}]
	if !ok {
		at = &lane{key: laneKey{string(w.rec.Key), partition}}
		l.byKey[at.key] = at
		l.wg.Go(func() { l.run(at) })
	}
	return at
}

// run works off a lane until it is empty.
func (l *lanes) run(at *lane) {
	for {
		l.mu.Lock()
		if len(at.queue) == 0 {
			delete(l.byKey, at.key)
			l.mu.Unlock()
			return
		}
		w := at.queue[0]
		at.queue = at.queue[1:]
		l.mu.Unlock()

		l.slots <- struct{}{}
		acknowledged := l.hand(w)
		<-l.slots
		l.settle(at, w, acknowledged)
	}
}

// hand gives w to a handler until it is acknowledged; false when its partition
// is lost, or the service stops, before it was.
func (l *lanes) hand(w *work) bool {
	if n := len(w.refusals); n > 1 && !w.part.sleep(backOff(n)) {
		return false
	}
	for {
		if w.part.isStopping() {
			return false
		}
		msg, cancel, d := w.deliver()
		acknowledged, gone := l.offer(w, msg)
		w.settle()
		cancel()
		switch {
		case gone:
			return false
		case acknowledged && !d.Abandoned():
			return true
		}
		if !w.part.sleep(nackPause) {
			return false
		}
	}
}

// nackPause is how soon a message comes again that was not acknowledged, as in
// watermill-kafka. A pipeline makes longer pauses itself.
const nackPause = 100 * time.Millisecond

// offer waits for somebody to take msg, and then for the acknowledgement.
func (l *lanes) offer(w *work, msg *message.Message) (acknowledged, gone bool) {
	select {
	case l.out <- msg:
	case <-w.part.stopping:
		return false, true
	}
	select {
	case <-msg.Acked():
		return true, false
	case <-msg.Nacked():
		return false, false
	case <-w.part.ctx.Done():
		return false, true
	}
}

// settle notes how w's delivery ended.
func (l *lanes) settle(at *lane, w *work, acknowledged bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !acknowledged || w.part.lost.Load():
		l.forget(w)
	case len(at.queue) > 0 && at.queue[0].part == w.part && at.queue[0].rec.Offset < w.rec.Offset:
		l.enqueue(w) // one before it has come back meanwhile: the order stays
		return
	default:
		l.finished = append(l.finished, w)
		l.last = time.Now()
	}
	l.fewer(w)
	if len(l.finished) == 1 && l.boundary == 0 {
		l.begin()
		l.wake()
	} else if l.wave == 0 {
		l.wake()
	}
}

// pass lets no transaction wait for w any longer.
func (l *lanes) pass(w *work) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fewer(w)
	if l.wave == 0 && len(l.finished) > 0 {
		l.wake()
	}
}

// fewer counts w, once, out of those that are being worked on.
func (l *lanes) fewer(w *work) {
	if w.passed || w.seq <= l.left {
		return
	}
	w.passed = true
	l.fresh--
	if l.boundary > 0 && w.seq <= l.boundary {
		l.wave--
	}
}

// forget lets go of work that is another member's now.
func (l *lanes) forget(w *work) {
	l.count--
	l.bytes -= w.size()
}

// ready reports whether a transaction should be made of what is finished, and
// otherwise when to ask again; 0 when wake will tell.
func (l *lanes) ready(limit int, now time.Time) (bool, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.finished)
	if n == 0 {
		return false, 0
	}
	if wait := l.first.Add(l.linger).Sub(now); wait > 0 && n < limit {
		return false, wait
	}
	if l.wave <= 0 || n >= limit {
		return true, 0
	}
	until := l.last.Add(lull)
	if latest := l.first.Add(maxLull); latest.Before(until) {
		until = latest
	}
	if l.wave > max(len(l.finished), backlog) { // large transactions cost it less
		until = l.first.Add(min(patienceFactor*l.took, maxPatience))
	}
	wait := until.Sub(now)
	return wait <= 0, wait
}

const (
	// lull is how long a transaction waits for the rest of its wave after the
	// last message was finished, and maxLull after the first: with one every
	// millisecond there is no lull.
	lull    = time.Millisecond
	maxLull = 3 * time.Millisecond
	// backlog is how many messages are one. Fewer may all be failing ones, which
	// wait for their next attempt: they must not hold up those that are done.
	backlog = 100
	// While most of its wave is missing it waits longer, counted from the first:
	// so many times what the last one took, or else this long.
	patienceFactor = 4
	maxPatience    = 500 * time.Millisecond
)

// take removes the first of finished for a transaction, within its bounds. What
// waits for others is passed over: among those behind it may be the others.
func (l *lanes) take(messages, bytes, topics int) (batch []*work) {
	l.mu.Lock()
	defer l.mu.Unlock()
	touched := make(map[string]bool)
	size := 0
	rest := l.finished[:0]
	for i, w := range l.finished {
		if w.part.waits(w) {
			rest = append(rest, w)
			continue
		}
		for _, r := range w.out {
			touched[r.Topic] = true
			size += len(r.Value)
		}
		if len(batch) > 0 && (len(batch) >= messages || size > bytes || len(touched) > topics) {
			rest = append(rest, l.finished[i:]...)
			break
		}
		batch = append(batch, w)
	}
	clear(l.finished[len(rest):])
	l.finished = rest
	l.close()
	return batch
}

// hurry lets no transaction wait for more.
func (l *lanes) hurry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.linger = 0
}

// close ends a wave; what is finished already begins the next one.
func (l *lanes) close() {
	if l.boundary > 0 {
		l.fresh -= l.wave
		l.left = l.boundary
	}
	l.boundary, l.wave = 0, 0
	if len(l.finished) > 0 {
		l.begin()
	}
}

// begin begins a wave: all that has been taken up.
func (l *lanes) begin() { l.boundary, l.wave, l.first = l.seq, l.fresh, time.Now() }

// putBack returns a batch that was not committed to the head of finished.
func (l *lanes) putBack(batch []*work) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finished = slices.Concat(batch, l.finished)
	if l.boundary == 0 {
		l.begin()
	}
}

// handAgain has w handed out again, and after it whatever of its lane was
// finished later: the order stays.
func (l *lanes) handAgain(w *work) {
	l.mu.Lock()
	defer l.mu.Unlock()
	again := []*work{w}
	at := l.laneOf(w)
	l.finished = slices.DeleteFunc(l.finished, func(other *work) bool {
		later := other.part == w.part && other.rec.Offset > w.rec.Offset && at.key.of(other)
		if later {
			again = append(again, other)
		}
		return later
	})
	for _, w := range again {
		l.seq++
		w.seq, w.passed = l.seq, false
		l.fresh++
		l.enqueue(w)
	}
}

// committed lets go of a batch, whose transaction took so long.
func (l *lanes) committed(batch []*work, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = took
	for _, w := range batch {
		l.forget(w)
	}
}

// dropLost forgets what is finished of partitions that are lost.
func (l *lanes) dropLost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finished = slices.DeleteFunc(l.finished, func(w *work) bool {
		lost := w.part.lost.Load()
		if lost {
			l.forget(w)
		}
		return lost
	})
	if len(l.finished) == 0 && l.boundary > 0 {
		l.close()
	}
}

// reset forgets everything, which is lost: what is finished, and what was in a
// transaction when the session failed.
func (l *lanes) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finished, l.count, l.bytes = nil, 0, 0
	l.boundary, l.wave, l.fresh = 0, 0, 0
}

// room is how much more may be taken up.
func (l *lanes) room(messages, bytes int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bytes >= bytes {
		return 0
	}
	return max(0, messages-l.count)
}

// idle reports whether nothing is being worked on and nothing can be committed.
func (l *lanes) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.byKey) == 0 && !slices.ContainsFunc(l.finished, func(w *work) bool { return !w.part.waits(w) })
}
