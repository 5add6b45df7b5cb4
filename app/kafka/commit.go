package kafka

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// commit makes one transaction of what is finished: what was published for it,
// and the group's progress.
func (m *member) commit(ctx context.Context) error {
	batch := m.lanes.take(m.limit(), m.config.Bytes, m.config.Topics)
	batch = m.describable(batch)
	if len(batch) == 0 {
		m.troubles.until = time.Now().Add(10 * time.Millisecond)
		return nil
	}
	if err := m.session.Begin(); err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	tx := &transaction{began: time.Now(), batch: batch}
	tx.send(ctx, m.session)
	if err := m.session.Flush(ctx); err != nil {
		return fmt.Errorf("send the records of a transaction: %w", err)
	}
	committed, err := tx.end(ctx, m)
	if err != nil {
		return fmt.Errorf("end a transaction: %w", err)
	}
	if !committed {
		m.aborted(tx)
		return nil
	}
	m.committed(tx)
	return nil
}

// describable leaves out of a batch what would make a partition's progress
// longer than the metadata of an offset may be, because too many messages
// before it are open. It waits for those, and take lets pass it whatever was
// finished after it.
func (m *member) describable(batch []*work) []*work {
	choose(batch)
	for p := range partitions(batch) {
		for n := len(p.open); n > 1 && len(p.progress().metadata()) > m.config.metadata; n /= 2 {
			p.bound = p.open[n/2].rec.Offset
			for _, late := range p.open[n/2:] {
				late.chosen = false
			}
		}
	}
	if !slices.ContainsFunc(batch, func(w *work) bool { return !w.chosen }) {
		return batch
	}
	var kept, left []*work
	for _, w := range batch {
		if w.chosen {
			kept = append(kept, w)
		} else {
			left = append(left, w)
		}
	}
	m.lanes.putBack(left)
	return kept
}

func choose(batch []*work) {
	for _, w := range batch {
		w.chosen = true
	}
}

// partitions are those that the batch comes from.
func partitions(batch []*work) map[*assigned]bool {
	all := make(map[*assigned]bool)
	for _, w := range batch {
		all[w.part] = true
	}
	return all
}

// transaction is one, from Begin to End.
type transaction struct {
	began time.Time
	batch []*work

	mu      sync.Mutex
	owners  map[*kgo.Record]*work // nil until somebody asks
	refused map[*work][]refusal   // by topics that won't take it
	failed  error                 // any other reason not to commit
}

// send sends what was published for the batch, and waits for nothing.
func (tx *transaction) send(ctx context.Context, session txSession) {
	answered := func(r *kgo.Record, err error) {
		if err != nil {
			tx.fail(r, err)
		}
	}
	for _, w := range tx.batch {
		for _, out := range w.out {
			session.Produce(ctx, out, answered)
		}
	}
}

func (tx *transaction) fail(r *kgo.Record, err error) {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if refused := refusalOf(r.Topic, err); refused != nil {
		if tx.refused == nil {
			tx.refused = make(map[*work][]refusal)
		}
		w := tx.owner(r)
		tx.refused[w] = append(tx.refused[w], refusal{r.Topic, refused})
	} else if tx.failed == nil {
		tx.failed = fmt.Errorf("publish to %s: %w", r.Topic, err)
	}
}

// owner is the work that a record was published for.
func (tx *transaction) owner(r *kgo.Record) *work {
	if tx.owners == nil {
		tx.owners = make(map[*kgo.Record]*work, len(tx.batch))
		for _, w := range tx.batch {
			for _, out := range w.out {
				tx.owners[out] = w
			}
		}
	}
	return tx.owners[r]
}

// end commits, or aborts if something could not be sent.
func (tx *transaction) end(ctx context.Context, m *member) (bool, error) {
	tx.mu.Lock()
	failed := tx.failed != nil || len(tx.refused) > 0
	tx.mu.Unlock()
	if failed {
		return false, m.session.Abort(ctx)
	}
	return m.session.Commit(ctx, tx.offsets(m.topic))
}

