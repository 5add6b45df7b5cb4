package poison

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"time"
	"unique"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// item is a poisoned message as the index holds it: what lists and filters need,
// in little memory. Nobody changes it, so that it can be read without a lock.
type item struct {
	id        string
	at        int64 // the offset of the poison record, the newest of this id
	written   int64 // when, in Unix nanoseconds
	cause     unique.Handle[cause]
	reason    string
	key       string
	eventID   string
	partition int32
	offset    int64
	attempts  int32
	redrives  int32
	truncated bool
	ours      bool  // it says which event it descends from
	first     int64 // Unix nanoseconds; 0: unknown
	last      int64

	// headers are those of the message itself, packed. value is nil where it is
	// kept in Kafka alone.
	headers []byte
	value   []byte
	hasRest bool // value is what the record has
}

// cause is what many messages have in common.
type cause struct {
	pipeline, class, step, fingerprint, topic, eventType string
}

// itemOf makes an item of a poison record. Of a value longer than keep nothing
// is kept.
func itemOf(r *record.Record, keep int) *item {
	e := entryOf(r)
	it := &item{
		id: e.ID, at: r.Offset, written: r.Timestamp.UnixNano(),
		cause:  unique.Make(cause{e.Pipeline, e.Class, e.Step, e.Fingerprint, e.Topic, e.EventType}),
		reason: e.Reason, key: e.Key, eventID: e.EventID,
		partition: e.Partition, offset: e.Offset, attempts: int32(e.Attempts), redrives: int32(e.Redrives),
		truncated: e.Truncated, ours: r.Get(record.HeaderOrigin) != "", first: unixNano(e.FirstFailedAt), last: unixNano(e.LastFailedAt),
	}
	// One piece of memory: the record itself would keep the whole fetch alive.
	size := 0
	for _, h := range e.Headers {
		size += 2*binary.MaxVarintLen32 + len(h.Key) + len(h.Value)
	}
	it.hasRest = len(r.Value) <= keep
	if it.hasRest {
		size += len(r.Value)
	}
	all := make([]byte, 0, size)
	for _, h := range e.Headers {
		all = appendText(appendText(all, h.Key), h.Value)
	}
	it.headers = all[:len(all):len(all)]
	if it.hasRest && r.Value != nil {
		all = append(all, r.Value...)
		it.value = all[len(it.headers):len(all):len(all)]
	}
	return it
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

func cutText(packed []byte) (text string, rest []byte) {
	b, rest := cutBytes(packed)
	return string(b), rest
}

func cutBytes(packed []byte) (b, rest []byte) {
	n, size := binary.Uvarint(packed)
	return packed[size : size+int(n)], packed[size+int(n):]
}

func unixNano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func timeOf(nanoseconds int64) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds).UTC()
}

// failedAt is when the message failed last; that it was written is the next best
// thing to know.
func (it *item) failedAt() int64 {
	if it.last != 0 {
		return it.last
	}
	return it.written
}

// failure is what the item tells once another has taken its place.
func (it *item) failure() failure {
	c := it.cause.Value()
	return failure{
		round: int(it.redrives), attempts: int(it.attempts), at: it.failedAt(), class: c.class, step: c.step, reason: it.reason,
	}
}

// unpacked are the message's headers.
func (it *item) unpacked() []Header {
	list := []Header{}
	for packed := it.headers; len(packed) > 0; {
		var h Header
		h.Key, packed = cutText(packed)
		h.Value, packed = cutText(packed)
		list = append(list, h)
	}
	return list
}

// entry is the item as fronts show it. The value is missing where it is kept in
// Kafka alone.
func (it *item) entry(topic string) Entry {
	c := it.cause.Value()
	return Entry{
		ID: it.id, Pipeline: c.pipeline, Class: c.class, Step: c.step, Reason: it.reason,
		Topic: c.topic, Partition: it.partition, Offset: it.offset,
		Key: it.key, Value: it.value, Headers: it.unpacked(), EventID: it.eventID, EventType: c.eventType,
		Attempts: int(it.attempts), Redrives: int(it.redrives),
		FirstFailedAt: timeOf(it.first), LastFailedAt: timeOf(it.last),
		Fingerprint: c.fingerprint, Truncated: it.truncated,
		Record: Place{Topic: topic, Partition: 0, Offset: it.at, Timestamp: timeOf(it.written)},
	}
}

// event reads the message as an event; nil if it is none. A filter on data does
// that for every message there is, so only the headers that an event can have
// are unpacked.
func (it *item) event() *handler.Event {
	var room [4]record.Header
	headers := room[:0]
	for packed := it.headers; len(packed) > 0; {
		var name, value []byte
		name, packed = cutBytes(packed)
		value, packed = cutBytes(packed)
		if isOfEvent(name) {
			headers = append(headers, record.Header{Key: string(name), Value: value})
		}
	}
	e, err := event.Decode(headers, it.value)
	if err != nil {
		return nil
	}
	return e
}

// isOfEvent reports whether a header says something of an event.
func isOfEvent(name []byte) bool {
	const prefix = event.HeaderPrefix
	return bytes.EqualFold(name, []byte(record.HeaderContentType)) ||
		len(name) > len(prefix) && bytes.EqualFold(name[:len(prefix)], []byte(prefix))
}

// appendWords appends all that plain words are looked for in, in lower case.
func (it *item) appendWords(dst []byte) []byte {
	c := it.cause.Value()
	for _, text := range [...]string{
		it.id, c.pipeline, c.class, c.step, c.fingerprint, c.topic, c.eventType, it.reason, it.key, it.eventID,
	} {
		dst = append(appendLower(dst, text), '\n')
	}
	dst = strconv.AppendInt(append(dst, '/'), int64(it.partition), 10)
	dst = append(strconv.AppendInt(append(dst, '/'), it.offset, 10), '\n')
	dst = append(appendLower(dst, it.headers), '\n')
	return appendLower(dst, it.value)
}

// appendLower lowers what is ASCII, as the words that are looked for.
func appendLower[T string | []byte](dst []byte, text T) []byte {
	for i := range len(text) {
		c := text[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}
