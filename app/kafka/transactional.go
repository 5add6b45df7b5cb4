package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"

	"github.com/trieungochai/kafka-notify/app/record"
)

// TransactionalConfig describes a Transactional.
type TransactionalConfig struct {
	Cluster Cluster
	Group   string
	// Instance tells this process from the others of the service. A process that
	// comes back under the same name ends at once what it had left open when it
	// died; under another name that takes transactionTimeout.
	Instance string
	// Sessions is how many members of the group there are in this process, each
	// with transactions of its own. The default is 1.
	Sessions int
	// Messages, Bytes and Topics bound a transaction: the messages it finishes,
	// the bytes and the topics it writes.
	Messages, Bytes, Topics int
	// MaxBytes is the size of the largest record published.
	MaxBytes int
	// Bare says that handlers read the record in the message's context, and need
	// no copy of its headers as metadata.
	Bare bool
	// StopWhenLost ends a member, instead of going on with the oldest record,
	// when the broker no longer has the group's committed offset.
	StopWhenLost bool
	// Due, if set, is when a record may be handed out; until then it waits, and
	// nothing else for it.
	Due func(*record.Record) time.Time
	// Linger is how long a transaction waits for more messages. Each costs the
	// cluster the same, however few it is made of. The default is 0.
	Linger time.Duration
	// MetadataAge is how soon new partitions are found. The default is 15 s.
	MetadataAge time.Duration
	Log         *slog.Logger

	connect  func(context.Context, *member) (txSession, error) // franz-go's, but in tests
	metadata int                                               // maxMetadata, but in tests
}

func (c *TransactionalConfig) setDefaults() {
	def := func(n *int, value int) {
		if *n <= 0 {
			*n = value
		}
	}
	def(&c.Sessions, 1)
	def(&c.Messages, 10_000)
	def(&c.Bytes, 16<<20)
	def(&c.Topics, 2_000)
	def(&c.MaxBytes, 1<<20)
	def(&c.metadata, maxMetadata)
	if c.MetadataAge <= 0 {
		c.MetadataAge = 15 * time.Second
	}
	if c.connect == nil {
		c.connect = connect
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Transactional is a Subscriber and Publisher of Watermill for pipelines from
// Kafka to Kafka. What is published with the context of a message becomes
// visible, to readers with read_committed, together with the message's own
// end, in one transaction of Kafka: all of it once, or none.
//
// Many messages are in work at once: those of different keys side by side,
// those of one key one after the other. A transaction takes what was
// acknowledged since the last one began, however much that is: one message
// when there is one, thousands out of a backlog. It is made while handlers work
// on, and waits for none of them: the offsets committed say in their metadata
// which messages before them are still open.
//
// A process that has lost its partitions without knowing publishes nothing:
// its group refuses the offsets of a transaction whose generation is over, and
// the outputs fall with them (KIP-447).
type Transactional struct {
	config TransactionalConfig

	mu      sync.Mutex
	topics  []*subscription
	plain   *Producer // for what is published outside of any message
	closing chan struct{}
	closed  bool
}

var (
	_ message.Subscriber = (*Transactional)(nil)
	_ message.Publisher  = (*Transactional)(nil)
)

// subscription is one call of Subscribe.
type subscription struct {
	members []*member
	cancel  context.CancelFunc
	done    chan struct{} // closed when all members have ended
}

// NewTransactional prepares a Transactional; it connects when it is subscribed.
func NewTransactional(config TransactionalConfig) *Transactional {
	config.setDefaults()
	return &Transactional{config: config, closing: make(chan struct{})}
}

var errClosed = errors.New("the transactional subscriber is closed")

// Subscribe implements message.Subscriber. It returns once the cluster has
// given every session a transactional producer.
func (t *Transactional) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, errClosed
	}
	out := make(chan *message.Message, handOver)
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &subscription{cancel: cancel, done: make(chan struct{})}
	for n := range t.config.Sessions {
		m := &member{
			config: t.config, topic: topic, log: t.config.Log, draining: make(chan struct{}),
			id: fmt.Sprintf("%s.%s.%s.%d.%d", t.config.Group, t.config.Instance, topic, len(t.topics), n),
		}
		m.lanes = newLanes(out, m.wake)
		m.lanes.linger = t.config.Linger
		opening, end := context.WithTimeout(running, openPatience)
		err := m.open(opening)
		end()
		if err != nil {
			cancel()
			for _, m := range s.members {
				m.leave()
			}
			return nil, fmt.Errorf("subscribe to %s as group %s: %w", topic, t.config.Group, err)
		}
		s.members = append(s.members, m)
	}
	var members sync.WaitGroup
	for _, m := range s.members {
		members.Go(func() { m.run(running) })
	}
	go func() {
		members.Wait()
		cancel()
		close(out)
		close(s.done)
	}()
	context.AfterFunc(ctx, s.drain)
	t.topics = append(t.topics, s)
	return out, nil
}

