package kafka

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/trieungochai/kafka-notify/app/record"
)

// lots of keys, "" for a record without one.
var lots = []string{"a", "b", "c", ""}

// long is longer than any pause of the subscriber, and than a few in a row.
const long = time.Minute

// do carries a step out.
func (m *machine) do(s step) {
	what := fmt.Sprintf("%v %d %d", s.do, s.a, s.b)
	switch s.do {
	case submit:
		m.submit(s)
	case handle:
		m.handle(s)
	case pass:
		if s.a%3 == 0 {
			m.step("a minute passes", func() { m.sim.balance(); time.Sleep(long); m.sim.balance() })
		} else {
			m.step("a lull passes", func() { time.Sleep(lull) })
		}
	case arm:
		f := fault(s.a % int(faults))
		m.step("armed: "+f.String(), func() { m.locked(func() { m.sim.armed[f] = true }) })
	case holdUp:
		h := hold(s.a % int(holds))
		m.step("the next transaction stops "+h.String(), func() { m.locked(func() { m.sim.holds[h] = true }) })
	case toggle:
		topic := []string{"audit", "to.a", "to.b", "poison"}[s.a%4]
		m.step("there or not: "+topic, func() { m.locked(func() { m.sim.missing[topic] = !m.sim.missing[topic] }) })
	case move:
		m.step(what, func() { m.move(s.a) })
	case start:
		if p := m.processes[s.a%2]; p == nil {
			m.step(fmt.Sprintf("process %d starts", s.a%2), func() { m.start(s.a % 2) })
		}
	default:
		m.disturb(s)
	}
}

func (m *machine) locked(f func()) {
	m.sim.mu.Lock()
	defer m.sim.mu.Unlock()
	f()
}

// disturb does something to a process.
func (m *machine) disturb(s step) {
	p := m.processes[s.a%2]
	if p == nil {
		return
	}
	switch s.do {
	case crash:
		m.step(fmt.Sprintf("process %d is killed", p.number), func() { p.crash(); <-p.gone; m.processes[p.number] = nil })
	case stop:
		if !p.stopping {
			p.stopping = true
			m.step(fmt.Sprintf("process %d is told to stop", p.number), func() { go func() { _ = p.t.Drain(context.Background()) }() })
		}
	case letGo:
		m.letGo(p)
	case kick:
		for _, s := range p.sessions() {
			m.step(fmt.Sprintf("the group forgets process %d", p.number), s.kick)
		}
	case learn:
		m.learn(p)
	}
}

// letGo lets a transaction go on that stopped.
func (m *machine) letGo(p *process) {
	for _, s := range p.sessions() {
		if s.release() {
			m.step(fmt.Sprintf("process %d goes on", p.number), func() {})
		}
	}
}

// learn has the group tell who it has forgotten.
func (m *machine) learn(p *process) {
	for _, s := range p.sessions() {
		if s.learn() {
			m.step(fmt.Sprintf("process %d learns that it was forgotten", p.number), m.sim.balance)
		}
	}
}

