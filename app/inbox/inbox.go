// Package inbox reads delivery topics: the notifications of one person.
package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/expr"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// lookBehind is how many offsets before a page are read along with it, to know
// the ids that have been shown: what a killed process had in flight stands in
// the topic twice, the copies close together.
const lookBehind = 500

// Inbox lists people's notifications.
type Inbox struct {
	reader kafka.Reader
	log    *slog.Logger
}

// New returns an Inbox over the delivery topics that r reads.
func New(r kafka.Reader, log *slog.Logger) *Inbox { return &Inbox{reader: r, log: log} }

// Topic is the delivery topic of a person.
func Topic(user string) string { return kafka.UserTopicPrefix + expr.EscapeTopic(user) }

// Page lists at most limit notifications of user, newest first, from cursor
// on; next is the cursor of the page after, "" at the end. A notification that
// stands in the topic twice is listed once, where it stood first. Nobody known
// by that id is an empty page. A *kafka.CursorError is the caller's fault.
func (b *Inbox) Page(ctx context.Context, user string, limit int, cursor string) (list []*handler.Notification, next string, err error) {
	topic := Topic(user)
	bounds, err := b.reader.Bounds(ctx, topic, 0)
	if errors.Is(err, kafka.ErrTopicMissing) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	end, err := kafka.ParseCursor(cursor, bounds.End)
	if err != nil {
		return nil, "", err
	}
	for len(list) < limit && end > bounds.Start {
		records, from, err := b.before(ctx, topic, bounds.Start, end, limit-len(list))
		if err != nil {
			return nil, "", err
		}
		for i := len(records) - 1; i >= 0 && len(list) < limit; i-- {
			end = records[i].Offset
			if n := b.decode(records[i]); n != nil {
				list = append(list, n)
			}
		}
		if len(list) < limit {
			end = from
		}
	}
	if end > bounds.Start {
		next = kafka.FormatCursor(end)
	}
	return list, next, nil
}

// before reads the records of about n offsets before end, oldest first,
// without those that repeat an earlier one, and the offset they begin at.
func (b *Inbox) before(ctx context.Context, topic string, start, end int64, n int) (fresh []*record.Record, from int64, err error) {
	from = max(start, end-int64(n))
	records, err := kafka.ReadRange(ctx, b.reader, topic, max(start, from-lookBehind), end)
	if err != nil {
		return nil, 0, err
	}
	seen := make(map[string]bool, len(records))
	for _, r := range records {
		id := r.Get(record.HeaderUUID)
		if id != "" && seen[id] {
			continue
		}
		seen[id] = true
		if r.Offset >= from {
			fresh = append(fresh, r)
		}
	}
	return fresh, from, nil
}

// All lists every notification of user, oldest first, each id once.
func (b *Inbox) All(ctx context.Context, user string) ([]*handler.Notification, error) {
	topic := Topic(user)
	bounds, err := b.reader.Bounds(ctx, topic, 0)
	if errors.Is(err, kafka.ErrTopicMissing) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	records, err := kafka.ReadRange(ctx, b.reader, topic, bounds.Start, bounds.End)
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(records))
	var list []*handler.Notification
	for _, r := range records {
		n := b.decode(r)
		if n == nil || seen[n.ID] {
			continue
		}
		seen[n.ID] = true
		list = append(list, n)
	}
	return list, nil
}

// decode reads a delivery record; nil for one that is no notification, which
// another program must have written.
func (b *Inbox) decode(r *record.Record) *handler.Notification {
	n := new(handler.Notification)
	if err := json.Unmarshal(r.Value, n); err != nil || n.ID == "" {
		b.log.Warn("a record in a delivery topic is no notification",
			"topic", r.Topic, "offset", r.Offset, "error", err)
		return nil
	}
	return n
}
