package pipeline_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// process is one life of the service: the pipeline on Watermill's router, over
// a subscriber that the test moves by hand. Whatever a message does beyond its
// own goroutine is a question that waits for an answer, so one thing happens at
// a time, and in an order that the test decides.
type process struct {
	*world
	pipeline *pipeline.Pipeline
	router   *message.Router
	loops    []*loop
	life     context.Context
	end      context.CancelFunc
	stopping chan struct{}

	mu    sync.Mutex
	dead  bool
	asked []*question
	known map[string]bool // topics that Ensure has seen
}

var errDead = errors.New("the process is dead")

// question is what a message waits for: a claim, the release of one, or how an
// attempt ends.
type question struct {
	kind   string // take, release or meet
	work   *work
	key    string // of the claim; before or after in the handlers
	claim  handler.Claim
	origin handler.Origin
	hung   bool // never answered: the attempt runs into its timeout
	reply  chan answer
}

type answer struct {
	verdict handler.Verdict
	result  handler.Result
	err     error
	panics  bool
}

// ask waits for the answer. It is gone with ctx, or with the process.
func (p *process) ask(ctx context.Context, q *question) answer {
	q.reply = make(chan answer, 1)
	p.mu.Lock()
	if p.dead {
		p.mu.Unlock()
		return answer{err: errDead}
	}
	p.asked = append(p.asked, q)
	p.mu.Unlock()
	select {
	case a := <-q.reply:
		return a
	case <-ctx.Done():
		p.forget(q)
		return answer{err: ctx.Err()}
	}
}

func (p *process) forget(q *question) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = slices.DeleteFunc(p.asked, func(other *question) bool { return other == q })
}

// questions are those open, in an order that no goroutine has a say in.
func (p *process) questions() []*question {
	p.mu.Lock()
	defer p.mu.Unlock()
	open := slices.DeleteFunc(slices.Clone(p.asked), func(q *question) bool { return q.hung })
	slices.SortStableFunc(open, func(a, b *question) int {
		x, y := a.work.rec, b.work.rec
		return cmp.Or(cmp.Compare(x.Topic, y.Topic), cmp.Compare(x.Partition, y.Partition), cmp.Compare(x.Offset, y.Offset), cmp.Compare(a.key, b.key))
	})
	return open
}

// begin starts a process over what the last one has left.
func (w *world) begin() {
	p := &process{world: w, stopping: make(chan struct{}), known: make(map[string]bool)}
	p.life, p.end = context.WithCancel(context.Background())
	p.pipeline = w.compile()
	p.pipeline.Wire(stray{w}, p)
	for tier, topic := range append([]string{p.pipeline.Sources[0].Topic}, p.pipeline.RetryTopics()...) {
		p.loops = append(p.loops, &loop{topic: topic, tier: tier - 1, process: p, out: make(chan *message.Message), lanes: make(map[string]*lane)})
	}
	router, err := p.pipeline.Serve(context.Background(), func(topic string) message.Subscriber {
		at := slices.IndexFunc(p.loops, func(l *loop) bool { return l.topic == topic })
		return p.loops[at]
	})
	if err != nil {
		w.fault("the router does not start: %v", err)
	}
	p.router, w.process = router, p
	w.pump()
}

// kill ends the process as SIGKILL does: nothing that it still does counts.
func (p *process) kill() {
	p.mu.Lock()
	p.dead = true
	for _, q := range p.asked {
		if q.kind == "release" && q.work.committed {
			q.work.leg.travel.leaked = true
		}
		q.reply <- answer{err: errDead}
	}
	p.asked = nil
	p.mu.Unlock()
	close(p.stopping)
	p.end()
	for _, l := range p.loops {
		close(l.out)
	}
	if err := p.router.Close(); err != nil {
		p.fault("the router does not end: %v", err)
	}
	p.pipeline.Released()
}

// pump lets everything run until it waits for a question, for time or for a commit.
func (w *world) pump() {
	for moved := true; moved; {
		synctest.Wait()
		moved = false
		for _, l := range w.process.loops {
			moved = l.collect() || moved
			moved = l.handOut() || moved
		}
	}
}

