package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// cluster is the Kafka that one contestant is measured on: an embedded broker
// of its own over an empty folder, or the cluster of -brokers, from which every
// topic and group of the run is deleted afterwards.
type cluster struct {
	brokers []string
	broker  *child // nil for a cluster that was there
	cl      *kgo.Client
	adm     *kadm.Client

	run    string   // is in the names of all that the run makes
	topics []string // to delete
}

// openCluster starts the embedded broker in dir, or connects to brokers.
func openCluster(ctx context.Context, run, dir string, brokers []string) (*cluster, error) {
	c := &cluster{run: run, brokers: brokers}
	if len(brokers) == 0 {
		data, err := os.MkdirTemp(dir, "broker")
		if err != nil {
			return nil, err
		}
		if c.broker, err = spawn(ctx, dir, "broker", task{Dir: data}); err != nil {
			return nil, err
		}
		c.brokers = []string{c.broker.addr}
	}
	var err error
	c.cl, err = kgo.NewClient(
		kgo.SeedBrokers(c.brokers...),
		kgo.MetadataMinAge(250*time.Millisecond),
		kgo.ProducerBatchCompression(kgo.NoCompression()), // as the service writes
		kgo.RequestRetries(50),
		kgo.RetryTimeout(30*time.Second),
	)
	if err != nil {
		return nil, errors.Join(err, c.close(ctx))
	}
	c.adm = kadm.NewClient(c.cl)
	return c, nil
}

// close ends the embedded broker, or deletes what the run left on the cluster.
func (c *cluster) close(ctx context.Context) error {
	if c.broker != nil {
		if c.cl != nil {
			c.cl.Close()
		}
		return c.broker.kill()
	}
	if c.cl == nil {
		return nil
	}
	defer c.cl.Close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
	defer cancel()
	var errs []error
	for chunk := range slices.Chunk(c.topics, topicsAtOnce) {
		answers, err := c.adm.DeleteTopics(ctx, chunk...)
		errs = append(errs, err)
		for _, answer := range answers {
			if answer.Err != nil && !errors.Is(answer.Err, kerr.UnknownTopicOrPartition) {
				errs = append(errs, fmt.Errorf("delete topic %s: %w", answer.Topic, answer.Err))
			}
		}
	}
	groups, err := c.adm.ListGroups(ctx)
	names := slices.DeleteFunc(groups.Groups(), func(name string) bool { return !strings.Contains(name, "-"+c.run) })
	if len(names) > 0 {
		// One whose member was killed can't be deleted yet: without topics it ends by itself.
		_, _ = c.adm.DeleteGroups(ctx, names...)
	}
	return errors.Join(append(errs, err)...)
}

// topicsAtOnce is how many topics go into one request.
const topicsAtOnce = 500

// create makes topics and waits until all of them have leaders.
func (c *cluster) create(ctx context.Context, partitions int, topics ...string) error {
	made := topics
	c.topics = append(c.topics, topics...)
	for chunk := range slices.Chunk(topics, topicsAtOnce) {
		answers, err := c.adm.CreateTopics(ctx, int32(partitions), -1, nil, chunk...)
		if err == nil {
			err = answers.Error()
		}
		if err != nil {
			return fmt.Errorf("create %d topics: %w", len(chunk), err)
		}
	}
	for len(topics) > 0 {
		details, err := c.adm.ListTopics(ctx, topics[:min(len(topics), topicsAtOnce)]...)
		if err != nil {
			return fmt.Errorf("wait for the leaders of new topics: %w", err)
		}
		led := func(name string) bool {
			d, ok := details[name]
			return ok && d.Err == nil && len(d.Partitions) == partitions &&
				!slices.ContainsFunc(d.Partitions.Sorted(), func(p kadm.PartitionDetail) bool { return p.Err != nil || p.Leader < 0 })
		}
		left := slices.DeleteFunc(slices.Clone(topics), led)
		if len(left) == len(topics) {
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		topics = left
	}
	return c.awaitAll(ctx, made)
}

// awaitAll waits until every broker knows the topics: of several one learns of
// them later than another, and refuses who comes too soon.
func (c *cluster) awaitAll(ctx context.Context, topics []string) error {
	brokers, err := c.adm.ListBrokers(ctx)
	if err != nil {
		return fmt.Errorf("list brokers: %w", err)
	}
	for _, broker := range brokers {
		for chunk := range slices.Chunk(topics, topicsAtOnce) {
			for {
				known, err := c.knows(ctx, broker.NodeID, chunk)
				if err != nil {
					return fmt.Errorf("ask broker %d for new topics: %w", broker.NodeID, err)
				}
				if known {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
		}
	}
	return nil
}

// knows reports whether a broker has leaders for all of the topics.
func (c *cluster) knows(ctx context.Context, broker int32, topics []string) (bool, error) {
	req := kmsg.NewPtrMetadataRequest()
	for _, name := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, t)
	}
	answer, err := c.cl.Broker(int(broker)).RetriableRequest(ctx, req)
	if err != nil {
		return false, err
	}
	for _, t := range answer.(*kmsg.MetadataResponse).Topics {
		unled := func(p kmsg.MetadataResponseTopicPartition) bool { return p.ErrorCode != 0 }
		if t.ErrorCode != 0 || slices.ContainsFunc(t.Partitions, unled) {
			return false, nil
		}
	}
	return true, nil
}

// fill writes the first n events of w into its topic.
func (c *cluster) fill(ctx context.Context, w workload, n int) error {
	failed := make(chan error, 1)
	for i := range n {
		r, err := w.record(i, time.Now())
		if err != nil {
			return err
		}
		c.cl.Produce(ctx, r, func(_ *kgo.Record, err error) {
			if err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		})
	}
	if err := c.cl.Flush(ctx); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return fmt.Errorf("write the backlog: %w", err)
	default:
		return nil
	}
}

