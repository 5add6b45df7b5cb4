package poison

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// Topics are what the index is a view of.
type Topics struct {
	// Poison has the messages, Actions what was done about them.
	Poison, Actions string
	// Retention is how long Kafka keeps a poisoned message; 0: for ever.
	Retention time.Duration
}

// Index is a view of the poison topic in memory: of every message the newest
// record, and what was done about it. It is built when the service starts, and
// follows the topics; nothing but these is kept, so every instance has the same.
type Index struct {
	topics Topics
	reader Reader // of single records
	log    *slog.Logger
	ready  chan struct{}

	poison, actions tail

	mu      sync.RWMutex
	unread  int // topics that were not read to their end yet
	byID    map[string]*item
	order   []*item // by offset; those that byID has no more are stale
	kept    int     // bytes of values
	past    map[string][]failure
	ledger  *ledger
	awaited map[string]chan<- string // by action id: whoever wants to know whether it holds
	changed chan struct{}            // closed at the next change
}

// Reader reads single pages, and knows how far a partition is written.
type Reader interface {
	kafka.Reader
	// Written is the offset after the last record, whether or not its transaction
	// is over.
	Written(ctx context.Context, topic string, partition int32) (int64, error)
}

// failure is an earlier one of a message that has failed again since.
type failure struct {
	round, attempts int
	at              int64 // Unix nanoseconds
	class, step     string
	reason          string
}

// What the index keeps of payloads. A filter that asks for more of a message
// than is kept doesn't select it; a single message is always shown whole.
const (
	keepValue  = 64 << 10
	keepValues = 64 << 20
)

// NewIndex prepares a view of topics: see Follow.
func NewIndex(topics Topics, r Reader, log *slog.Logger) *Index {
	x := &Index{topics: topics, reader: r, log: log, ready: make(chan struct{}), unread: 2, changed: make(chan struct{})}
	x.poison = tail{topic: topics.Poison, add: x.add, forget: x.forgetBefore, read: sync.OnceFunc(x.isRead), log: log}
	x.actions = tail{topic: topics.Actions, add: x.act, forget: x.forgetActions, read: sync.OnceFunc(x.isRead), log: log}
	x.byID, x.past = make(map[string]*item), make(map[string][]failure)
	x.ledger, x.awaited = newLedger(), make(map[string]chan<- string)
	return x
}

// ErrNotReady says that the topic has not been read to its end yet.
var ErrNotReady = handler.Unavailable(errors.New("the poison topic is still being read"))

// Follow reads the topics, and goes on with what is written to them, until ctx
// ends. It needs readers of its own, one for each topic.
func (x *Index) Follow(ctx context.Context, poison, actions kafka.Reader) {
	var both sync.WaitGroup
	both.Go(func() { x.poison.follow(ctx, poison) })
	both.Go(func() { x.actions.follow(ctx, actions) })
	both.Wait()
}

// CatchUp reads the topics to their present ends. Nobody may follow them
// meanwhile.
func (x *Index) CatchUp(ctx context.Context, r kafka.Reader) error {
	if err := x.poison.catchUp(ctx, r); err != nil {
		return err
	}
	return x.actions.catchUp(ctx, r)
}

