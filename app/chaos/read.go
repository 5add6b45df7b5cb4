package chaos

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/trieungochai/kafka-notify/app/record"
)

// Record is what a check has to know of one.
type Record struct {
	Topic     string
	Partition int32
	Offset    int64
	// EventID is the event it descends from, UUID its own id: that of the
	// notification in a delivery topic.
	EventID, UUID string
	// PoisonID is empty elsewhere than in the poison topic.
	PoisonID string
}

// Place says where it stands.
func (r Record) Place() string { return fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Offset) }

func recordOf(r *kgo.Record) Record {
	rec := Record{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}
	for _, h := range r.Headers {
		switch h.Key {
		case record.HeaderEventID:
			rec.EventID = string(h.Value)
		case record.HeaderUUID:
			rec.UUID = string(h.Value)
		case record.PoisonID:
			rec.PoisonID = string(h.Value)
		}
	}
	return rec
}

// read returns all that stands committed in the topics, each partition in its
// order. A topic that isn't there has nothing.
func (c *cluster) read(ctx context.Context, topics ...string) (map[string][]Record, error) {
	all := make(map[string][]Record)
	from, until, err := c.bounds(ctx, topics)
	if err != nil || len(until) == 0 {
		return all, err
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(c.brokers...), kgo.ConsumePartitions(from),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // an end may be a marker and no record
	)
	if err != nil {
		return nil, fmt.Errorf("read %v: %w", topics, err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for len(until) > 0 {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%d partitions could not be read to their end: %w", len(until), context.Cause(ctx))
		}
		fetches.EachRecord(func(r *kgo.Record) {
			at := partition{r.Topic, r.Partition}
			if r.Offset+1 >= until[at] {
				delete(until, at)
			}
			if !r.Attrs.IsControl() {
				all[r.Topic] = append(all[r.Topic], recordOf(r))
			}
		})
	}
	return all, nil
}

type partition struct {
	topic string
	id    int32
}

// bounds are where reading the topics starts, and before which offset it ends.
// Empty partitions are left out.
func (c *cluster) bounds(ctx context.Context, topics []string) (from map[string]map[int32]kgo.Offset, until map[partition]int64, err error) {
	from, until = make(map[string]map[int32]kgo.Offset), make(map[partition]int64)
	starts, err := c.admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		return nil, nil, fmt.Errorf("start of %v: %w", topics, err)
	}
	ends, err := c.admin.ListCommittedOffsets(ctx, topics...)
	if err != nil {
		return nil, nil, fmt.Errorf("end of %v: %w", topics, err)
	}
	for topic, partitions := range ends {
		for id, end := range partitions {
			start, ok := starts.Lookup(topic, id)
			if !ok || start.Err != nil || end.Err != nil || end.Offset <= start.Offset {
				continue
			}
			if from[topic] == nil {
				from[topic] = make(map[int32]kgo.Offset)
			}
			from[topic][id] = kgo.NewOffset().At(start.Offset)
			until[partition{topic, id}] = end.Offset
		}
	}
	return from, until, nil
}
