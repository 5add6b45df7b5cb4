package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/IBM/sarama"
	wmkafka "github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"
)

// Subscriber is watermill-kafka's subscriber, one member of one consumer
// group on one topic, with what the stock one lacks: each message carries its
// whole record, learns that the service stops or its partition is revoked, and
// an acknowledgement made meanwhile still counts.
//
// It gets between watermill-kafka and sarama by the SaramaTracer hook, which
// hands it the group handler to wrap.
type Subscriber struct {
	stock   *wmkafka.Subscriber
	cluster Cluster
	group   string
	log     *slog.Logger

	stopping chan struct{} // closed by Drain: no new messages
	stopOnce sync.Once

	mu      sync.Mutex
	session *session
	claimed map[int32]*claim
	busy    int // partitions whose loop runs
}

var _ message.Subscriber = (*Subscriber)(nil)

// NewSubscriber prepares a member of group; it joins when it is subscribed.
func NewSubscriber(cluster Cluster, group string, log *slog.Logger) (*Subscriber, error) {
	s := &Subscriber{
		cluster:  cluster,
		group:    group,
		log:      log,
		stopping: make(chan struct{}),
		claimed:  make(map[int32]*claim),
	}
	var err error
	s.stock, err = wmkafka.NewSubscriber(wmkafka.SubscriberConfig{
		Brokers:               cluster.Brokers,
		ConsumerGroup:         group,
		Unmarshaler:           marshaler{},
		OverwriteSaramaConfig: cluster.apply(consumerConfig()),
		Tracer:                tap{s},
	}, NewLogger(log))
	if err != nil {
		return nil, fmt.Errorf("consumer of group %s: %w", group, err)
	}
	return s, nil
}

// Subscribe implements message.Subscriber. It may be called once.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	in, err := s.stock.Subscribe(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s as group %s: %w", topic, s.group, s.cluster.explain(err))
	}
	out := make(chan *message.Message)
	go func() {
		defer close(out)
		for msg := range in {
			s.attach(msg)
			out <- msg
		}
	}()
	return out, nil
}

// attach gives msg its delivery, and the session's context for its own: the
// stock one doesn't end with the session.
func (s *Subscriber) attach(msg *message.Message) {
	partition, _ := wmkafka.MessagePartitionFromCtx(msg.Context())
	offset, _ := wmkafka.MessagePartitionOffsetFromCtx(msg.Context())
	s.mu.Lock()
	c := s.claimed[partition]
	s.mu.Unlock()
	msg.SetContext(WithDelivery(c.session.ctx, c.delivery(offset)))
}

// Joined reports whether the group has taken this member in.
func (s *Subscriber) Joined() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session != nil
}

// Err is always nil: sarama joins again by itself, and tells only its log why.
func (s *Subscriber) Err() error { return nil }

// Drain takes no new messages, waits for those in flight and commits what they
// acknowledged. The stock subscriber drops acknowledgements made while it
// closes, so this comes before Close. With ctx it ends early: what is still in
// flight then comes again after the next start.
func (s *Subscriber) Drain(ctx context.Context) error {
	s.stopOnce.Do(func() { close(s.stopping) })
	for !s.idle() {
		select {
		case <-ctx.Done():
			s.endSession()
			return fmt.Errorf("group %s: messages are still in flight; they come again: %w", s.group, context.Cause(ctx))
		case <-time.After(5 * time.Millisecond):
		}
	}
	s.Commit(ctx)
	return nil
}

func (s *Subscriber) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.busy == 0
}

// endSession cancels the context of the messages in flight.
func (s *Subscriber) endSession() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session != nil {
		s.session.cancel()
	}
}

// Commit commits what is marked, now. sarama reports no error here: ask the
// cluster for the group's offsets to be sure. It knows no context either, and
// waits long for a broker that doesn't answer: Commit goes when ctx ends.
func (s *Subscriber) Commit(ctx context.Context) {
	s.mu.Lock()
	current := s.session
	s.mu.Unlock()
	if current == nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		current.sarama.Commit()
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// Marked are the offsets to commit, by partition, of the running session.
func (s *Subscriber) Marked() map[int32]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	marked := make(map[int32]int64, len(s.claimed))
	for partition, c := range s.claimed {
		if next := c.marked.Load(); next > 0 {
			marked[partition] = next
		}
	}
	return marked
}

// Close leaves the group.
func (s *Subscriber) Close() error { return s.stock.Close() }

// tap is the hook into watermill-kafka.
type tap struct{ s *Subscriber }

var _ wmkafka.SaramaTracer = tap{}

func (t tap) WrapConsumerGroupHandler(h sarama.ConsumerGroupHandler) sarama.ConsumerGroupHandler {
	return groupHandler{stock: h, s: t.s}
}
func (tap) WrapConsumer(c sarama.Consumer) sarama.Consumer                            { return c }
func (tap) WrapPartitionConsumer(c sarama.PartitionConsumer) sarama.PartitionConsumer { return c }
func (tap) WrapSyncProducer(_ *sarama.Config, p sarama.SyncProducer) sarama.SyncProducer {
	return p
}

// revokeGrace is how long messages in flight may go on when their partition is
// revoked. sarama sends no heartbeats meanwhile, so it must stay well below
// sessionTimeout; their acknowledgements are committed before the partition goes.
const revokeGrace = sessionTimeout / 2

// session is one membership, from one rebalance to the next.
type session struct {
	sarama sarama.ConsumerGroupSession
	// stopping is closed when the service drains or a rebalance begins.
	stopping chan struct{}
	// ctx is that of the session's messages: it outlives the rebalance's
	// beginning by revokeGrace.
	ctx    context.Context
	cancel context.CancelFunc
}

func newSession(of sarama.ConsumerGroupSession, drain <-chan struct{}) *session {
	s := &session{sarama: of, stopping: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(of.Context()))
	select {
	case <-drain: // at once: not one message of a session that begins after Drain
		close(s.stopping)
	default:
		go func() {
			select {
			case <-drain:
			case <-of.Context().Done():
			}
			close(s.stopping)
		}()
	}
	context.AfterFunc(of.Context(), func() {
		select {
		case <-time.After(revokeGrace):
			s.cancel()
		case <-s.ctx.Done():
		}
	})
	return s
}

// groupHandler wraps watermill-kafka's.
type groupHandler struct {
	stock sarama.ConsumerGroupHandler
	s     *Subscriber
}

func (h groupHandler) Setup(of sarama.ConsumerGroupSession) error {
	h.s.mu.Lock()
	h.s.session = newSession(of, h.s.stopping)
	h.s.claimed = make(map[int32]*claim)
	h.s.mu.Unlock()
	return h.stock.Setup(of)
}

func (h groupHandler) Cleanup(of sarama.ConsumerGroupSession) error {
	h.s.mu.Lock()
	h.s.session.cancel()
	h.s.session = nil
	h.s.mu.Unlock()
	return h.stock.Cleanup(of)
}

func (h groupHandler) ConsumeClaim(of sarama.ConsumerGroupSession, partition sarama.ConsumerGroupClaim) error {
	h.s.mu.Lock()
	c := newClaim(partition, h.s.session)
	h.s.claimed[partition.Partition()] = c
	h.s.busy++
	h.s.mu.Unlock()

	go c.feed()
	err := h.stock.ConsumeClaim(claimSession{ConsumerGroupSession: of, claim: c}, c)
	h.s.mu.Lock()
	h.s.busy--
	h.s.mu.Unlock()
	// Returning ends the session for all partitions; one that only drains stays
	// until the others are done too.
	select {
	case <-h.s.stopping:
		<-of.Context().Done()
	default:
	}
	return err
}
