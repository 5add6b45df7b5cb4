package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
)

// The bare loops do the least that a router of notifications can do: read the
// person's id out of an event's JSON, write as many bytes of JSON as a
// notification of the service has into the person's topic, commit. No schema, no
// lookup, no deduplication, no retries, no poison. Nothing is compressed, as in
// the service.

// looped is what a bare loop reads of an event.
type looped struct {
	ID   string `json:"id"`
	Data struct {
		Followee string `json:"followee_id"`
	} `json:"data"`
}

// notification is what a bare loop writes for an event, and into which topic.
func notification(event []byte) (topic string, e looped, value []byte, err error) {
	if err := json.Unmarshal(event, &e); err != nil {
		return "", e, nil, fmt.Errorf("read an event: %w", err)
	}
	value = make([]byte, 0, 512)
	value = append(value, `{"id":"00000000-0000-5000-8000-000000000000","type":"follow-b000000-00","recipient":{"id":"`...)
	value = append(value, e.Data.Followee...)
	value = append(value, `","name":"Person 00000"},"actor":{"id":"b000000-00-f000","name":"Person 00000"},`+
		`"text":"Person 00000 started following you.",`+
		`"data":{"follower_id":"b000000-00-f000","followee_id":"b000000-00-p000"},`+
		`"created_at":"2026-01-02T15:04:05.123Z","event":{"id":"`...)
	value = append(value, e.ID...)
	value = append(value, `","source":"/kafka-notify/follow-b000000-00","type":"follow-b000000-00",`+
		`"time":"2026-01-02T15:04:05.123456789Z"}}`...)
	return kafka.UserTopicPrefix + e.Data.Followee, e, value, nil
}

func consumerOptions(t task) []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(t.Brokers...), kgo.ConsumerGroup(t.Group), kgo.ConsumeTopics(t.Topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RetryBackoffFn(backOff),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { joined() }),
	}
}

// backOff is the service's. With its own of a quarter of a second and more,
// franz-go would wait that long after each transaction on Apache Kafka, which
// goes on marking its partitions when it has said that it is committed.
func backOff(n int) time.Duration {
	return min(20*time.Millisecond<<min(n, 6), 500*time.Millisecond)
}

// joined says that the loop is ready once its group has taken it in.
var joined = sync.OnceFunc(func() { ready("") })

// produce sends a notification for each record; the first error is kept.
func produce(ctx context.Context, fetches kgo.Fetches, send func(context.Context, *kgo.Record, func(*kgo.Record, error)), failed *error) error {
	var err error
	fetches.EachRecord(func(r *kgo.Record) {
		topic, e, value, bad := notification(r.Value)
		if bad != nil {
			err = bad
			return
		}
		send(ctx, &kgo.Record{
			Topic: topic, Key: []byte(e.Data.Followee), Value: value,
			Headers: []kgo.RecordHeader{{Key: record.HeaderEventID, Value: []byte(e.ID)}},
		}, func(_ *kgo.Record, err error) {
			if err != nil && *failed == nil {
				*failed = err
			}
		})
	})
	return err
}

// runFranzLoop consumes, produces (idempotent, acks=all) and commits, batch
// after batch, without transactions.
func runFranzLoop(ctx context.Context, t task) error {
	cl, err := kgo.NewClient(append(consumerOptions(t), kgo.DisableAutoCommit())...)
	if err != nil {
		return err
	}
	defer cl.Close()
	for ctx.Err() == nil {
		fetches := cl.PollRecords(ctx, t.Batch)
		if err := fetches.Err(); err != nil {
			return err
		}
		var failed error // promises run one after the other, before Flush returns
		if err := produce(ctx, fetches, cl.Produce, &failed); err != nil {
			return err
		}
		if err := errors.Join(cl.Flush(ctx), failed); err != nil {
			return err
		}
		if err := cl.CommitUncommittedOffsets(ctx); err != nil {
			return err
		}
	}
	return nil
}

// runTransactionalLoop consumes, produces and commits in one transaction a
// batch, with franz-go's GroupTransactSession.
func runTransactionalLoop(ctx context.Context, t task) error {
	session, err := kgo.NewGroupTransactSession(append(consumerOptions(t), kgo.TransactionalID(t.Group))...)
	if err != nil {
		return err
	}
	defer session.Close()
	for ctx.Err() == nil {
		fetches := session.PollRecords(ctx, t.Batch)
		if err := fetches.Err(); err != nil {
			return err
		}
		if err := session.Begin(); err != nil {
			return err
		}
		var failed error
		if err := produce(ctx, fetches, session.Produce, &failed); err != nil {
			return err
		}
		if err := errors.Join(session.Client().Flush(ctx), failed); err != nil {
			return err
		}
		if _, err := session.End(ctx, kgo.TryCommit); err != nil {
			return err
		}
	}
	return nil
}

// runSaramaLoop consumes in a group and produces with one producer (idempotent,
// acks=all): each partition takes what has come in, at most a batch, sends it
// and marks it; marks are committed four times a second, as in the service.
func runSaramaLoop(ctx context.Context, t task) error {
	c := sarama.NewConfig()
	c.Version = sarama.V2_8_0_0
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Idempotent = true
	c.Net.MaxOpenRequests = 1
	c.Producer.Return.Successes = true
	c.Metadata.AllowAutoTopicCreation = false
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Interval = 250 * time.Millisecond
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	client, err := sarama.NewClient(t.Brokers, c)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	producer, err := sarama.NewSyncProducerFromClient(client)
	if err != nil {
		return err
	}
	defer func() { _ = producer.Close() }()
	group, err := sarama.NewConsumerGroupFromClient(t.Group, client)
	if err != nil {
		return err
	}
	defer func() { _ = group.Close() }()
	for ctx.Err() == nil {
		if err := group.Consume(ctx, []string{t.Topic}, saramaLoop{producer, t.Batch}); err != nil {
			return err
		}
	}
	return nil
}

type saramaLoop struct {
	producer sarama.SyncProducer
	batch    int
}

// Setup implements sarama.ConsumerGroupHandler.
func (saramaLoop) Setup(sarama.ConsumerGroupSession) error { joined(); return nil }

// Cleanup implements sarama.ConsumerGroupHandler.
func (saramaLoop) Cleanup(sarama.ConsumerGroupSession) error { return nil }

// ConsumeClaim works on one partition.
func (l saramaLoop) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	var sending []*sarama.ProducerMessage
	for msg := range claim.Messages() {
		topic, e, value, err := notification(msg.Value)
		if err != nil {
			return err
		}
		sending = append(sending, &sarama.ProducerMessage{
			Topic: topic, Key: sarama.StringEncoder(e.Data.Followee), Value: sarama.ByteEncoder(value),
			Headers: []sarama.RecordHeader{{Key: []byte(record.HeaderEventID), Value: []byte(e.ID)}},
		})
		if len(claim.Messages()) > 0 && len(sending) < l.batch {
			continue
		}
		if err := l.producer.SendMessages(sending); err != nil {
			return err
		}
		session.MarkMessage(msg, "")
		sending = sending[:0]
	}
	return nil
}