// submit writes one record.
func (m *machine) submit(s step) {
	key := lots[s.a%len(lots)]
	partition := int32(s.a % len(lots) % m.plan.partitions)
	value, gap := "small", int64(0)
	switch s.b {
	case 10:
		value = "large"
	case 11:
		gap = 3
	}
	m.step(fmt.Sprintf("a %s record of key %q", value, key), func() {
		var bytes []byte
		if key != "" {
			bytes = []byte(key)
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		at := m.sim.append(partition, gap, bytes, value)
		m.keys[at] = key
		m.events = append(m.events, "it is "+at.String())
	})
}

// move lets somebody else own a partition.
func (m *machine) move(n int) {
	m.sim.balance()
	m.locked(func() {
		if g := m.sim.group; len(g) > 0 {
			m.sim.assign(int32(n%m.plan.partitions), g[n/m.plan.partitions%len(g)])
		}
	})
}

// handle has a handler end what it is doing.
func (m *machine) handle(s step) {
	var all []*handed
	var whose []*process
	for _, p := range m.processes {
		if p != nil {
			for _, h := range p.live() {
				all, whose = append(all, h), append(whose, p)
			}
		}
	}
	if len(all) > 0 {
		m.end(whose[s.a%len(all)], all[s.a%len(all)], s.b)
	}
}

// end ends a handler's work in one of several ways.
func (m *machine) end(p *process, h *handed, how int) {
	key, tx := m.keys[h.at], h.delivery.Transaction()
	var topics []string
	what := "drops"
	switch how {
	case 0:
	case 1:
		what = "fails at"
	case 2:
		what = "abandons"
	case 3, 4:
		what, topics = "publishes twice for", []string{"to." + key, "audit"}
	default:
		what, topics = "publishes for", []string{"to." + key}
	}
	m.step(fmt.Sprintf("process %d %s %v", p.number, what, h.at), func() {
		p.letGo(h)
		switch how {
		case 1:
			h.nack()
			return
		case 2:
			h.delivery.Abandon()
			h.ack()
			return
		}
		for _, topic := range topics {
			if tx.Refused(topic) != nil {
				topics = []string{"poison"}
				m.event("because %s refused it, into poison", topic)
				break
			}
		}
		p.publish(h, topics)
		h.ack()
	})
}

// publish adds what a handler puts out, and remembers it.
func (p *process) publish(h *handed, topics []string) {
	tx := h.delivery.Transaction()
	var out []string
	for i, topic := range topics {
		value := fmt.Sprintf("%v#%d", h.at, i)
		if string(h.delivery.Record.Value) == "large" && topic != "poison" {
			value += oversize
		}
		out = append(out, topic+" "+value)
		if err := tx.Publish(&record.Record{Topic: topic, Key: h.delivery.Record.Key, Value: []byte(value)}); err != nil {
			p.machine.fail("publish: %v", err)
		}
	}
	tx.Then(func() { p.machine.then(h.at) })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers[h.at] = out
}

// then is called once a record is committed.
func (m *machine) then(at position) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, done := m.fates[at]; !done && m.failure == "" {
		m.failure = fmt.Sprintf("%v is said to be committed, and is not", at)
	}
	m.thens[at]++
}

// told notes that the process knows of a commit.
func (m *machine) told(done []position) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, at := range done {
		m.known[at] = true
	}
}

// committed checks a transaction at the moment it takes place.
func (m *machine) committed(s *simSession, done []position, sent []*kgo.Record) {
	m.event("process %d commits %v with %v", s.process.number, done, values(sent))
	outputs := make(map[string][]string)
	for _, r := range sent {
		at, _, _ := strings.Cut(string(r.Value), "#")
		outputs[at] = append(outputs[at], r.Topic+" "+string(r.Value))
	}
	for _, at := range done {
		want, acknowledged := s.process.answer(at)
		got := outputs[at.String()]
		delete(outputs, at.String())
		switch {
		case !acknowledged:
			m.fail("%v is committed and no handler has acknowledged it", at)
		case !slices.Equal(got, want):
			m.fail("%v is committed with %q, its handler published %q", at, got, want)
		}
		m.mu.Lock()
		m.fates[at] = got
		m.mu.Unlock()
	}
	for at := range outputs {
		m.fail("published for %s, which is not committed with it", at)
	}
	m.inOrder()
}

func values(records []*kgo.Record) (v []string) {
	for _, r := range records {
		v = append(v, r.Topic+" "+string(r.Value))
	}
	return v
}