// Order implements pipeline.Topics: Ensure is quick enough here.
func (p *process) Order([]string) {}

// Ensure implements pipeline.Topics: it makes a topic, and remembers it.
func (p *process) Ensure(_ context.Context, topic string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.dead && !p.known[topic] {
		p.known[topic] = true
		delete(p.deleted, topic)
	}
	return nil
}

// Forget implements pipeline.Topics.
func (p *process) Forget(topic string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.known, topic)
}

// loop is one consumer group: the subscriber of a topic. As in package kafka,
// records of different keys are in work side by side, those of one key one
// after the other, and what is acknowledged waits for a commit.
type loop struct {
	*process
	topic    string
	tier     int // -1: the source
	out      chan *message.Message
	read     int
	waiting  []*work // not due
	lanes    map[string]*lane
	finished []*work
}

type lane struct {
	queue   []*work
	current *work
}

// Subscribe implements message.Subscriber.
func (l *loop) Subscribe(context.Context, string) (<-chan *message.Message, error) { return l.out, nil }

// Close implements message.Subscriber.
func (l *loop) Close() error { return nil }

// enqueue puts w into its lane, by offset.
func (l *loop) enqueue(w *work) {
	at := l.lanes[string(w.rec.Key)]
	if at == nil {
		at = new(lane)
		l.lanes[string(w.rec.Key)] = at
	}
	place, _ := slices.BinarySearchFunc(at.queue, w.rec.Offset, func(other *work, offset int64) int {
		return cmp.Compare(other.rec.Offset, offset)
	})
	at.queue = slices.Insert(at.queue, place, w)
}

// handOut takes up new records, and those due, and hands out what is next of every key.
func (l *loop) handOut() (moved bool) {
	records := l.topics[l.topic]
	for ; l.read < len(records); l.read++ {
		if rec := records[l.read]; !l.done[rec] {
			l.waiting = append(l.waiting, &work{loop: l, rec: rec, leg: l.legs[rec]})
		}
	}
	l.waiting = slices.DeleteFunc(l.waiting, func(w *work) bool {
		due := l.tier < 0 || !pipeline.DueAt(w.rec).After(time.Now())
		if due {
			l.enqueue(w)
		}
		return due
	})
	for _, key := range slices.Sorted(maps.Keys(l.lanes)) {
		if at := l.lanes[key]; at.current == nil && len(at.queue) > 0 {
			at.current, at.queue = at.queue[0], at.queue[1:]
			at.current.deliver()
			moved = true
		}
	}
	return moved
}

// collect takes back what is acknowledged.
func (l *loop) collect() (moved bool) {
	for _, key := range slices.Sorted(maps.Keys(l.lanes)) {
		at := l.lanes[key]
		if at.current == nil {
			continue
		}
		w := at.current
		select {
		case <-w.msg.Acked():
		case <-w.msg.Nacked():
			l.fault("%s is not acknowledged", w)
		default:
			continue
		}
		moved, at.current = true, nil
		w.settle()
		if len(at.queue) > 0 && at.queue[0].rec.Offset < w.rec.Offset {
			l.enqueue(w) // one before it has come back meanwhile
		} else {
			l.finished = append(l.finished, w)
		}
	}
	return moved
}

// inWork are the messages handed out and not finished, by topic and key.
func (p *process) inWork() (list []*work) {
	for _, l := range p.loops {
		for _, key := range slices.Sorted(maps.Keys(l.lanes)) {
			if w := l.lanes[key].current; w != nil {
				list = append(list, w)
			}
		}
	}
	return list
}

// nextDue is when the next record of a tier is due; false when none waits.
func (p *process) nextDue() (next time.Time, waits bool) {
	for _, l := range p.loops {
		for _, w := range l.waiting {
			if due := pipeline.DueAt(w.rec); !waits || due.Before(next) {
				next, waits = due, true
			}
		}
	}
	return next, waits
}

// stray is the publisher beside all transactions: nobody may use it.
type stray struct{ *world }

// Publish implements pipeline.Publisher.
func (s stray) Publish(_ context.Context, rec *record.Record) error {
	s.strays.Add(1)
	return nil
}
