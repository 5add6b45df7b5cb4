package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/trieungochai/kafka-notify/app/record"
)

// delivered is what stands in the delivery topics for a read_committed reader.
type delivered struct {
	offsets map[string][]int64 // of the records, by topic, in order
	records int
	events  int // different ones
}

// readBack reads all delivery topics to their ends.
func (c *cluster) readBack(ctx context.Context, w workload, events int, topics []string) (delivered, error) {
	d := delivered{offsets: make(map[string][]int64, len(topics))}
	ends, err := c.ends(ctx, readCommitted, topics)
	if err != nil {
		return d, err
	}
	left := make(map[string]int64)
	from := make(map[string]map[int32]kgo.Offset)
	for topic, end := range ends {
		if end[0] > 0 {
			left[topic] = end[0]
			from[topic] = map[int32]kgo.Offset{0: kgo.NewOffset().At(0)}
		}
	}
	if len(from) == 0 {
		return d, errors.New("nothing was delivered")
	}
	reader, err := kgo.NewClient(
		kgo.SeedBrokers(c.brokers...), kgo.ConsumePartitions(from),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // the markers of transactions end many a topic
	)
	if err != nil {
		return d, err
	}
	defer reader.Close()
	seen := make([]bool, events)
	for len(left) > 0 {
		polling, cancel := context.WithTimeout(ctx, stall)
		fetches := reader.PollFetches(polling)
		cancel()
		if err := fetches.Err(); err != nil {
			return d, fmt.Errorf("read the delivery topics: %d are not at their end: %w", len(left), err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if end, ok := left[r.Topic]; ok && r.Offset >= end-1 {
				delete(left, r.Topic)
			}
			if r.Attrs.IsControl() {
				return
			}
			d.records++
			d.offsets[r.Topic] = append(d.offsets[r.Topic], r.Offset)
			if n := w.number(header(r, record.HeaderEventID)); n >= 0 && n < events && !seen[n] {
				seen[n] = true
				d.events++
			}
		})
	}
	return d, nil
}

func header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// reader notes when each event's notification became readable.
type reader struct {
	client *kgo.Client
	done   chan struct{}
	cancel context.CancelFunc
}

// newReader reads the delivery topics of w, read_committed, from now on. saw is
// called from one goroutine, for every record.
func (c *cluster) newReader(ctx context.Context, w workload, saw func(event int, at time.Time)) (*reader, error) {
	from := make(map[string]map[int32]kgo.Offset, w.people)
	for _, topic := range w.deliveryTopics() {
		from[topic] = map[int32]kgo.Offset{0: kgo.NewOffset().At(0)}
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(c.brokers...), kgo.ConsumePartitions(from),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &reader{client: client, done: make(chan struct{}), cancel: cancel}
	go func() {
		defer close(r.done)
		for ctx.Err() == nil {
			fetches := client.PollFetches(ctx)
			now := time.Now()
			fetches.EachRecord(func(rec *kgo.Record) {
				saw(w.number(header(rec, record.HeaderEventID)), now)
			})
		}
	}()
	return r, nil
}

func (r *reader) close() {
	r.cancel()
	<-r.done
	r.client.Close()
}
