package kafka

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/trieungochai/kafka-notify/app/record"
)

// work is one record on its way through the transactional subscriber: handed
// out, acknowledged, and committed together with what was published for it.
type work struct {
	part  *assigned
	rec   *record.Record
	lane  string
	seq   uint64 // in the order taken up by the member
	epoch int32  // of the partition's leader when it was written
	done  bool   // committed; the member's loop alone knows

	// refusals are what topics answered to earlier deliveries, in order.
	refusals []refusal
	maxBytes int

	mu      sync.Mutex
	settled bool      // acknowledged: nothing can be added any more
	unheard []refusal // of the current delivery, not yet told
	out     []*kgo.Record
	then    []func()
}

var _ Transaction = (*work)(nil)

// refusal is what a topic answered to a record.
type refusal struct {
	topic string
	err   error
}

// deliver makes the message of one delivery.
func (w *work) deliver() (*message.Message, context.CancelFunc, *Delivery) {
	w.mu.Lock()
	w.settled, w.unheard = false, slices.Clone(w.refusals)
	w.out, w.then = nil, nil
	w.mu.Unlock()
	d := NewDelivery(w.rec, w.part.stopping, w)
	ctx, cancel := context.WithCancel(w.part.ctx)
	msg := messageOf(w.rec)
	msg.SetContext(WithDelivery(ctx, d))
	return msg, cancel, d
}

var errSettled = errors.New("the message was acknowledged before: publish before a handler returns")

// Publish implements Transaction.
func (w *work) Publish(rec *record.Record) error {
	if size := rec.Size(); size > w.maxBytes {
		return tooLargeFor(rec.Topic, size, w.maxBytes)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.settled {
		return errSettled
	}
	w.out = append(w.out, outgoing(rec))
	return nil
}

// Refused implements Transaction.
func (w *work) Refused(topic string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, r := range w.unheard {
		if r.topic == topic {
			w.unheard = slices.Delete(w.unheard, i, i+1)
			return r.err
		}
	}
	return nil
}

// Then implements Transaction.
func (w *work) Then(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.then = append(w.then, f)
}

// settle closes the work for additions.
func (w *work) settle() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settled = true
}

// size is how many bytes the work holds.
func (w *work) size() int { return len(w.rec.Value) + len(w.rec.Key) }

// outgoing is rec as franz-go sends it.
func outgoing(rec *record.Record) *kgo.Record {
	out := &kgo.Record{Topic: rec.Topic, Key: rec.Key, Value: rec.Value, Headers: make([]kgo.RecordHeader, len(rec.Headers))}
	for i, h := range rec.Headers {
		out.Headers[i] = kgo.RecordHeader{Key: h.Key, Value: h.Value}
	}
	return out
}

// incoming is a record as franz-go read it.
func incoming(r *kgo.Record) *record.Record {
	rec := &record.Record{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp,
		Key: r.Key, Value: r.Value, Headers: make([]record.Header, len(r.Headers)),
	}
	for i, h := range r.Headers {
		rec.Headers[i] = record.Header{Key: h.Key, Value: h.Value}
	}
	return rec
}

// messageOf is rec as a handler of Watermill gets it.
func messageOf(rec *record.Record) *message.Message {
	msg := message.NewMessage("", rec.Value)
	for _, h := range rec.Headers {
		if h.Key == record.HeaderUUID {
			msg.UUID = string(h.Value)
			continue
		}
		msg.Metadata[h.Key] = string(h.Value)
	}
	return msg
}
