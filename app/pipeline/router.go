package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"golang.org/x/sync/errgroup"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/config"
)

// Wiring is what the running pipelines use.
type Wiring struct {
	Cluster kafka.Cluster
	// Instance tells this process from the others of the service.
	Instance string
	// StopWhenLost ends a pipeline, instead of going on with the oldest record,
	// when the broker no longer has its committed offset.
	StopWhenLost bool
	Client       *kafka.Client
	Publisher    Publisher
	Topics       Topics
	Metrics      *Metrics
	Log          *slog.Logger
}

// Router runs pipelines: one handler of Watermill's router for each source
// topic and one for each retry topic.
type Router struct {
	pipelines []*Pipeline
	wiring    Wiring
	router    *message.Router
	loops     []*loop
	stopped   atomic.Bool
	running   bool // Run was called
	ran       chan error
}

// loop is one consumer group of a pipeline.
type loop struct {
	pipeline *Pipeline
	topic    string
	group    string
	tier     int
	sub      subscriber
}

// subscriber is a member of a consumer group, transactional or not.
type subscriber interface {
	message.Subscriber
	// Joined reports whether the group has taken the member in.
	Joined() bool
	// Err is why the member does not read its topic, nil when it does.
	Err() error
	// Drain takes no new messages and waits for those in flight.
	Drain(ctx context.Context) error
}

var (
	_ subscriber = (*kafka.Subscriber)(nil)
	_ subscriber = (*kafka.Transactional)(nil)
)

// NewRouter prepares the pipelines to run.
func NewRouter(pipelines []*Pipeline, w Wiring) *Router {
	for _, p := range pipelines {
		p.log, p.publisher, p.topics, p.metrics = w.Log, w.Publisher, w.Topics, w.Metrics
		w.Metrics.adopt(p)
	}
	return &Router{pipelines: pipelines, wiring: w, ran: make(chan error, 1)}
}

