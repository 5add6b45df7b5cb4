package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// Readers are the consumer groups that read topic, sorted: those that have a
// member for it, and those that have committed offsets of it. ErrTopicMissing
// when there is no such topic.
func (c *Client) Readers(ctx context.Context, topic string) ([]string, error) {
	details, err := c.adm.ListTopics(ctx, topic)
	if err != nil {
		return nil, handler.Unavailable(fmt.Errorf("metadata of %s: %w", topic, err))
	}
	if !details.Has(topic) || errors.Is(details[topic].Err, kerr.UnknownTopicOrPartition) {
		return nil, fmt.Errorf("%s: %w", topic, ErrTopicMissing)
	}
	groups, err := c.adm.ListGroups(ctx)
	if err != nil {
		return nil, handler.Unavailable(fmt.Errorf("list consumer groups: %w", err))
	}
	names := groups.Groups()
	readers := []string{}
	if len(names) == 0 {
		return readers, nil
	}
	described, err := c.adm.DescribeGroups(ctx, names...)
	if err != nil {
		return nil, handler.Unavailable(fmt.Errorf("describe consumer groups: %w", err))
	}
	for name, offsets := range c.adm.FetchManyOffsets(ctx, names...) {
		committed := offsets.Err == nil && len(offsets.Fetched[topic]) > 0
		if group, ok := described[name]; committed || ok && len(group.AssignedPartitions()[topic]) > 0 {
			readers = append(readers, name)
		}
	}
	slices.Sort(readers)
	return readers, nil
}

// Since calls visit with every committed record that was written to topic at
// that time or later, up to the present end of each partition. Where a
// transaction is open there, it waits until that is over.
func (c *Client) Since(ctx context.Context, topic string, at time.Time, visit func(*record.Record)) error {
	from, err := c.adm.ListOffsetsAfterMilli(ctx, at.UnixMilli(), topic)
	if err != nil {
		return handler.Unavailable(fmt.Errorf("offsets of %s: %w", topic, err))
	}
	ends, err := c.adm.ListEndOffsets(ctx, topic)
	if err != nil {
		return handler.Unavailable(fmt.Errorf("offsets of %s: %w", topic, err))
	}
	var failed error
	from.Each(func(start kadm.ListedOffset) {
		end, _ := ends.Lookup(topic, start.Partition)
		if failed == nil {
			failed = c.between(ctx, topic, start.Partition, start.Offset, end.Offset, visit)
		}
	})
	return failed
}

// between visits the records of a partition in [from, to).
func (c *Client) between(ctx context.Context, topic string, partition int32, from, to int64, visit func(*record.Record)) error {
	for from < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		page, err := c.Fetch(ctx, topic, partition, from, rangeBytes, 500*time.Millisecond)
		if err != nil {
			return err
		}
		for _, rec := range page.Records {
			if rec.Offset < to {
				visit(rec)
			}
		}
		from = page.Next
	}
	return nil
}
