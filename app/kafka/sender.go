package kafka

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/trieungochai/kafka-notify/app/record"
)

// Sender writes records in transactions of its own, outside of any consumer
// group.
type Sender struct {
	client *kgo.Client
}

// NewSender opens a transactional producer. Whoever had opened one of the same
// id can commit nothing any more; what it had left open is aborted.
func NewSender(ctx context.Context, cluster Cluster, id string, maxBytes int) (*Sender, error) {
	client, err := kgo.NewClient(append(cluster.options(),
		kgo.MetadataMinAge(100*time.Millisecond),
		kgo.RetryBackoffFn(backOff),
		kgo.TransactionalID(id),
		kgo.TransactionTimeout(transactionTimeout),
		kgo.ProducerBatchMaxBytes(int32(maxBytes)),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ManualFlushing(),
		kgo.MaxBufferedRecords(math.MaxInt32),
		kgo.RecordDeliveryTimeout(deliveryTimeout),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), // murmur2, as everywhere
	)...)
	if err != nil {
		return nil, fmt.Errorf("transactional producer for %v: %w", cluster.Brokers, err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, _, err := client.ProducerID(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("no transactional producer %q: %w", id, err)
	}
	return &Sender{client: client}, nil
}

// Commit writes records in one transaction. After an error nobody knows whether
// it was committed: open another Sender, and look.
func (s *Sender) Commit(ctx context.Context, records ...*record.Record) error {
	if err := s.client.BeginTransaction(); err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	var mu sync.Mutex
	var failed error
	for _, rec := range records {
		s.client.Produce(ctx, outgoing(rec), func(r *kgo.Record, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err != nil && failed == nil {
				failed = publishError(r.Topic, err)
			}
		})
	}
	err := s.client.Flush(ctx)
	mu.Lock()
	defer mu.Unlock()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if err == nil {
		err = failed
	}
	if err != nil {
		_ = s.client.AbortBufferedRecords(ending)
		_ = s.client.EndTransaction(ending, kgo.TryAbort) // the next sender of this id aborts it otherwise
		return fmt.Errorf("send the records of a transaction: %w", err)
	}
	if err := s.client.EndTransaction(ending, kgo.TryCommit); err != nil {
		return fmt.Errorf("end a transaction: %w", err)
	}
	return nil
}

// Close ends the sender's connections.
func (s *Sender) Close() { s.client.Close() }