// Sync waits until the index knows all that is written to the topics now. A
// commit is answered before everybody can read what was committed, and a
// transaction that is open hides what stands behind it: to read what there is to
// be read would not be enough.
func (x *Index) Sync(ctx context.Context) error {
	for _, t := range []*tail{&x.poison, &x.actions} {
		end, err := x.reader.Written(ctx, t.topic, 0)
		if err != nil && !errors.Is(err, kafka.ErrTopicMissing) {
			return err
		}
		for t.next.Load() < end {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	return nil
}

// isRead notes that one more topic was read to its end.
func (x *Index) isRead() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.unread--; x.unread == 0 {
		close(x.ready)
	}
}

// Changed returns a channel that is closed when anything changes.
func (x *Index) Changed() <-chan struct{} {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.changed
}

// change tells those who wait for one. x.mu must be held.
func (x *Index) change() {
	close(x.changed)
	x.changed = make(chan struct{})
}

// Await waits until the index has been built; ErrNotReady when ctx ends first.
func (x *Index) Await(ctx context.Context) error {
	select {
	case <-x.ready:
		return nil
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-x.ready:
		return nil
	case <-ctx.Done():
		return ErrNotReady
	}
}

// patience is how long a request waits for the index at start.
const patience = 5 * time.Second

// add takes records up, of which each is the newest of its id.
func (x *Index) add(records []*record.Record) {
	x.mu.Lock()
	defer x.mu.Unlock()
	defer x.change()
	for _, r := range records {
		keep := keepValue
		if x.kept+len(r.Value) > keepValues {
			keep = 0
		}
		it := itemOf(r, keep)
		if old := x.byID[it.id]; old != nil {
			x.kept -= len(old.value)
			if old.redrives != it.redrives {
				x.past[it.id] = append(x.past[it.id], old.failure())
			}
		}
		x.kept += len(it.value)
		x.byID[it.id] = it
		x.order = append(x.order, it)
	}
	if len(x.order) > 2*len(x.byID)+1000 {
		x.tidy()
	}
}

// act takes up actions, and tells whoever waits for one whether it holds.
func (x *Index) act(records []*record.Record) {
	x.mu.Lock()
	defer x.mu.Unlock()
	defer x.change()
	for _, r := range records {
		a, err := action.Parse(r)
		if err != nil {
			x.log.Warn("a record among the actions on poisoned messages is none, and is passed over", "error", err)
			continue
		}
		refused := x.ledger.apply(a, r.Offset)
		if told := x.awaited[a.ID]; told != nil {
			told <- refused // it has room for all answers
			delete(x.awaited, a.ID)
		}
	}
}

// forgetBefore takes out what Kafka has deleted.
func (x *Index) forgetBefore(offset int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	before := len(x.byID)
	for id, it := range x.byID {
		if it.at < offset {
			x.kept -= len(it.value)
			delete(x.byID, id)
			delete(x.past, id)
			x.ledger.forget(id)
		}
	}
	if len(x.byID) < before {
		x.tidy()
		x.change()
	}
}

// forgetActions forgets all when the topic is a new one. What Kafka deletes of
// it belongs to messages that it has deleted before.
func (x *Index) forgetActions(before int64) {
	if before != math.MaxInt64 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ledger = newLedger()
	x.change()
}

// tidy leaves no stale items in the order.
func (x *Index) tidy() {
	x.order = slices.DeleteFunc(x.order, func(it *item) bool { return x.byID[it.id] != it })
}

// row is an item and where it stood at one moment.
type row struct {
	*item
	state State
	job   string
	fate  action.Kind
}

// row is how an item stands now. x.mu must be held.
func (x *Index) row(it *item) row {
	s := x.ledger.stories[it.id]
	if s == nil || s.round < int(it.redrives) {
		return row{item: it, state: Open}
	}
	r := row{item: it, state: s.state, fate: s.fate}
	if s.job != nil {
		r.job = s.job.id
	}
	return r
}

// all are the messages there are, in the order written.
func (x *Index) all() []row {
	x.mu.RLock()
	defer x.mu.RUnlock()
	rows := make([]row, 0, len(x.byID))
	for _, it := range x.order {
		if x.byID[it.id] == it {
			rows = append(rows, x.row(it))
		}
	}
	return rows
}

// List returns at most q.Limit entries that q selects, the newest first, and how
// many it selects in all. Errors: *FilterError, *kafka.CursorError, ErrNotReady,
// and those of reading large payloads from Kafka.
func (x *Index) List(ctx context.Context, q Query) (Listing, error) {
	rows, err := x.selected(ctx, q)
	if err != nil {
		return Listing{}, err
	}
	return page(rows, q, func(r row) (Entry, error) {
		e, err := x.whole(ctx, r)
		if errors.Is(err, ErrNotFound) { // retention has just taken it: the others are there
			return x.entry(r), nil
		}
		return e, err
	})
}

// page is the one of rows that q asks for.
func page(rows []row, q Query, read func(row) (Entry, error)) (Listing, error) {
	before, err := kafka.ParseCursor(q.Cursor, 1<<62)
	if err != nil {
		return Listing{}, err
	}
	end, _ := slices.BinarySearchFunc(rows, before, func(r row, offset int64) int { return cmp.Compare(r.at, offset) })
	l := Listing{Entries: []Entry{}, Total: len(rows)}
	for end > 0 && len(l.Entries) < q.Limit {
		end--
		e, err := read(rows[end])
		if err != nil {
			return Listing{}, err
		}
		l.Entries = append(l.Entries, e)
	}
	if end > 0 {
		l.NextCursor = kafka.FormatCursor(rows[end].at)
	}
	return l, nil
}

// selected are the messages that q selects, in the order written.
func (x *Index) selected(ctx context.Context, q Query) ([]row, error) {
	now := time.Now().UTC()
	f, err := newFilter(q.Filter, q.Words, now)
	if err != nil {
		return nil, err
	}
	if err := x.Await(ctx); err != nil {
		return nil, err
	}
	rows := x.all()
	if q.plain() {
		before := now.Add(-q.OlderThan).UnixNano()
		rows = slices.DeleteFunc(rows, func(r row) bool {
			c := r.cause.Value()
			return q.State != "" && r.state != q.State || q.Pipeline != "" && c.pipeline != q.Pipeline ||
				q.Class != "" && c.class != q.Class || q.OlderThan > 0 && r.failedAt() > before
		})
	}
	return f.selects(rows), nil
}

// Get returns the newest entry of that id, with all that happened to it;
// ErrNotFound if there is none.
func (x *Index) Get(ctx context.Context, id string) (Detail, error) {
	r, err := x.find(ctx, id)
	if err != nil {
		return Detail{}, err
	}
	e, err := x.whole(ctx, r)
	if err != nil {
		return Detail{}, err
	}
	d := Detail{Entry: e, Timeline: x.timeline(r)}
	for i := range d.Timeline {
		if at := &d.Timeline[i]; at.Edited {
			a, err := x.actionAt(ctx, at.offset)
			if err != nil {
				return Detail{}, err
			}
			at.Diff = a.Diff
		}
	}
	return d, nil
}

func (x *Index) find(ctx context.Context, id string) (row, error) {
	if err := x.Await(ctx); err != nil {
		return row{}, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	it := x.byID[id]
	if it == nil {
		return row{}, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return x.row(it), nil
}

// whole is the entry with its payload, whether or not the index has that.
func (x *Index) whole(ctx context.Context, r row) (Entry, error) {
	e := x.entry(r)
	if r.hasRest {
		return e, nil
	}
	rec, err := x.record(ctx, r.item)
	if err != nil {
		return Entry{}, err
	}
	e.Value = rec.Value
	return e, nil
}

// entry is a row as fronts show it.
func (x *Index) entry(r row) Entry {
	e := r.entry(x.topics.Poison)
	e.State, e.Job, e.Fate = r.state, r.job, r.fate
	if x.topics.Retention > 0 {
		expires := e.Record.Timestamp.Add(x.topics.Retention)
		e.ExpiresAt = &expires
	}
	return e
}

// record is the poison record as it stands in Kafka; ErrNotFound when retention
// has just taken it.
func (x *Index) record(ctx context.Context, it *item) (*record.Record, error) {
	records, err := kafka.ReadRange(ctx, x.reader, x.topics.Poison, it.at, it.at+1)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 || records[0].Offset != it.at {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, it.id)
	}
	return records[0], nil
}
