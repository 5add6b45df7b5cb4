package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// simulation is Kafka as far as members of one group see it: the topic they
// read, the group's offsets and its partitions' owners, the topics they write
// as readers with read_committed see them, and what may go wrong with all that.
// It has no goroutines and no clock of its own.
type simulation struct {
	mu      sync.Mutex
	changed chan struct{} // closed, and made anew, when a poll may find more

	source   [][]*kgo.Record
	offsets  []groupOffset
	owners   []*simSession
	group    []*simSession // in the order joined
	logs     map[string][]*kgo.Record
	missing  map[string]bool
	armed    map[fault]bool // each hits once
	holds    map[hold]bool  // likewise
	metadata int            // the longest that offsets may have
	begun    int            // transactions in this step

	// committed is told of every commit, when it takes place.
	committed func(s *simSession, done []position, sent []*kgo.Record)
	fail      func(format string, args ...any)
}

// groupOffset is what a group has committed for a partition.
type groupOffset struct {
	at       int64 // -1: nothing yet
	metadata string
	pending  *simSession // whose transaction will change it
}

func (o groupOffset) progress() progress {
	if o.at < 0 {
		return progress{}
	}
	return parseProgress(o.at, o.metadata)
}

// fault is what happens to whoever comes next.
type fault int

const (
	abortInstead fault = iota // the coordinator aborts a transaction that was to be committed
	lostRequest               // the commit is not carried out, and nobody says so
	lostAnswer                // it is, and nobody says so
	fenced                    // another producer goes by the same name
	abortFails                // an abort is not answered
	beginFails                // no transaction can be begun
	outage                    // a record can't be sent in time
	pollFails                 // reading ends with an error
	connectFails              // no session can be had
	faults                    // how many there are
)

func (f fault) String() string {
	return [...]string{
		"the coordinator aborts", "a commit's request is lost", "a commit's answer is lost", "the producer is fenced",
		"an abort fails", "a begin fails", "a broker is away", "a poll fails", "connecting fails",
	}[f]
}

// hold is a place in a transaction where it stops until it is let go.
type hold int

const (
	beforeFlush hold = iota // records produced, none answered
	beforeEnd               // all answered
	withOffsets             // the group's offsets are in the transaction, which is not committed
	afterEnd                // it is committed, and the member doesn't know
	holds
)

func (h hold) String() string {
	return [...]string{"before the flush", "before the end", "with its offsets sent", "after the commit"}[h]
}

func newSimulation(partitions int) *simulation {
	sim := &simulation{
		changed: make(chan struct{}), source: make([][]*kgo.Record, partitions), offsets: make([]groupOffset, partitions),
		owners: make([]*simSession, partitions), logs: make(map[string][]*kgo.Record), missing: make(map[string]bool),
		armed: make(map[fault]bool), holds: make(map[hold]bool),
	}
	for p := range sim.offsets {
		sim.offsets[p].at = -1
	}
	return sim
}

// announce wakes every poll. The caller holds mu.
func (sim *simulation) announce() {
	close(sim.changed)
	sim.changed = make(chan struct{})
}

// strikes reports whether f was armed, and is over now.
func (sim *simulation) strikes(f fault) bool {
	struck := sim.armed[f]
	delete(sim.armed, f)
	return struck
}

// append writes a record into the source topic. gap is how many offsets before
// it are taken by something else: markers of transactions, or what is compacted.
func (sim *simulation) append(partition int32, gap int64, key []byte, value string) position {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	next := gap
	if log := sim.source[partition]; len(log) > 0 {
		next += log[len(log)-1].Offset + 1
	}
	sim.source[partition] = append(sim.source[partition], &kgo.Record{
		Topic: simTopic, Partition: partition, Offset: next, LeaderEpoch: epochOf(next), Key: key, Value: []byte(value),
	})
	sim.announce()
	return position{partition, next}
}

const simTopic = "events"

// epochOf is the epoch of the leader that wrote the record at an offset: it
// changes every few records.
func epochOf(offset int64) int32 { return int32(offset / 3) }

// join makes a session of m, without partitions.
func (sim *simulation) join(m *member, of *process) (*simSession, error) {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	if sim.strikes(connectFails) {
		return nil, errors.New("no broker answers")
	}
	s := &simSession{sim: sim, member: m, process: of, dead: make(chan struct{}), parts: make(map[int32]*simPart)}
	sim.group = append(sim.group, s)
	return s, nil
}

// assign lets a session own a partition, once its owner has given it up and no
// transaction is about to change its offset. It reports whether that is so.
func (sim *simulation) assign(partition int32, to *simSession) bool {
	from := sim.owners[partition]
	switch {
	case from == to || sim.offsets[partition].pending != nil:
		return from == to
	case from != nil && from.blocked:
		if !from.open {
			sim.fail("a rebalance waits for handlers")
		}
		return false
	case from != nil:
		from.revoke(partition)
	}
	sim.owners[partition] = to
	at := sim.offsets[partition]
	part := kmsg.NewOffsetFetchResponseGroupTopicPartition()
	part.Partition, part.Offset, part.Metadata = partition, at.at, &at.metadata
	topic := kmsg.OffsetFetchResponseGroupTopic{Topic: simTopic, Partitions: []kmsg.OffsetFetchResponseGroupTopicPartition{part}}
	_ = to.member.begin(context.Background(), nil, &kmsg.OffsetFetchResponse{
		Groups: []kmsg.OffsetFetchResponseGroup{{Topics: []kmsg.OffsetFetchResponseGroupTopic{topic}}},
	})
	to.member.joined.Store(true)
	to.parts[partition] = &simPart{next: max(at.at, 0), back: max(at.at, 0)}
	sim.announce()
	return true
}