// offsets is the progress of the partitions that the batch comes from.
func (tx *transaction) offsets(topic string) []kmsg.TxnOffsetCommitRequestTopic {
	t := kmsg.NewTxnOffsetCommitRequestTopic()
	t.Topic = topic
	for from := range partitions(tx.batch) {
		at := from.progress()
		_, epoch := from.reaches()
		metadata := at.metadata()
		p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.LeaderEpoch, p.Metadata = from.number, at.offset, epoch, &metadata
		t.Partitions = append(t.Partitions, p)
	}
	return []kmsg.TxnOffsetCommitRequestTopic{t}
}

// committed lets go of the batch and tells those who wait for it.
func (m *member) committed(tx *transaction) {
	for p := range partitions(tx.batch) {
		p.committed()
	}
	for _, w := range tx.batch {
		w.chosen = false
		m.troubles.over(w)
		for _, f := range w.then {
			f()
		}
	}
	m.lanes.committed(tx.batch, time.Since(tx.began))
	m.troubles.passed()
}

// aborted puts the batch back. Work that a topic refused is handed out again,
// to end another way, once it is certain which it is: when one topic refuses a
// batch of records, the broker doesn't say because of which.
func (m *member) aborted(tx *transaction) {
	for _, w := range tx.batch {
		w.chosen = false
		w.renew()
	}
	switch {
	case len(tx.refused) == 0:
		if tx.failed != nil {
			m.log.Warn("a transaction was aborted, it is tried again", "group", m.config.Group, "messages", len(tx.batch), "error", tx.failed)
		}
		m.troubles.wait()
		m.lanes.putBack(tx.batch)
	case len(tx.batch) > 1 && len(tx.refused) > 1:
		m.lanes.putBack(tx.batch)
		m.troubles.halve(len(tx.batch))
	default:
		var rest []*work
		for _, w := range tx.batch {
			if len(tx.refused[w]) == 0 {
				rest = append(rest, w)
			}
		}
		m.lanes.putBack(rest)
		for w, refusals := range tx.refused {
			w.refusals = append(w.refusals, refusals...)
			w.refusals = w.refusals[max(0, len(w.refusals)-maxRefusals):]
			m.troubles.note(w)
			m.lanes.handAgain(w)
		}
	}
}

// maxRefusals bounds what is remembered of one record; a pipeline gives up far
// earlier.
const maxRefusals = 1000

// limit is how many messages the next transaction may have.
func (m *member) limit() int {
	if m.troubles.limit > 0 {
		return m.troubles.limit
	}
	return m.config.Messages
}

// troubles is what a member remembers of transactions that failed. It outlives
// the session: a refused record may cost that too. It belongs to the loop.
type troubles struct {
	limit   int                    // of messages, while a refused one is searched; 0: none is
	refused map[position][]refusal // by records not yet committed
	until   time.Time              // when to try again
	pause   *backoff.ExponentialBackOff
}

// position is where a record stands in the topic.
type position struct {
	partition int32
	offset    int64
}

func (w *work) position() position { return position{w.rec.Partition, w.rec.Offset} }

// halve goes on with half of a batch in which something was refused.
func (t *troubles) halve(n int) { t.limit = max(1, n/2) }

// passed notes a commit. While a refused record is searched, it stands in the
// half that comes next; alone it would have been found.
func (t *troubles) passed() {
	t.until, t.pause = time.Time{}, nil
	if t.limit == 1 {
		t.limit = 0
	}
	t.limit /= 2
}

// wait makes a pause, longer each time, until a transaction passes.
func (t *troubles) wait() {
	if t.pause == nil {
		t.pause = backoff.NewExponentialBackOff()
		t.pause.InitialInterval, t.pause.MaxInterval = 100*time.Millisecond, 5*time.Second
	}
	t.until = time.Now().Add(t.pause.NextBackOff())
}

// note remembers what refused w.
func (t *troubles) note(w *work) {
	t.limit = 0
	if t.refused == nil {
		t.refused = make(map[position][]refusal)
	}
	t.refused[w.position()] = w.refusals
}

// of is what w was refused by before.
func (t *troubles) of(w *work) []refusal { return t.refused[w.position()] }

// over forgets w, which is committed.
func (t *troubles) over(w *work) { delete(t.refused, w.position()) }