// isolation is what a reader gets to see.
type isolation int8

// Values of isolation, as in Kafka's protocol.
const (
	readUncommitted isolation = 0
	readCommitted   isolation = 1
)

// ends are the offsets after the last record that a reader may read, of
// partition 0 of each topic unless others are named. What heals by itself is
// waited for: of several brokers one hears later than another of a new topic.
func (c *cluster) ends(ctx context.Context, reader isolation, topics []string, partition ...int32) (map[string][]int64, error) {
	if len(partition) == 0 {
		partition = []int32{0}
	}
	for begun := time.Now(); ; {
		ends, err := c.askEnds(ctx, reader, topics, partition)
		if err == nil || !kerr.IsRetriable(err) || time.Since(begun) > healing {
			return ends, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// healing is how long an error that the protocol calls retriable may last.
const healing = 10 * time.Second

func (c *cluster) askEnds(ctx context.Context, reader isolation, topics []string, partitions []int32) (map[string][]int64, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID, req.IsolationLevel = -1, int8(reader) // -1: a consumer's
	for _, name := range topics {
		t := kmsg.NewListOffsetsRequestTopic()
		t.Topic = name
		for _, n := range partitions {
			p := kmsg.NewListOffsetsRequestTopicPartition()
			p.Partition, p.Timestamp = n, -1
			t.Partitions = append(t.Partitions, p)
		}
		req.Topics = append(req.Topics, t)
	}
	answer, err := req.RequestWith(ctx, c.cl)
	if err != nil {
		return nil, fmt.Errorf("ask for end offsets: %w", err)
	}
	ends := make(map[string][]int64, len(topics))
	for _, t := range answer.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return nil, fmt.Errorf("end offset of %s/%d: %w", t.Topic, p.Partition, err)
			}
			ends[t.Topic] = append(ends[t.Topic], p.Offset)
		}
	}
	return ends, nil
}

// written is how many records stand in a topic without transactions.
func (c *cluster) written(ctx context.Context, topic string, partitions int) (sum int64, err error) {
	numbers := make([]int32, partitions)
	for i := range numbers {
		numbers[i] = int32(i)
	}
	ends, err := c.ends(ctx, readCommitted, []string{topic}, numbers...)
	for _, end := range ends[topic] {
		sum += end
	}
	return sum, err
}

// done is how many events of the topic the group has committed.
func (c *cluster) done(ctx context.Context, group, topic string) (sum int64, err error) {
	offsets, err := c.adm.FetchOffsetsForTopics(ctx, group, topic)
	switch {
	case errors.Is(err, kerr.GroupIDNotFound): // nobody has joined yet
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("ask for the offsets of group %s: %w", group, err)
	}
	offsets.Each(func(o kadm.OffsetResponse) { sum += max(o.At, 0) })
	return sum, nil
}

// describe names the broker and its version.
func (c *cluster) describe(ctx context.Context) string {
	if c.broker != nil {
		return "embedded (kfake " + moduleVersion("github.com/twmb/franz-go/pkg/kfake") + ")"
	}
	answer, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, c.cl)
	if err != nil {
		return "a cluster"
	}
	return "Apache Kafka " + kversion.FromApiVersionsResponse(answer).VersionGuess()
}
