package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// member is one member of the group, with one transactional producer. Its loop
// alone polls, begins and ends transactions; the handlers go on meanwhile.
//
// The way of a record: poll takes it up, lanes hand it out and collect it when
// it is acknowledged, commit sends what was published for it together with the
// group's progress. When the process dies before the transaction is committed,
// nothing of the record is visible, and the next owner of its partition reads
// it again; afterwards everything is.
type member struct {
	config TransactionalConfig
	topic  string
	id     string // the transactional id
	log    *slog.Logger

	session txSession
	lanes   *lanes
	waiting waiting
	fewer   atomic.Bool // a partition was lost or stopped: what waits of it goes

	draining chan struct{} // closed by drain
	drained  sync.Once
	joined   atomic.Bool
	failure  atomic.Pointer[error] // why the member has ended by itself

	mu       sync.Mutex
	parts    map[int32]*assigned
	endPoll  context.CancelFunc // wakes the loop
	life     context.Context    // of the session, parent of its partitions'
	endLife  context.CancelFunc
	troubles troubles
}

// errOutOfRange is a committed offset that the broker no longer has.
var errOutOfRange = errors.New("the group's committed offset is not in the partition any more: its records were deleted before they were read. " +
	"Set kafka.auto_offset_reset: earliest to go on with the oldest record there is, or reset the group's offsets")

// open joins the group. The error tells what to do when the cluster refuses
// transactions.
func (m *member) open(ctx context.Context) error {
	m.mu.Lock()
	m.parts = make(map[int32]*assigned)
	m.life, m.endLife = context.WithCancel(context.WithoutCancel(ctx))
	m.mu.Unlock()
	session, err := m.config.connect(ctx, m)
	if err != nil {
		return err
	}
	m.session = session
	return nil
}

// connect begins a session of franz-go.
func connect(ctx context.Context, m *member) (txSession, error) {
	s, err := kgo.NewGroupTransactSession(m.options()...)
	if err != nil {
		return nil, fmt.Errorf("transactional client of group %s: %w", m.config.Group, err)
	}
	if _, _, err := s.Client().ProducerID(ctx); err != nil {
		s.Close()
		return nil, m.refusedTransactions(err)
	}
	return franzSession{s}, nil
}

// refusedTransactions explains why there is no producer id.
func (m *member) refusedTransactions(err error) error {
	switch {
	case errors.Is(err, kerr.TransactionalIDAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed),
		errors.Is(err, kerr.UnsupportedVersion), errors.Is(err, kerr.InvalidRequest):
		return fmt.Errorf("the cluster refuses transactions of %q: %w. "+
			"delivery: exactly_once needs the ACLs WRITE and DESCRIBE on the transactional ids beginning with %q, READ on the group %q, "+
			"and WRITE on the topics written to; or set delivery: at_least_once", m.id, err, clientID+".", m.config.Group)
	}
	return fmt.Errorf("no transactional producer %q: %w", m.id, err)
}

func (m *member) options() []kgo.Opt {
	reset := kgo.NewOffset().AtStart()
	if m.config.StopWhenLost {
		reset = kgo.NoResetOffset()
	}
	return append(m.config.Cluster.options(),
		kgo.MetadataMinAge(100*time.Millisecond),
		kgo.MetadataMaxAge(m.config.MetadataAge),
		kgo.RetryBackoffFn(backOff),

		kgo.TransactionalID(m.id),
		kgo.TransactionTimeout(transactionTimeout),
		kgo.ProducerBatchMaxBytes(int32(m.config.MaxBytes)),
		kgo.ProducerBatchCompression(kgo.NoCompression()), // as the other publisher; brokers bound compressed sizes
		kgo.ManualFlushing(),                              // a request per broker, and none that overtakes a retried one
		kgo.MaxBufferedRecords(math.MaxInt32),             // a transaction is bounded before
		kgo.RecordDeliveryTimeout(deliveryTimeout),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), // murmur2, as everywhere

		kgo.ConsumerGroup(m.config.Group),
		kgo.ConsumeTopics(m.topic),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.SessionTimeout(sessionTimeout),
		kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.HeartbeatInterval(2*time.Second),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(), // or each rebalance would abort a transaction
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(reset),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxBytes(int32(m.config.Bytes)),
		kgo.FetchMaxPartitionBytes(int32(min(m.config.Bytes, 1<<20))),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { m.joined.Store(true) }),
		kgo.OnOffsetsFetched(m.begin),
		kgo.OnPartitionsRevoked(m.end),
		kgo.OnPartitionsLost(m.end),
	)
}

const (
	// transactionTimeout is when a broker gives up a transaction whose producer
	// has died. Until then readers of the topics it wrote to wait.
	transactionTimeout = 20 * time.Second
	// rebalanceTimeout is how long the group waits for a member to take part. It
	// is longer than a transaction takes that meets an outage, and otherwise
	// short, because a member that dies in a rebalance holds it up so long.
	rebalanceTimeout = 15 * time.Second
	// deliveryTimeout is how long a record may wait for its broker before its
	// transaction is aborted and begun anew.
	deliveryTimeout = 10 * time.Second
)