// inOrder checks that nothing is done before what came before it under its key.
func (m *machine) inOrder() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for at := range m.fates {
		for other, key := range m.keys {
			_, done := m.fates[other]
			if !done && key == m.keys[at] && other.partition == at.partition && other.offset < at.offset && m.failure == "" {
				m.failure = fmt.Sprintf("%v is committed before %v of the same key", at, other)
			}
		}
	}
	last := make(map[string]string)
	for topic, log := range m.sim.logs {
		for _, r := range log {
			lane := orderOf(r.Key, 0) + topic
			if at := fmt.Sprintf("%9s", r.Value); last[lane] > at && m.failure == "" && r.Key != nil {
				m.failure = fmt.Sprintf("in %s %s stands after %s", topic, r.Value, last[lane])
			} else {
				last[lane] = at
			}
		}
	}
}

// orderOf names what a record keeps its order among: its key, or without one
// its partition.
func orderOf(key []byte, partition int32) string {
	if key == nil {
		return fmt.Sprint("partition ", partition)
	}
	return "key " + string(key)
}

// look checks what must hold whenever nothing moves.
func (m *machine) look() {
	for _, p := range m.processes {
		if p == nil {
			continue
		}
		select {
		case <-p.gone:
			m.processes[p.number] = nil
			m.event("process %d has ended", p.number)
			m.endedWell(p)
			continue
		default:
		}
		busy := make(map[string]position)
		for _, h := range p.live() {
			lane := orderOf(h.delivery.Record.Key, h.at.partition)
			if other, twice := busy[lane]; twice {
				m.fail("%v and %v of one key are in hand at once", other, h.at)
			}
			busy[lane] = h.at
			m.locked(func() {
				owner := m.sim.owners[h.at.partition]
				if owner != nil && owner.process == p && m.sim.offsets[h.at.partition].progress().done(h.at.offset) {
					m.fail("%v is in hand, and done", h.at)
				}
			})
		}
	}
}

// endedWell checks that a process that has ended in peace has left no work that
// it finished for others to do again, unless there was no room to say so.
func (m *machine) endedWell(p *process) {
	m.locked(func() {
		if p.troubled || m.plan.metadata < maxMetadata {
			return
		}
		for at := range p.answers {
			if !m.sim.offsets[at.partition].progress().done(at.offset) {
				m.fail("process %d has ended without committing %v, which it had finished", p.number, at)
			}
		}
	})
}

// finish lets everything come to its end without further trouble, and checks it.
func (m *machine) finish() {
	m.step("all faults are over", func() {
		m.locked(func() { clear(m.sim.armed); clear(m.sim.holds); clear(m.sim.missing) })
	})
	for range 3 * (len(m.keys) + 3) {
		if m.failed() || len(m.fates) == len(m.keys) && m.allTold() {
			break
		}
		for n, p := range m.processes {
			if p == nil {
				m.step(fmt.Sprintf("process %d starts", n), func() { m.start(n) })
				continue
			}
			m.letGo(p)
			m.learn(p)
			for _, h := range p.live() {
				m.end(p, h, 5)
			}
		}
		m.step("a minute passes", func() { m.sim.balance(); time.Sleep(long); m.sim.balance() })
	}
	m.step("the end", m.account)
}

func (m *machine) allTold() bool {
	for at := range m.known {
		if m.thens[at] == 0 {
			return false
		}
	}
	return true
}

// account checks that each record has come to one end.
func (m *machine) account() {
	for at := range m.keys {
		if _, done := m.fates[at]; !done {
			m.fail("%v was never committed", at)
		}
		if want := 0; m.known[at] {
			want = 1
			if m.thens[at] != want {
				m.fail("%v: %d calls of Then", at, m.thens[at])
			}
		} else if m.thens[at] != want {
			m.fail("%v: Then is called, and nobody knows whether it is committed", at)
		}
	}
	seen := make(map[string]bool)
	for topic, log := range m.sim.logs {
		for _, r := range log {
			id := topic + " " + string(r.Value)
			if seen[id] {
				m.fail("%s stands twice", id)
			}
			seen[id] = true
		}
	}
}

// shutDown ends whatever still runs.
func (m *machine) shutDown() {
	for _, p := range m.processes {
		if p != nil {
			p.crash()
			<-p.gone
		}
	}
}
