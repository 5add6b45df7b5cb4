// Package kafka is the service's side of Kafka: the embedded broker, topics and
// offsets, publishers and subscribers for Watermill, and single pages read
// directly.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// Client asks the cluster what the pipelines' consumers and producers can't:
// topics, group offsets, and single pages of a partition.
type Client struct {
	kgo     *kgo.Client
	adm     *kadm.Client
	cluster Cluster

	mu     sync.Mutex
	places map[string]place // where a topic's partitions are led, as last seen
}

// place is what a direct fetch has to know of a topic.
type place struct {
	id      [16]byte
	leaders map[int32]int32
}

// NewClient prepares a client; it connects when it is first used.
func NewClient(cluster Cluster) (*Client, error) {
	cl, err := kgo.NewClient(append(cluster.options(),
		// A new cluster makes its coordinators, and a new topic its leaders, only
		// when they are first asked for.
		kgo.RequestRetries(50),
		kgo.RetryTimeout(patience),
		kgo.RetryBackoffFn(backOff),
		kgo.MetadataMinAge(250*time.Millisecond),
	)...)
	if err != nil {
		return nil, fmt.Errorf("kafka client for %v: %w", cluster.Brokers, err)
	}
	return &Client{kgo: cl, adm: kadm.NewClient(cl), cluster: cluster, places: make(map[string]place)}, nil
}

// Close ends the client's connections.
func (c *Client) Close() { c.kgo.Close() }

// Ping reports whether a broker answers. The error wraps a *RefusedError when
// one does, and asking again is of no use.
func (c *Client) Ping(ctx context.Context) error {
	if err := c.kgo.Ping(ctx); err != nil {
		return handler.Unavailable(fmt.Errorf("no kafka broker answers: %w", c.cluster.explain(err)))
	}
	return nil
}

// Bounds are the first offset of a partition and the one after its last
// committed record.
type Bounds struct{ Start, End int64 }

// Bounds asks for a partition's ends; ErrTopicMissing when there is no such topic.
func (c *Client) Bounds(ctx context.Context, topic string, partition int32) (Bounds, error) {
	starts, err := c.adm.ListStartOffsets(ctx, topic)
	if err != nil {
		return Bounds{}, handler.Unavailable(fmt.Errorf("offsets of %s: %w", topic, err))
	}
	ends, err := c.adm.ListCommittedOffsets(ctx, topic)
	if err != nil {
		return Bounds{}, handler.Unavailable(fmt.Errorf("offsets of %s: %w", topic, err))
	}
	start, ok := starts.Lookup(topic, partition)
	end, okEnd := ends.Lookup(topic, partition)
	if !ok || !okEnd || errors.Is(start.Err, kerr.UnknownTopicOrPartition) {
		return Bounds{}, fmt.Errorf("%s/%d: %w", topic, partition, ErrTopicMissing)
	}
	if err := errors.Join(start.Err, end.Err); err != nil {
		return Bounds{}, handler.Unavailable(fmt.Errorf("offsets of %s: %w", topic, err))
	}
	return Bounds{Start: start.Offset, End: end.Offset}, nil
}

// Written is the offset after the last record of a partition, whether or not its
// transaction is over: what was committed before is not all to be seen until
// readers have come so far. ErrTopicMissing when there is no such topic.
func (c *Client) Written(ctx context.Context, topic string, partition int32) (int64, error) {
	ends, err := c.adm.ListEndOffsets(ctx, topic)
	if err != nil {
		return 0, handler.Unavailable(fmt.Errorf("offsets of %s: %w", topic, err))
	}
	end, ok := ends.Lookup(topic, partition)
	if !ok || errors.Is(end.Err, kerr.UnknownTopicOrPartition) {
		return 0, fmt.Errorf("%s/%d: %w", topic, partition, ErrTopicMissing)
	}
	if end.Err != nil {
		return 0, handler.Unavailable(fmt.Errorf("offsets of %s: %w", topic, end.Err))
	}
	return end.Offset, nil
}

// Page is what one direct fetch brought.
type Page struct {
	Records []*record.Record
	// Next is the offset to go on from; it moves past the markers that
	// transactions leave, which are no records.
	Next int64
	// End is the offset after the partition's last committed record.
	End int64
}

// patience is how long a request that a broker refuses for the moment is
// repeated; the caller's context may end it earlier.
const patience = 10 * time.Second

// backOff is the pause before the nth repetition.
func backOff(n int) time.Duration {
	return min(20*time.Millisecond<<min(n, 6), 500*time.Millisecond)
}