// begin takes partitions over, with what their last owner has left unfinished.
func (m *member) begin(_ context.Context, _ *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range resp.Groups {
		for _, t := range g.Topics {
			if t.Topic != m.topic {
				continue
			}
			for _, p := range t.Partitions {
				if p.ErrorCode == 0 {
					m.take(p)
				}
			}
		}
	}
	return nil
}

func (m *member) take(p kmsg.OffsetFetchResponseGroupTopicPartition) {
	before := progress{offset: max(p.Offset, 0), end: max(p.Offset, 0)}
	if p.Metadata != nil && p.Offset >= 0 {
		before = parseProgress(p.Offset, *p.Metadata)
	}
	if old := m.parts[p.Partition]; old != nil {
		m.lose(old)
	}
	m.parts[p.Partition] = newAssigned(m.life, p.Partition, before)
	if m.isDraining() {
		m.parts[p.Partition].stop()
	}
}

// end gives partitions up.
func (m *member) end(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, number := range lost[m.topic] {
		if p := m.parts[number]; p != nil {
			m.lose(p)
			delete(m.parts, number)
		}
	}
}

func (m *member) lose(p *assigned) {
	p.lose()
	m.fewer.Store(true)
}

// run keeps the member in the group until it has drained or ctx ends. A
// session that fails is closed, and with it goes what was not committed: the
// next one reads it again.
func (m *member) run(ctx context.Context) {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 100*time.Millisecond, 5*time.Second
	for {
		began := time.Now()
		err := m.serve(ctx)
		m.leave()
		if err == nil || ctx.Err() != nil {
			return
		}
		if errors.Is(err, errOutOfRange) {
			m.log.Error("the pipeline stops", "group", m.config.Group, "topic", m.topic, "error", err)
			m.fail(err)
			return
		}
		if errors.Is(err, kerr.ProducerFenced) {
			// Another process goes by the same name; to insist would end its
			// transactions as it has ended ours.
			m.id += "." + uuid.NewString()
		}
		if time.Since(began) > time.Minute {
			pause.Reset()
		}
		for err != nil {
			m.log.Warn("a transactional session has failed, another one begins", "group", m.config.Group, "topic", m.topic, "error", err)
			m.fail(err)
			select {
			case <-ctx.Done():
				return
			case <-m.draining:
				return
			case <-time.After(pause.NextBackOff()):
			}
			opening, cancel := context.WithTimeout(ctx, patience)
			err = m.open(opening)
			cancel()
		}
		m.failure.Store(nil)
	}
}

// fail tells Err what is wrong, in a copy of its own: others read it meanwhile.
func (m *member) fail(err error) { m.failure.Store(&err) }

// leave closes the session: all partitions are lost, and nothing is handed out.
func (m *member) leave() {
	m.mu.Lock()
	for number, p := range m.parts {
		p.lose()
		delete(m.parts, number)
	}
	m.endLife()
	m.mu.Unlock()
	m.joined.Store(false)
	m.session.CloseAllowingRebalance()
	m.lanes.wg.Wait()
	m.lanes.reset()
	m.waiting = waiting{}
}

// drain lets no further message begin; the loop ends once the last is committed.
func (m *member) drain() {
	m.drained.Do(func() { close(m.draining) })
	m.lanes.hurry()
	m.mu.Lock()
	for _, p := range m.parts {
		p.stop()
	}
	m.fewer.Store(true)
	m.mu.Unlock()
	m.wake()
}

func (m *member) isDraining() bool {
	select {
	case <-m.draining:
		return true
	default:
		return false
	}
}

// wake ends the poll that the loop is in.
func (m *member) wake() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.endPoll != nil {
		m.endPoll()
	}
}

// serve polls and commits until the member has drained, or the session fails.
func (m *member) serve(ctx context.Context) error {
	for {
		if err := m.topUp(); err != nil {
			return err
		}
		m.lanes.dropLost()
		m.release()
		if ctx.Err() != nil || m.isDraining() && m.lanes.idle() {
			return nil
		}
		ready, wait := m.ready()
		if !ready {
			if err := m.poll(ctx, wait); err != nil {
				return err
			}
			continue
		}
		if err := m.commit(ctx); err != nil {
			return err
		}
	}
}

// ready reports whether to commit now, and otherwise when to ask again; 0: when
// something has happened.
func (m *member) ready() (bool, time.Duration) {
	now := time.Now()
	if wait := m.troubles.until.Sub(now); wait > 0 {
		return false, wait
	}
	return m.lanes.ready(m.limit(), now)
}

// release takes up what has become due.
func (m *member) release() {
	if m.fewer.Swap(false) {
		m.waiting.dropStopping()
	}
	if due := m.waiting.takeDue(time.Now()); len(due) > 0 {
		m.lanes.add(due)
	}
}

