package poison

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/trieungochai/kafka-notify/app/record"
)

// entryOf reads an entry from its record. Missing headers, as in a record
// another program wrote, leave their fields empty.
func entryOf(r *record.Record) Entry {
	e := Entry{
		ID:          idOf(r),
		Pipeline:    r.Get(record.HandlerPoisoned),
		Class:       r.Get(record.PoisonClass),
		Step:        r.Get(record.PoisonStep),
		Reason:      r.Get(record.ReasonPoisoned),
		Topic:       r.Get(record.TopicPoisoned),
		Key:         string(r.Key),
		Value:       r.Value,
		EventID:     r.Get(record.HeaderEventID),
		EventType:   r.Get(record.HeaderEventType),
		Fingerprint: r.Get(record.PoisonFingerprint),
		Truncated:   r.Get(record.PoisonTruncated) == "true",
		Headers:     []Header{},
		Record:      Place{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UTC()},
	}
	partition, _ := strconv.ParseInt(r.Get(record.PoisonPartition), 10, 32)
	e.Partition = int32(partition)
	e.Offset, _ = strconv.ParseInt(r.Get(record.PoisonOffset), 10, 64)
	e.Attempts, _ = strconv.Atoi(r.Get(record.PoisonAttempts))
	e.Redrives, _ = strconv.Atoi(r.Get(record.PoisonRedrives))
	e.FirstFailedAt, _ = time.Parse(time.RFC3339Nano, r.Get(record.PoisonFirstFailedAt))
	e.LastFailedAt, _ = time.Parse(time.RFC3339Nano, r.Get(record.PoisonLastFailedAt))
	for _, h := range r.Headers {
		if !slices.Contains(record.PoisonHeaders, h.Key) {
			e.Headers = append(e.Headers, Header{Key: h.Key, Value: string(h.Value)})
		}
	}
	return e
}

// idOf is the poison_id, or the record's place where another program wrote it.
func idOf(r *record.Record) string {
	if id := r.Get(record.PoisonID); id != "" {
		return id
	}
	return fmt.Sprintf("%s-%d-%d", r.Topic, r.Partition, r.Offset)
}
