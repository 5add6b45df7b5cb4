package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/IBM/sarama"
	wmkafka "github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// ErrTooLarge is a record that its topic will never take.
var ErrTooLarge error = tooLarge{}

type tooLarge struct{}

func (tooLarge) Error() string  { return "the record is larger than its topic takes" }
func (tooLarge) TooLarge() bool { return true } // how fronts know it without this package

// ErrTopicMissing is a topic that is not there, or not yet known to the broker.
var ErrTopicMissing = errors.New("the topic does not exist")

// Publisher sends records with watermill-kafka's publisher, each acknowledged
// by all in-sync replicas. Calls from many goroutines are batched by sarama.
type Publisher struct {
	stock *wmkafka.Publisher
}

// NewPublisher connects to the brokers. Records up to maxBytes are sent.
func NewPublisher(cluster Cluster, maxBytes int, log *slog.Logger) (*Publisher, error) {
	stock, err := wmkafka.NewPublisher(wmkafka.PublisherConfig{
		Brokers:               cluster.Brokers,
		Marshaler:             marshaler{},
		OverwriteSaramaConfig: cluster.apply(producerConfig(maxBytes)),
	}, NewLogger(log))
	if err != nil {
		return nil, fmt.Errorf("connect a producer to %v: %w", cluster.Brokers, cluster.explain(err))
	}
	return &Publisher{stock: stock}, nil
}

// Publish sends rec to rec.Topic and returns once all in-sync replicas have
// it. Errors: ErrTooLarge (permanent), or one that satisfies
// handler.IsUnavailable when the broker is away or didn't answer before ctx
// ended; the record may then have been written all the same.
func (p *Publisher) Publish(ctx context.Context, rec *record.Record) error {
	msg := message.NewMessage(rec.Get(record.HeaderUUID), rec.Value)
	msg.SetContext(withRecord(ctx, rec))
	// sarama's SyncProducer knows no context, and keeps trying for a while.
	sent := make(chan error, 1)
	go func() { sent <- p.stock.Publish(rec.Topic, msg) }()
	select {
	case err := <-sent:
		return explain(rec.Topic, err)
	case <-ctx.Done():
		return handler.Unavailable(fmt.Errorf("publish to %s: no acknowledgement: %w", rec.Topic, context.Cause(ctx)))
	}
}

// Close waits a little for what is under way and closes the producer. sarama's
// own Close waits until a broker that doesn't answer was asked twenty times,
// for minutes; nobody waits for those answers any more.
func (p *Publisher) Close() error {
	closed := make(chan error, 1)
	go func() { closed <- p.stock.Close() }()
	select {
	case err := <-closed:
		return err
	case <-time.After(closePatience):
		return errors.New("close a producer: the broker doesn't answer; what was under way may or may not be written")
	}
}

// closePatience is how long Close waits for the broker.
const closePatience = 2 * time.Second

// explain sorts a producer's errors: those that are the record's own fault,
// those that are the topic's, and all others, which are an outage.
func explain(topic string, err error) error {
	if err == nil {
		return nil
	}
	var config sarama.ConfigurationError
	switch {
	case errors.Is(err, sarama.ErrMessageSizeTooLarge), errors.As(err, &config):
		return handler.Permanent(fmt.Errorf("publish to %s: %w: %w", topic, ErrTooLarge, err))
	case errors.Is(err, sarama.ErrInvalidTopic):
		return handler.Permanent(fmt.Errorf("publish to %s: %w", topic, err))
	case errors.Is(err, sarama.ErrUnknownTopicOrPartition):
		return fmt.Errorf("publish to %s: %w: %w", topic, ErrTopicMissing, err)
	case errors.Is(err, sarama.ErrTopicAuthorizationFailed), errors.Is(err, sarama.ErrClusterAuthorizationFailed):
		return fmt.Errorf("publish to %s: not allowed; grant WRITE on the topic: %w", topic, err)
	default:
		return handler.Unavailable(fmt.Errorf("publish to %s: %w", topic, err))
	}
}
