package kafka

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/trieungochai/kafka-notify/app/record"
)

// work is one record on its way through the transactional subscriber: handed
// out, acknowledged, and committed together with what was published for it.
type work struct {
	part  *assigned
	rec   record.Record
	seq   uint64 // in the order taken up by the member
	epoch int32  // of the partition's leader when it was written
	due   time.Time

	lanes  *lanes // that have taken it up
	passed bool   // no transaction waits for it any longer; guarded by lanes.mu

	// The member's loop alone knows whether it is in the transaction that is
	// being made, and whether it is committed.
	chosen, done bool

	// refusals are what topics answered to earlier deliveries, in order.
	refusals []refusal
	maxBytes int
	bare     bool

	mu      sync.Mutex
	settled bool      // acknowledged: nothing can be added any more
	unheard []refusal // of the current delivery, not yet told
	out     []*kgo.Record
	then    []func()

	// Room for what nearly every message has: one output, one that waits for it.
	oneOut  [1]*kgo.Record
	oneThen [1]func()
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
	w.out, w.then = w.oneOut[:0], w.oneThen[:0]
	w.mu.Unlock()
	ctx, cancel := context.WithCancel(w.part.ctx)
	carrying := &deliveryContext{ctx, Delivery{Record: &w.rec, Stopping: w.part.stopping, tx: w}}
	msg := message.NewMessage(w.rec.Get(record.HeaderUUID), w.rec.Value)
	if !w.bare {
		addMetadata(msg, &w.rec)
	}
	msg.SetContext(carrying)
	return msg, cancel, &carrying.delivery
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

// Late implements Transaction.
func (w *work) Late() { w.lanes.pass(w) }

// settle closes the work for additions.
func (w *work) settle() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settled = true
}

// renew makes what was published sendable again: franz-go writes into records.
func (w *work) renew() {
	for i, r := range w.out {
		w.out[i] = &kgo.Record{Topic: r.Topic, Key: r.Key, Value: r.Value, Headers: r.Headers}
	}
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

// room is memory for works and their headers, a few dozen at a time.
type room struct {
	works   []work
	headers []record.Header
}

// work makes work of a record as franz-go read it.
func (free *room) work(r *kgo.Record) *work {
	const works, headers = 32, 256
	if len(free.works) == 0 {
		free.works = make([]work, works)
	}
	n := len(r.Headers)
	if len(free.headers) < n {
		free.headers = make([]record.Header, max(headers, n))
	}
	w := &free.works[0]
	w.epoch = r.LeaderEpoch
	w.rec = record.Record{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp,
		Key: r.Key, Value: r.Value, Headers: free.headers[:n:n],
	}
	for i, h := range r.Headers {
		w.rec.Headers[i] = record.Header{Key: h.Key, Value: h.Value}
	}
	free.works, free.headers = free.works[1:], free.headers[n:]
	return w
}

// addMetadata copies rec's headers into msg, as handlers of Watermill know them.
func addMetadata(msg *message.Message, rec *record.Record) {
	var size int
	for _, h := range rec.Headers {
		size += len(h.Value)
	}
	var all strings.Builder // one piece of memory for all values
	all.Grow(size)
	for _, h := range rec.Headers {
		at := all.Len()
		all.Write(h.Value)
		if h.Key != record.HeaderUUID {
			msg.Metadata[h.Key] = all.String()[at:]
		}
	}
}
