package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// Producer sends records that belong to no message of a pipeline, many at once,
// each written once (idempotent) and acknowledged by all in-sync replicas.
type Producer struct {
	client   *kgo.Client
	maxBytes int
}

// NewProducer prepares a producer of records up to maxBytes; it connects when
// it is first used.
func NewProducer(cluster Cluster, maxBytes int) (*Producer, error) {
	client, err := kgo.NewClient(append(cluster.options(),
		kgo.MetadataMinAge(100*time.Millisecond),
		kgo.RetryBackoffFn(backOff),
		kgo.ProducerBatchMaxBytes(int32(maxBytes)),
		kgo.ProducerBatchCompression(kgo.NoCompression()), // as the other publishers; brokers bound compressed sizes
		kgo.ProducerLinger(0),                             // what comes in while a request is under way goes into the next
		kgo.RecordDeliveryTimeout(deliveryTimeout),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), // murmur2, as everywhere
	)...)
	if err != nil {
		return nil, fmt.Errorf("producer for %v: %w", cluster.Brokers, err)
	}
	return &Producer{client: client, maxBytes: maxBytes}, nil
}

// Publish sends records and returns once all in-sync replicas have them, or ctx
// ends. There is an error for each: nil, ErrTooLarge (permanent),
// ErrTopicMissing, or one that satisfies handler.IsUnavailable; that record may
// be written all the same, even later.
func (p *Producer) Publish(ctx context.Context, recs ...*record.Record) []error {
	s := &sending{errs: make([]error, len(recs)), done: make(chan struct{}), left: len(recs)}
	for i, rec := range recs {
		s.errs[i] = errUnanswered
		if size := rec.Size(); size > p.maxBytes {
			s.answer(i, tooLargeFor(rec.Topic, size, p.maxBytes))
			continue
		}
		p.client.Produce(ctx, outgoing(rec), func(_ *kgo.Record, err error) { s.answer(i, err) })
	}
	if len(recs) > 0 {
		select {
		case <-s.done:
		case <-ctx.Done():
		}
	}
	errs := s.answers()
	for i, err := range errs {
		switch {
		case errors.Is(err, errUnanswered):
			errs[i] = handler.Unavailable(fmt.Errorf("publish to %s: %w: %w", recs[i].Topic, err, context.Cause(ctx)))
		case err != nil && !errors.Is(err, ErrTooLarge):
			errs[i] = publishError(recs[i].Topic, err)
		}
	}
	return errs
}

var errUnanswered = errors.New("no acknowledgement")

// sending is one call of Publish.
type sending struct {
	done chan struct{} // closed when there is an answer for every record

	mu   sync.Mutex
	errs []error
	left int
}

func (s *sending) answer(i int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs[i] = err
	if s.left--; s.left == 0 {
		close(s.done)
	}
}

// answers are those there are; later ones leave them alone.
func (s *sending) answers() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := s.errs
	s.errs = make([]error, len(errs))
	return errs
}

// Close waits a little for what is under way.
func (p *Producer) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	err := p.client.Flush(ctx)
	p.client.Close()
	if err != nil {
		return errors.New("close a producer: the broker doesn't answer; what was under way may or may not be written")
	}
	return nil
}

func tooLargeFor(topic string, size, limit int) error {
	return handler.Permanent(fmt.Errorf("publish to %s: %w: %d bytes, and %d are allowed", topic, ErrTooLarge, size, limit))
}

// publishError sorts what franz-go says of a record: a refusal that would come
// again, or an outage.
func publishError(topic string, err error) error {
	switch {
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return fmt.Errorf("publish to %s: not allowed; grant WRITE on the topic: %w", topic, err)
	}
	if refused := refusalOf(topic, err); refused != nil {
		return refused
	}
	return handler.Unavailable(fmt.Errorf("publish to %s: %w", topic, err))
}
