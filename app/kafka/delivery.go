package kafka

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/IBM/sarama"

	"github.com/trieungochai/kafka-notify/app/record"
)

// Delivery is one record handed to a pipeline.
type Delivery struct {
	// Record is the record as it stands in the topic.
	Record *record.Record
	// Stopping is closed when the service drains or the partition is revoked:
	// finish the work at hand, begin nothing, wait for nothing.
	Stopping <-chan struct{}

	claim     *claim // of the stock subscriber
	tx        Transaction
	abandoned atomic.Bool
}

// Transaction is what the records published for a delivery become part of.
type Transaction interface {
	// Publish adds a record. It is sent after the message is acknowledged; what a
	// topic refuses then brings the message back, and Refused tells. An error
	// means that rec is too large, or that the message was settled before.
	Publish(rec *record.Record) error
	// Refused returns, once each, the errors that the topic answered when an
	// earlier delivery of the record was to be committed.
	Refused(topic string) error
	// Then calls f once the record is committed together with all that was
	// published for it. f must not block.
	Then(f func())
	// Late says that the delivery will take a while, as one does that pauses
	// before it tries again: no other record's commit waits for it.
	Late()
}

// NewDelivery makes a delivery of rec; tx is nil where there is no transaction.
func NewDelivery(rec *record.Record, stopping <-chan struct{}, tx Transaction) *Delivery {
	return &Delivery{Record: rec, Stopping: stopping, tx: tx}
}

// Transaction is that of the delivery, nil without one: then what is published
// becomes visible at once, and again if the record is delivered again.
func (d *Delivery) Transaction() Transaction { return d.tx }

// Then calls f once the record is committed: at once where there is no
// transaction. f must not block.
func (d *Delivery) Then(f func()) {
	if d.tx == nil {
		f()
		return
	}
	d.tx.Then(f)
}

// Late says that the delivery will take a while.
func (d *Delivery) Late() {
	if d.tx != nil {
		d.tx.Late()
	}
}

type deliveryKey struct{}

// WithDelivery returns a context that carries d.
func WithDelivery(ctx context.Context, d *Delivery) context.Context {
	return context.WithValue(ctx, deliveryKey{}, d)
}

// deliveryContext is a context and the delivery it carries, in one piece.
type deliveryContext struct {
	context.Context
	delivery Delivery
}

// Value implements context.Context.
func (c *deliveryContext) Value(key any) any {
	if _, ok := key.(deliveryKey); ok {
		return &c.delivery
	}
	return c.Context.Value(key)
}

// DeliveryFrom returns the delivery of a message by its context, nil if it has none.
func DeliveryFrom(ctx context.Context) *Delivery {
	d, _ := ctx.Value(deliveryKey{}).(*Delivery)
	return d
}

// Stopped reports whether Stopping is closed.
func (d *Delivery) Stopped() bool {
	select {
	case <-d.Stopping:
		return true
	default:
		return false
	}
}

// Abandon makes the acknowledgement of this message, and of any after it in
// the partition, not count: the next owner of the partition gets them again.
// Without it the stock subscriber would send a refused message again and
// again, deaf to the rebalance that waits for it.
func (d *Delivery) Abandon() {
	d.abandoned.Store(true)
	if d.claim != nil {
		d.claim.abandoned.Store(true)
	}
}

// Abandoned reports whether Abandon was called.
func (d *Delivery) Abandoned() bool { return d.abandoned.Load() }

// claim is one partition in one session. It stands between sarama's claim and
// watermill-kafka's loop over it, which takes one message at a time.
type claim struct {
	sarama.ConsumerGroupClaim
	session   *session
	messages  chan *sarama.ConsumerMessage
	marked    atomic.Int64 // the offset to commit; 0: nothing marked yet
	abandoned atomic.Bool

	mu         sync.Mutex
	deliveries map[int64]*Delivery // by offset: the one in flight, and the next
}

func newClaim(of sarama.ConsumerGroupClaim, s *session) *claim {
	return &claim{
		ConsumerGroupClaim: of,
		session:            s,
		messages:           make(chan *sarama.ConsumerMessage),
		deliveries:         make(map[int64]*Delivery, 2),
	}
}

// Messages implements sarama.ConsumerGroupClaim.
func (c *claim) Messages() <-chan *sarama.ConsumerMessage { return c.messages }

// feed passes messages on until the session stops. A message that slips
// through at that very moment meets a delivery that is stopping already.
func (c *claim) feed() {
	defer close(c.messages)
	for {
		select {
		case <-c.session.stopping:
			return
		case msg, ok := <-c.ConsumerGroupClaim.Messages():
			if !ok {
				return
			}
			c.expect(msg)
			select {
			case <-c.session.stopping:
				return
			case c.messages <- msg:
			}
		}
	}
}

// expect prepares the delivery of msg before anybody can receive it.
func (c *claim) expect(msg *sarama.ConsumerMessage) {
	d := &Delivery{Record: recordOf(msg), Stopping: c.session.stopping, claim: c}
	c.mu.Lock()
	c.deliveries[msg.Offset] = d
	c.mu.Unlock()
}

// delivery is that of the message at offset.
func (c *claim) delivery(offset int64) *Delivery {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.deliveries[offset]
}

// claimSession is the session as watermill-kafka sees it for one partition.
type claimSession struct {
	sarama.ConsumerGroupSession
	claim *claim
}

// Context ends later than sarama's own, so that a message in flight when a
// rebalance begins is still marked; sarama commits the marks once all
// partitions are done.
func (s claimSession) Context() context.Context { return s.claim.session.ctx }

// MarkMessage settles the message: marked, unless it was abandoned.
func (s claimSession) MarkMessage(msg *sarama.ConsumerMessage, metadata string) {
	s.claim.mu.Lock()
	delete(s.claim.deliveries, msg.Offset)
	s.claim.mu.Unlock()
	if s.claim.abandoned.Load() {
		return
	}
	s.claim.marked.Store(msg.Offset + 1)
	s.ConsumerGroupSession.MarkMessage(msg, metadata)
}