// Start gives new groups their first offsets, finds the retry topics to read
// and lets every group join. The topics must be there.
func (r *Router) Start(ctx context.Context) error {
	there, err := r.wiring.Client.TopicPartitions(ctx)
	if err != nil {
		return err
	}
	if err := r.refuseOrphans(ctx, there); err != nil {
		return err
	}
	r.router, err = message.NewRouter(message.RouterConfig{CloseTimeout: 10 * time.Second}, kafka.NewLogger(r.wiring.Log))
	if err != nil {
		return err
	}
	for _, p := range r.pipelines {
		for _, s := range p.Sources {
			if err := s.begin(ctx, r.wiring.Client, p.Start, r.wiring.Log); err != nil {
				return err
			}
			if err := r.add(p, s.Topic, s.Group, sourceTier); err != nil {
				return err
			}
		}
		for _, topic := range p.retryTopicsIn(there) {
			id, tier, _ := ParseRetryTopic(topic)
			if err := r.add(p, topic, tierGroup(id, tier), tier); err != nil {
				return err
			}
		}
	}
	// Canceling this context would cancel messages in flight: Stop drains first.
	r.running = true
	go func() { r.ran <- r.router.Run(context.WithoutCancel(ctx)) }()
	select {
	case <-r.router.Running():
		return nil
	case err := <-r.ran:
		r.ran <- err
		return fmt.Errorf("start the pipelines: %w", err)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *Router) add(p *Pipeline, topic, group string, tier int) error {
	sub, err := r.subscriber(p, group, tier)
	if err != nil {
		return err
	}
	l := &loop{pipeline: p, topic: topic, group: group, tier: tier, sub: sub}
	r.loops = append(r.loops, l)
	h := r.router.AddConsumerHandler(group, topic, sub, p.handle)
	middlewares := p.middlewares()
	if _, stock := sub.(*kafka.Subscriber); stock && tier != sourceTier {
		// Inside settle, before all else: a message that isn't due is not in work.
		middlewares = append([]message.HandlerMiddleware{middlewares[0], p.due}, middlewares[1:]...)
	}
	h.AddMiddleware(middlewares...)
	return nil
}

// subscriber prepares a member of a group: the transactional one, which hands a
// retry record out when it is due, or watermill-kafka's.
func (r *Router) subscriber(p *Pipeline, group string, tier int) (subscriber, error) {
	if p.delivery == config.AtLeastOnce {
		return kafka.NewSubscriber(r.wiring.Cluster, group, r.wiring.Log)
	}
	c := kafka.TransactionalConfig{
		Cluster: r.wiring.Cluster, Group: group, Instance: r.wiring.Instance,
		Sessions: p.sessions, Messages: p.batch.Messages, Bytes: p.batch.Bytes, Topics: p.batch.Partitions,
		MaxBytes: p.maxBytes, Bare: true, StopWhenLost: r.wiring.StopWhenLost, Log: r.wiring.Log,
	}
	if tier != sourceTier {
		c.Sessions, c.Messages, c.Due, c.Linger = 1, min(c.Messages, tierMessages), dueAt, lingerOf(tier)
	}
	return kafka.NewTransactional(c), nil
}

// lingerOf is how long a transaction of a retry tier waits for more: its messages
// have waited for seconds, and those of the source topic must not wait for a
// cluster that makes one transaction for each of them. For what is sent back
// somebody may be waiting.
func lingerOf(tier int) time.Duration {
	if tier == redriveTier {
		return 100 * time.Millisecond
	}
	return 500 * time.Millisecond
}

// tierMessages bounds the messages of a retry tier that are held while they are
// not due.
const tierMessages = 1000

// refuseOrphans refuses to start over accepted messages that wait in a retry
// topic no pipeline of the file reads.
func (r *Router) refuseOrphans(ctx context.Context, there map[string]int32) error {
	known := make(map[string]bool)
	for _, p := range r.pipelines {
		for _, id := range p.ids() {
			known[id] = true
		}
	}
	var left []string
	for topic := range there {
		id, tier, ok := ParseRetryTopic(topic)
		if !ok || known[id] {
			continue
		}
		lags, err := r.wiring.Client.Lag(ctx, tierGroup(id, tier), topic)
		if err != nil {
			return err
		}
		var lag int64
		for _, l := range lags {
			lag += l.Lag()
		}
		if lag > 0 {
			left = append(left, fmt.Sprintf("%s (up to %d%s)", topic, lag, r.leftBy(id)))
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("accepted messages wait in retry topics that no pipeline of the file reads: %s. "+
			"Put the pipeline back until they are done (a renamed one keeps its old name as `id`), or delete the topics", strings.Join(left, ", "))
	}
	return nil
}

// leftBy says of what source a retry topic may have been that only its id is
// known of.
func (r *Router) leftBy(id string) string {
	for _, p := range r.pipelines {
		if eventType, ok := strings.CutPrefix(id, p.ID+"."); ok {
			return fmt.Sprintf("; if they are of events.%s, put that back into `subscribe` of %s", eventType, p.Name)
		}
	}
	return ""
}

// Missing names the groups that have not been taken in yet; empty when all have.
func (r *Router) Missing() []string {
	var missing []string
	for _, l := range r.loops {
		if !l.sub.Joined() {
			missing = append(missing, l.group)
		}
	}
	return missing
}

// Stop takes no new messages, finishes those in flight, sees their offsets
// committed, and leaves the groups. What ctx cuts short comes again.
func (r *Router) Stop(ctx context.Context) error {
	// A router that never ran has nothing to close, and would wait for its handlers to end.
	if !r.stopped.CompareAndSwap(false, true) || !r.running {
		return nil
	}
	var drains errgroup.Group
	for _, l := range r.loops {
		drains.Go(func() error { return l.drain(ctx, r.wiring.Client) })
	}
	drained := drains.Wait()
	closed := r.router.Close()
	for _, p := range r.pipelines {
		p.releases.Wait()
	}
	select {
	case err := <-r.ran:
		return errors.Join(drained, closed, err)
	case <-ctx.Done():
		return errors.Join(drained, closed, context.Cause(ctx))
	}
}

// drain finishes the loop's messages. Of the stock subscriber it waits until the
// group's committed offsets show them: sarama's own commit reports nothing.
func (l *loop) drain(ctx context.Context, client *kafka.Client) error {
	if err := l.sub.Drain(ctx); err != nil {
		return err
	}
	stock, ok := l.sub.(*kafka.Subscriber)
	if !ok {
		return nil
	}
	for {
		behind, err := l.uncommitted(ctx, client, stock.Marked())
		if err == nil && !behind {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("group %s: the last offsets could not be committed, some messages come again: %w",
				l.group, errors.Join(err, context.Cause(ctx)))
		case <-time.After(50 * time.Millisecond):
			stock.Commit(ctx)
		}
	}
}

func (l *loop) uncommitted(ctx context.Context, client *kafka.Client, marked map[int32]int64) (bool, error) {
	if len(marked) == 0 {
		return false, nil
	}
	lags, err := client.Lag(ctx, l.group, l.topic)
	if err != nil {
		return false, err
	}
	for _, at := range lags {
		if at.Committed < marked[at.Partition] {
			return true, nil
		}
	}
	return false, nil
}