// poll takes up new records, or waits for what comes first: records, the time
// to look again, or a wake. Meanwhile the group may move partitions: handlers
// can take longer than it waits.
func (m *member) poll(ctx context.Context, wait time.Duration) error {
	m.session.AllowRebalance()
	if next, there := m.waiting.next(); there {
		wait = shorter(wait, max(time.Millisecond, time.Until(next)))
	}
	room := m.room()
	if m.isDraining() {
		wait = shorter(wait, 5*time.Millisecond)
	}
	polling, end := m.polling(ctx, wait)
	defer end()
	if room <= 0 {
		<-polling.Done()
		return nil
	}
	return m.takeUp(m.session.PollRecords(polling, min(room, m.config.Messages)))
}

// topUp takes up what has been read in the meantime, so that the handlers have
// work while a transaction is made. Between two transactions is also the
// moment for the group to move partitions.
func (m *member) topUp() error {
	m.session.AllowRebalance()
	room := m.room()
	if room <= 0 {
		return nil
	}
	return m.takeUp(m.session.PollRecords(nil, min(room, m.config.Messages))) //nolint:staticcheck // nil: don't wait
}

// room is how many records may be taken up: as many again as a transaction may
// have, so that one can be in work while another is committed.
func (m *member) room() int {
	if m.isDraining() {
		return 0
	}
	return m.lanes.room(2*m.config.Messages, 2*m.config.Bytes) - m.waiting.len()
}

// fault is the first of a poll's errors that ends the session; franz-go
// repeats what may heal by itself.
func (m *member) fault(fetches kgo.Fetches) error {
	for _, e := range fetches.Errors() {
		var truncated *kgo.ErrDataLoss
		switch {
		case errors.As(e.Err, &truncated):
			m.truncated(truncated)
		case errors.Is(e.Err, context.Canceled), errors.Is(e.Err, context.DeadlineExceeded):
		case errors.Is(e.Err, kerr.OffsetOutOfRange):
			return fmt.Errorf("%s/%d: %w", m.topic, e.Partition, errOutOfRange)
		default:
			return fmt.Errorf("read %s/%d: %w", m.topic, e.Partition, e.Err)
		}
	}
	return nil
}

// truncated goes on where a partition ends now that has lost records which were
// read: its last leader had them alone.
func (m *member) truncated(loss *kgo.ErrDataLoss) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.parts[loss.Partition]; p != nil {
		m.log.Warn("the partition has lost records that were read already: going on where it ends now",
			"group", m.config.Group, "topic", m.topic, "partition", loss.Partition, "read_to", loss.ConsumedTo, "end", loss.ResetTo)
		m.restart(p, loss.ResetTo)
	}
}

// tooOld begins a partition anew with the oldest record there is: the broker no
// longer had the one that was committed, because retention was faster, or
// because the topic was deleted and made again.
func (m *member) tooOld(p *assigned, oldest int64) *assigned {
	m.log.Warn("the group's committed offset is not in the partition any more: going on with the oldest record",
		"group", m.config.Group, "topic", m.topic, "partition", p.number, "committed", p.before.offset, "oldest", oldest)
	return m.restart(p, oldest)
}

// restart begins a partition anew at an offset before the one that it came with.
func (m *member) restart(old *assigned, offset int64) *assigned {
	m.lose(old)
	p := newAssigned(m.life, old.number, progress{offset: offset, end: offset})
	m.parts[old.number] = p
	return p
}

func shorter(a, b time.Duration) time.Duration {
	if a == 0 || b < a {
		return b
	}
	return a
}

// polling is the context of one poll, which wake ends.
func (m *member) polling(ctx context.Context, wait time.Duration) (context.Context, context.CancelFunc) {
	var cancel context.CancelFunc
	if wait > 0 {
		ctx, cancel = context.WithTimeout(ctx, wait)
	} else {
		ctx, cancel = context.WithCancel(ctx)
	}
	m.mu.Lock()
	m.endPoll = cancel
	m.mu.Unlock()
	// What has happened before endPoll was set woke nobody.
	if ready, _ := m.ready(); ready {
		cancel()
	}
	return ctx, func() {
		m.mu.Lock()
		m.endPoll = nil
		m.mu.Unlock()
		cancel()
	}
}

// takeUp makes work of the records that nobody has done yet.
func (m *member) takeUp(fetches kgo.Fetches) error {
	if err := m.fault(fetches); err != nil {
		return err
	}
	var batch []*work
	var free room
	m.mu.Lock()
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		p := m.parts[f.Partition]
		if p == nil {
			return // lost since
		}
		for _, r := range f.Records {
			if r.Offset < p.before.offset {
				p = m.tooOld(p, r.Offset)
			}
			if r.Offset < p.next {
				continue // in work already: an aborted transaction has set the position back
			}
			p.next = r.Offset + 1
			if p.before.done(r.Offset) {
				continue
			}
			w := free.work(r)
			w.part, w.maxBytes, w.bare = p, m.config.MaxBytes, m.config.Bare
			w.refusals = m.troubles.of(w)
			if m.config.Due != nil {
				w.due = m.config.Due(&w.rec)
			}
			p.open = append(p.open, w)
			batch = append(batch, w)
		}
	})
	m.mu.Unlock()
	if m.config.Due != nil {
		m.waiting.add(batch)
		m.release()
		return nil
	}
	m.lanes.add(batch)
	return nil
}