// Fetch reads one page of committed records from offset on, up to about
// maxBytes, waiting at most wait for a first record: one request to the
// partition's leader, no consumer group, no session. ErrTopicMissing when there
// is no such topic.
func (c *Client) Fetch(ctx context.Context, topic string, partition int32, offset int64, maxBytes int32, wait time.Duration) (Page, error) {
	deadline := time.Now().Add(patience)
	for n := 0; ; n++ {
		page, err := c.fetch(ctx, topic, partition, offset, maxBytes, wait)
		if err == nil || !kerr.IsRetriable(err) || errors.Is(err, ErrTopicMissing) || time.Now().After(deadline) {
			return page, err
		}
		// The leader moved, or the topic was made anew: look again.
		c.forget(topic)
		select {
		case <-time.After(backOff(n)):
		case <-ctx.Done():
			return Page{}, err
		}
	}
}

func (c *Client) fetch(ctx context.Context, topic string, partition int32, offset int64, maxBytes int32, wait time.Duration) (Page, error) {
	at, err := c.place(ctx, topic)
	if err != nil {
		return Page{}, err
	}
	leader, ok := at.leaders[partition]
	if !ok {
		return Page{}, fmt.Errorf("%s/%d: %w", topic, partition, ErrTopicMissing)
	}
	part := kmsg.NewFetchRequestTopicPartition()
	part.Partition, part.FetchOffset, part.PartitionMaxBytes = partition, offset, maxBytes
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = int32(wait.Milliseconds()), 1, maxBytes
	req.IsolationLevel = 1 // read_committed
	req.Topics = []kmsg.FetchRequestTopic{{Topic: topic, TopicID: at.id, Partitions: []kmsg.FetchRequestTopicPartition{part}}}

	answer, err := c.kgo.Broker(int(leader)).RetriableRequest(ctx, req)
	if err != nil {
		c.forget(topic)
		return Page{}, handler.Unavailable(fmt.Errorf("fetch %s/%d at %d: %w", topic, partition, offset, err))
	}
	resp := answer.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return Page{}, fmt.Errorf("fetch %s/%d at %d: %w", topic, partition, offset, err)
	}
	if len(resp.Topics) == 0 || len(resp.Topics[0].Partitions) == 0 {
		return Page{Next: offset}, nil
	}
	return pageOf(topic, partition, offset, &resp.Topics[0].Partitions[0])
}

func pageOf(topic string, partition int32, offset int64, resp *kmsg.FetchResponseTopicPartition) (Page, error) {
	opts := kgo.ProcessFetchPartitionOpts{
		Offset: offset, IsolationLevel: kgo.ReadCommitted(), Topic: topic, Partition: partition,
	}
	got, next := kgo.ProcessFetchPartition(opts, resp, kgo.DefaultDecompressor(), nil)
	if got.Err != nil {
		return Page{}, fmt.Errorf("fetch %s/%d at %d: %w", topic, partition, offset, got.Err)
	}
	page := Page{Next: max(next, offset), End: got.LastStableOffset}
	for _, r := range got.Records {
		rec := &record.Record{
			Topic: topic, Partition: partition, Offset: r.Offset, Timestamp: r.Timestamp,
			Key: r.Key, Value: r.Value, Headers: make([]record.Header, len(r.Headers)),
		}
		for i, h := range r.Headers {
			rec.Headers[i] = record.Header{Key: h.Key, Value: h.Value}
		}
		page.Records = append(page.Records, rec)
	}
	return page, nil
}

// place looks up where topic's partitions are led, once a topic.
func (c *Client) place(ctx context.Context, topic string) (place, error) {
	c.mu.Lock()
	known, ok := c.places[topic]
	c.mu.Unlock()
	if ok {
		return known, nil
	}
	meta, err := c.adm.Metadata(ctx, topic)
	if err != nil {
		return place{}, handler.Unavailable(fmt.Errorf("metadata of %s: %w", topic, err))
	}
	detail, ok := meta.Topics[topic]
	if !ok || errors.Is(detail.Err, kerr.UnknownTopicOrPartition) {
		return place{}, fmt.Errorf("%s: %w", topic, ErrTopicMissing)
	}
	if detail.Err != nil {
		return place{}, handler.Unavailable(fmt.Errorf("metadata of %s: %w", topic, detail.Err))
	}
	found := place{id: detail.ID, leaders: make(map[int32]int32, len(detail.Partitions))}
	for n, p := range detail.Partitions {
		found.leaders[n] = p.Leader
	}
	c.mu.Lock()
	c.places[topic] = found
	c.mu.Unlock()
	return found, nil
}

func (c *Client) forget(topic string) {
	c.mu.Lock()
	delete(c.places, topic)
	c.mu.Unlock()
}
