package kafka

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/trieungochai/kafka-notify/app/record"
)

// Whatever happens in whatever order, what the transactional subscriber commits
// is each record once, with what its handler published for it, and those of one
// key in order.
//
// The subscriber is the real one, from Subscribe to the last line of commit;
// Kafka is a simulation, and the test acts as the handlers. Everything runs in a
// bubble with a clock of its own, and a step begins when nothing moves any more:
// so the same steps come to the same end, but where two goroutines race for a
// place within one step.
func TestModelOfTransactions(t *testing.T) {
	// The same runs each time; -rapid.seed=N -rapid.checks=10000 makes others.
	atLeast(t, "rapid.checks", 150)
	atLeast(t, "rapid.seed", 1)
	rapid.Check(t, func(rt *rapid.T) {
		p := plans().Draw(rt, "plan")
		trace, failure := play(t, p)
		if failure != "" {
			rt.Logf("what happened:\n%s", strings.Join(trace, "\n"))
			rt.Fatalf("%s", failure)
		}
	})
}

// atLeast raises a number on the command line that nobody has raised.
func atLeast(t *testing.T, name string, n int) {
	t.Helper()
	f := flag.Lookup(name)
	old := f.Value.String()
	var set int
	if _, err := fmt.Sscan(old, &set); err != nil || set >= n || old != f.DefValue {
		return
	}
	if err := f.Value.Set(fmt.Sprint(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Value.Set(old) })
}

// plan is all that a run depends on.
type plan struct {
	partitions, messages, topics int
	metadata                     int  // the longest that an offset may have
	due                          bool // records wait until they are due
	steps                        []step
}

// step is one thing that happens. What a and b choose among is what there is
// when it happens; a step that finds nothing to do does nothing.
type step struct {
	do   action
	a, b int
}

type action int

const (
	submit action = iota
	handle
	pass
	arm
	holdUp
	letGo
	crash
	start
	stop
	move
	kick
	learn
	toggle
)

func (a action) String() string {
	return [...]string{"submit", "handle", "pass", "arm", "holdUp", "letGo", "crash", "start", "stop", "move", "kick", "learn", "toggle"}[a]
}

// GoString is a plan as it stands in Go, to be kept as a test.
func (p plan) GoString() string {
	var b strings.Builder
	fmt.Fprintf(&b, "plan{partitions: %d, messages: %d, topics: %d, metadata: %d, due: %v, steps: []step{", p.partitions, p.messages, p.topics, p.metadata, p.due)
	for _, s := range p.steps {
		fmt.Fprintf(&b, "{%v, %d, %d}, ", s.do, s.a, s.b)
	}
	return strings.TrimSuffix(b.String(), ", ") + "}}"
}

// often says how often each action comes.
var often = map[action]int{
	submit: 24, handle: 30, pass: 12, arm: 8, holdUp: 6, letGo: 8, crash: 2, start: 3, stop: 2, move: 5, kick: 2, learn: 2, toggle: 3,
}

func plans() *rapid.Generator[plan] {
	var actions []action
	for a := submit; a <= toggle; a++ {
		actions = append(actions, slices.Repeat([]action{a}, often[a])...)
	}
	steps := rapid.Custom(func(t *rapid.T) step {
		return step{rapid.SampledFrom(actions).Draw(t, "do"), rapid.IntRange(0, 11).Draw(t, "a"), rapid.IntRange(0, 11).Draw(t, "b")}
	})
	return rapid.Custom(func(t *rapid.T) plan {
		p := plan{
			partitions: rapid.IntRange(1, 3).Draw(t, "partitions"),
			messages:   rapid.SampledFrom([]int{20, 1, 2, 3}).Draw(t, "messages"),
			topics:     rapid.SampledFrom([]int{20, 1, 2}).Draw(t, "topics"),
			metadata:   rapid.SampledFrom([]int{4000, 20, 22}).Draw(t, "metadata"),
			due:        rapid.SampledFrom([]bool{false, false, true}).Draw(t, "due"),
		}
		for range 10 { // one slice has about five, and shrinks to none
			p.steps = append(p.steps, rapid.SliceOfN(steps, 0, 30).Draw(t, "steps")...)
		}
		return p
	})
}

// play carries a plan out, and then lets all that was submitted come to an end.
// It returns what happened, and what is wrong with it.
func play(t *testing.T, p plan) (trace []string, failure string) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // who is first must not depend on the machine
	synctest.Test(t, func(*testing.T) {
		m := newMachine(p)
		defer func() {
			if r := recover(); r != nil {
				m.fail("panic: %v", r)
			}
			m.shutDown()
			trace, failure = m.trace, m.failure
		}()
		m.step("start", func() { m.start(0) })
		for _, s := range p.steps {
			if m.failed() {
				return
			}
			m.do(s)
		}
		m.finish()
	})
	return trace, failure
}

