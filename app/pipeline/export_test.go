package pipeline

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/trieungochai/kafka-notify/app/kafka"
)

// Wire gives p what a Router would, without any broker.
func (p *Pipeline) Wire(pub Publisher, topics Topics) {
	p.log, p.publisher, p.topics, p.metrics = slog.New(slog.DiscardHandler), pub, topics, NewMetrics(prometheus.NewRegistry())
	p.metrics.adopt(p)
}

// Process takes one delivery the whole way, as Watermill's router would, and
// returns what becomes of its acknowledgement.
func (p *Pipeline) Process(ctx context.Context, d *kafka.Delivery) error {
	handle := func(msg *message.Message) ([]*message.Message, error) { return nil, p.handle(msg) }
	chain := p.middlewares()
	if p.source(d.Record.Topic) == nil {
		chain = append([]message.HandlerMiddleware{chain[0], p.due}, chain[1:]...)
	}
	for i := len(chain) - 1; i >= 0; i-- {
		handle = chain[i](handle)
	}
	msg := message.NewMessage("", d.Record.Value)
	msg.SetContext(kafka.WithDelivery(ctx, d))
	_, err := handle(msg)
	return err
}

// Serve runs p on a router of Watermill's, as Router does, with a subscriber of
// the caller's for the source topic and for each of its retry topics.
func (p *Pipeline) Serve(ctx context.Context, sub func(topic string) message.Subscriber) (*message.Router, error) {
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: time.Second}, watermill.NopLogger{})
	if err != nil {
		return nil, err
	}
	for _, topic := range append(p.RetryTopics(), p.Sources[0].Topic) {
		router.AddConsumerHandler(topic, topic, sub(topic), p.handle).AddMiddleware(p.middlewares()...)
	}
	go func() { _ = router.Run(ctx) }()
	<-router.Running()
	return router, nil
}

// Released waits until no claims are being given back.
func (p *Pipeline) Released() { p.releases.Wait() }

// DueAt is when a retry record may be tried again.
var DueAt = dueAt

// Counts are the numbers of the status.
func (p *Pipeline) Counts() (delivered, dropped, retried, poisoned int64) {
	return p.delivered.Load(), p.droppedTotal.Load(), p.retried.Load(), p.poisoned.Load()
}

// Drops are the dropped messages of all handlers.
func (p *Pipeline) Drops() []DropStatus { return p.counts.all() }

// Sample, Rates and Minute are what a router does each second, and what the
// status says of it.
func (p *Pipeline) Sample() { p.history.add(p.sample()) }

// Rates is described at Sample.
func (p *Pipeline) Rates() Rates { return p.history.rates(p.sample()) }

// Minute is described at Sample.
func (p *Pipeline) Minute() []int { return p.history.delivered() }

// Paused is why p has paused itself, nil if it hasn't.
func (p *Pipeline) Paused() *BreakerStatus { return p.breaker.status() }

// LogTo makes p write its log to w.
func (p *Pipeline) LogTo(w io.Writer) { p.log = slog.New(slog.NewTextHandler(w, nil)) }

// Fingerprint is that of a failure.
var Fingerprint = fingerprint

// RetryTopicsIn are those of topics that p reads.
func (p *Pipeline) RetryTopicsIn(topics []string) []string {
	there := make(map[string]int32, len(topics))
	for _, topic := range topics {
		there[topic] = 1
	}
	return p.retryTopicsIn(there)
}