// handOver is how many messages may wait for the router to take them: a lane
// then pauses once a message, until it is acknowledged, and not twice.
const handOver = 256

// openPatience is how long the cluster may take to give out a producer: a new
// one makes the coordinator's topic when it is first asked.
const openPatience = 30 * time.Second

func (s *subscription) drain() {
	for _, m := range s.members {
		m.drain()
	}
}

// Joined reports whether the group has taken in every member.
func (t *Transactional) Joined() bool {
	joined := true
	t.each(func(m *member) { joined = joined && m.joined.Load() })
	return joined
}

// Err is why a member has no session at present, or has ended; nil if all work.
func (t *Transactional) Err() error {
	var errs []error
	t.each(func(m *member) {
		if err := m.failure.Load(); err != nil {
			errs = append(errs, *err)
		}
	})
	return errors.Join(errs...)
}

func (t *Transactional) each(f func(*member)) {
	t.mu.Lock()
	topics := slices.Clone(t.topics)
	t.mu.Unlock()
	for _, s := range topics {
		for _, m := range s.members {
			f(m)
		}
	}
}

// Drain takes no new messages, waits for those in flight, commits them and
// leaves the group. With ctx it ends early: what is still in flight then comes
// again after the next start.
func (t *Transactional) Drain(ctx context.Context) error {
	t.mu.Lock()
	t.closed = true
	topics := slices.Clone(t.topics)
	t.mu.Unlock()
	for _, s := range topics {
		s.drain()
	}
	var late bool
	for _, s := range topics {
		select {
		case <-s.done:
		case <-ctx.Done():
			late = true
			s.cancel()
			<-s.done
		}
	}
	if late {
		return fmt.Errorf("group %s: messages are still in flight; they come again: %w", t.config.Group, context.Cause(ctx))
	}
	return nil
}

// Close drains for a few seconds at the most. A message that nobody has
// acknowledged by then comes again, which is no error.
func (t *Transactional) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeDrain)
	defer cancel()
	if err := t.Drain(ctx); err != nil {
		t.config.Log.Warn("closed before all messages were acknowledged", "error", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.plain == nil {
		return nil
	}
	plain := t.plain
	t.plain = nil
	return plain.Close()
}

// closeDrain is how long Close waits for messages in flight.
const closeDrain = 5 * time.Second

// Publish implements message.Publisher. With the context of a message of
// Subscribe it adds to that message's transaction; with any other it sends at
// once, and returns when all in-sync replicas have the messages.
func (t *Transactional) Publish(topic string, messages ...*message.Message) error {
	var alone []*record.Record
	for _, msg := range messages {
		rec := recordFrom(topic, msg)
		if d := DeliveryFrom(msg.Context()); d != nil && d.tx != nil {
			if err := d.tx.Refused(topic); err != nil {
				return err
			}
			if err := d.tx.Publish(rec); err != nil {
				return err
			}
			continue
		}
		alone = append(alone, rec)
	}
	if len(alone) == 0 {
		return nil
	}
	producer, err := t.producer()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(messages[0].Context(), deliveryTimeout)
	defer cancel()
	return errors.Join(producer.Publish(ctx, alone...)...)
}

// recordFrom is the record in the message's context, or one made of the
// message, without a key.
func recordFrom(topic string, msg *message.Message) *record.Record {
	if rec, ok := msg.Context().Value(recordKey{}).(*record.Record); ok {
		return rec
	}
	id := msg.UUID
	if id == "" {
		id = uuid.NewString()
	}
	rec := &record.Record{Topic: topic, Value: msg.Payload, Headers: []record.Header{{Key: record.HeaderUUID, Value: []byte(id)}}}
	for key, value := range msg.Metadata {
		rec.Headers = append(rec.Headers, record.Header{Key: key, Value: []byte(value)})
	}
	return rec
}

// producer is the one for what belongs to no message.
func (t *Transactional) producer() (*Producer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, errClosed
	}
	if t.plain == nil {
		producer, err := NewProducer(t.config.Cluster, t.config.MaxBytes)
		if err != nil {
			return nil, err
		}
		t.plain = producer
	}
	return t.plain, nil
}