// balance gives every partition that nobody owns to who has the fewest.
func (sim *simulation) balance() {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	for p, owner := range sim.owners {
		if owner != nil || len(sim.group) == 0 {
			continue
		}
		sim.assign(int32(p), slices.MinFunc(sim.group, func(a, b *simSession) int { return len(a.parts) - len(b.parts) }))
	}
}

// drop takes a session out of the group. What it had begun is over.
func (sim *simulation) drop(s *simSession) {
	sim.group = slices.DeleteFunc(sim.group, func(other *simSession) bool { return other == s })
	for p := range sim.owners {
		if sim.owners[p] == s {
			sim.owners[p] = nil
		}
	}
}

// simSession is a member's session. Its methods are called by the member's
// loop, but for those that the group calls.
type simSession struct {
	sim     *simulation
	member  *member
	process *process
	dead    chan struct{} // closed with the session
	closed  bool

	parts   map[int32]*simPart
	turn    int  // which partition is read first
	blocked bool // BlockRebalanceOnPoll: records are out
	revoked bool // in the current transaction
	kicked  bool // the group has gone on without it, and it doesn't know
	broken  bool // after an error

	open   bool // a transaction is
	sent   []produced
	done   []position    // by the last commit
	parked chan struct{} // closed to let it go on; nil: not parked
}

var _ txSession = (*simSession)(nil)

// simPart is where a session is in a partition.
type simPart struct {
	next int64 // to read
	back int64 // where an aborted transaction sets next back to
}

type produced struct {
	rec     *kgo.Record
	promise func(*kgo.Record, error)
}

// revoke takes one partition from a session that isn't blocked.
func (s *simSession) revoke(partition int32) {
	delete(s.parts, partition)
	s.revoked = s.open
	s.process.troubled = true
	s.member.end(context.Background(), nil, map[string][]int32{simTopic: {partition}})
}

// kick has the group go on without the session, which isn't told.
func (s *simSession) kick() {
	s.sim.mu.Lock()
	defer s.sim.mu.Unlock()
	s.kicked, s.process.troubled = true, true
	s.sim.drop(s)
}

// learn tells a session that it was kicked, and lets it join again. It reports
// whether that was possible.
func (s *simSession) learn() bool {
	s.sim.mu.Lock()
	defer s.sim.mu.Unlock()
	if !s.kicked || s.blocked || s.closed {
		return false
	}
	lost := make([]int32, 0, len(s.parts))
	for p := range s.parts {
		lost = append(lost, p)
	}
	s.kicked, s.revoked = false, s.open
	clear(s.parts)
	s.member.end(context.Background(), nil, map[string][]int32{simTopic: lost})
	s.sim.group = append(s.sim.group, s)
	return true
}

// die ends the session from outside.
func (s *simSession) die() {
	s.sim.mu.Lock()
	defer s.sim.mu.Unlock()
	s.end()
}

func (s *simSession) end() {
	if s.closed {
		return
	}
	s.closed = true
	close(s.dead)
	s.undo()
	s.sim.drop(s)
}

// undo ends a transaction with nothing.
func (s *simSession) undo() {
	for p := range s.sim.offsets {
		if s.sim.offsets[p].pending == s {
			s.sim.offsets[p].pending = nil
		}
	}
	s.open, s.revoked, s.sent = false, false, nil
	for _, at := range s.parts {
		at.next = at.back
	}
	s.sim.announce()
}

// park stops at a hold.
func (s *simSession) park(at hold) {
	s.sim.mu.Lock()
	if s.closed || !s.sim.holds[at] {
		s.sim.mu.Unlock()
		return
	}
	delete(s.sim.holds, at)
	parked := make(chan struct{})
	s.parked = parked
	s.sim.mu.Unlock()
	select {
	case <-parked:
	case <-s.dead:
	}
}

// release lets a parked session go on; false when it isn't parked.
func (s *simSession) release() bool {
	s.sim.mu.Lock()
	defer s.sim.mu.Unlock()
	if s.parked == nil {
		return false
	}
	close(s.parked)
	s.parked = nil
	return true
}

var (
	errGone   = errors.New("the session is over")
	errAnswer = errors.New("no answer came")
)

// check is why nothing can be done with the session; nil if it can.
func (s *simSession) check() error {
	if s.closed || s.broken {
		return errGone
	}
	return nil
}

// breaks ends the session's use with err.
func (s *simSession) breaks(err error) error {
	s.broken, s.process.troubled = true, true
	return err
}

// refusal is what a topic answers to the records of one transaction: nil when it takes
// them. One bad record spoils the batch of its topic, and nobody says which it is.
func (sim *simulation) refusal(topic string, sent []produced) error {
	if sim.missing[topic] {
		return kerr.UnknownTopicOrPartition
	}
	for _, p := range sent {
		if p.rec.Topic == topic && strings.HasSuffix(string(p.rec.Value), oversize) {
			return kerr.RecordListTooLarge
		}
	}
	return nil
}

// oversize ends the value of a record that no topic takes.
const oversize = "!"

func (p position) String() string { return fmt.Sprintf("%d/%d", p.partition, p.offset) }