// machine is a run of the model.
type machine struct {
	plan      plan
	sim       *simulation
	processes [2]*process // nil: not running

	mu      sync.Mutex
	trace   []string
	events  []string // of this step: goroutines note them, so their order means nothing
	failure string
	keys    map[position]string   // of what was submitted
	fates   map[position][]string // what is committed for it
	known   map[position]bool     // its process knows
	thens   map[position]int      // how often that was told
}

func newMachine(p plan) *machine {
	m := &machine{
		plan: p, sim: newSimulation(p.partitions), keys: make(map[position]string),
		fates: make(map[position][]string), known: make(map[position]bool), thens: make(map[position]int),
	}
	m.sim.metadata, m.sim.committed, m.sim.fail = p.metadata, m.committed, m.fail
	return m
}

func (m *machine) fail(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure == "" {
		m.failure = fmt.Sprintf(format, args...)
		m.events = append(m.events, "WRONG: "+m.failure)
	}
}

func (m *machine) failed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failure != ""
}

// event notes what has come of the step.
func (m *machine) event(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, fmt.Sprintf(format, args...))
}

// step does something and waits until nothing moves any more.
func (m *machine) step(what string, f func()) {
	if m.failed() {
		return
	}
	m.locked(func() { m.sim.begun = 0 })
	f()
	synctest.Wait()
	m.look()
	m.mu.Lock()
	defer m.mu.Unlock()
	slices.Sort(m.events)
	m.trace = append(m.trace, what)
	for _, e := range m.events {
		m.trace = append(m.trace, "    "+e)
	}
	m.events = nil
}

// process is one of the service.
type process struct {
	machine *machine
	number  int
	t       *Transactional
	// troubled: it has lost partitions, or a session.
	troubled bool // guarded by the simulation's mu
	stopping bool
	gone     chan struct{} // closed when it has ended

	mu      sync.Mutex
	inHand  []*handed
	answers map[position][]string // what its handler published, as acknowledged
}

// handed is a message that a handler has.
type handed struct {
	delivery *Delivery
	ack      func() bool
	nack     func() bool
	ctx      context.Context
	at       position
}

// start starts process number.
func (m *machine) start(number int) {
	p := &process{machine: m, number: number, gone: make(chan struct{}), answers: make(map[position][]string)}
	config := TransactionalConfig{
		Group: "g", Instance: fmt.Sprint(number), Messages: m.plan.messages, Topics: m.plan.topics, metadata: m.plan.metadata,
		connect: func(_ context.Context, member *member) (txSession, error) {
			s, err := m.sim.join(member, p)
			if err != nil {
				return nil, err
			}
			return s, nil
		},
	}
	if m.plan.due {
		start := time.Now()
		config.Due = func(rec *record.Record) time.Time { return start.Add(time.Duration(rec.Offset) * time.Second) }
	}
	p.t = NewTransactional(config)
	messages, err := p.t.Subscribe(context.Background(), simTopic)
	if err != nil {
		return
	}
	m.processes[number] = p
	go func() {
		defer close(p.gone)
		for msg := range messages {
			d := DeliveryFrom(msg.Context())
			p.take(&handed{delivery: d, ack: msg.Ack, nack: msg.Nack, ctx: msg.Context(), at: position{d.Record.Partition, d.Record.Offset}})
		}
	}()
	m.sim.balance()
}

// take gets a message from the subscriber.
func (p *process) take(h *handed) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inHand = append(p.inHand, h)
	delete(p.answers, h.at)
	p.machine.event("process %d has %v in hand", p.number, h.at)
}

// live is what handlers have in hand, in a fixed order.
func (p *process) live() []*handed {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inHand = slices.DeleteFunc(p.inHand, func(h *handed) bool { return h.ctx.Err() != nil })
	slices.SortFunc(p.inHand, func(a, b *handed) int {
		return 1000*int(a.at.partition-b.at.partition) + int(a.at.offset-b.at.offset)
	})
	return slices.Clone(p.inHand)
}

func (p *process) letGo(h *handed) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inHand = slices.DeleteFunc(p.inHand, func(other *handed) bool { return other == h })
}

// answer is what p published for a record, if it has acknowledged it.
func (p *process) answer(at position) ([]string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out, ok := p.answers[at]
	return out, ok
}

// crash ends the process from one moment to the next.
func (p *process) crash() {
	for _, s := range p.sessions() {
		s.die()
	}
	for _, s := range p.t.topics {
		s.cancel()
	}
}

// sessions are those that the process has now.
func (p *process) sessions() (sessions []*simSession) {
	for _, s := range p.t.topics {
		for _, m := range s.members {
			if session, ok := m.session.(*simSession); ok {
				sessions = append(sessions, session)
			}
		}
	}
	return sessions
}
