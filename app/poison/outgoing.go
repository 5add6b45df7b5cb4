package poison

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
)

// formatRedrive is the value of a header that says which message of which job a
// record is.
func formatRedrive(job string, place int) string { return job + "/" + strconv.Itoa(place) }

func parseRedrive(value string) (job string, place int, ok bool) {
	job, number, ok := strings.Cut(value, "/")
	place, err := strconv.Atoi(number)
	return job, place, ok && err == nil
}

// topicOf is where a message of a job goes; "" when that can't be said.
func (c *Console) topicOf(m member, target string) string {
	c.mu.RLock()
	it := c.byID[m.id]
	c.mu.RUnlock()
	if it == nil {
		return ""
	}
	switch cause := it.cause.Value(); target {
	case ToPipeline:
		topic, _ := c.targets.RetryTopic(cause.pipeline)
		return topic
	case ToSource:
		return cause.topic
	}
	return target
}

// outgoing are the records of messages on their way back; nil for each that Kafka
// has deleted.
func (c *Console) outgoing(ctx context.Context, members []member, target string) ([]*record.Record, error) {
	items := make([]*item, len(members))
	c.mu.RLock()
	for i, m := range members {
		if it := c.byID[m.id]; it != nil && int(it.redrives) == m.round {
			items[i] = it
		}
	}
	c.mu.RUnlock()
	records, err := c.stored(ctx, items)
	if err != nil {
		return nil, err
	}
	for i, m := range members {
		if records[i] == nil {
			continue
		}
		topic := c.topicOf(m, target)
		if topic == "" {
			return nil, &RefusedError{Reason: "no pipeline " + strconv.Quote(items[i].cause.Value().pipeline) + " runs here: put it back into the configuration, or cancel the job"}
		}
		records[i] = sendBack(records[i], topic, target)
		if m.edited {
			a, err := c.actionAt(ctx, m.at)
			if err != nil {
				return nil, err
			}
			records[i].Value = a.Value
		}
	}
	return records, nil
}

// near is how far apart two records may stand that are read in one go: to read a
// record that nobody asked for costs less than another request.
const near = 50

// stored are the poison records of items, nil where there is none. Items that
// stand near each other are read in one go.
func (x *Index) stored(ctx context.Context, items []*item) ([]*record.Record, error) {
	at := make(map[int64]int, len(items)) // offset to place
	var offsets []int64
	for i, it := range items {
		if it != nil {
			at[it.at] = i
			offsets = append(offsets, it.at)
		}
	}
	slices.Sort(offsets)
	found := make([]*record.Record, len(items))
	for from := 0; from < len(offsets); {
		to := from + 1
		for to < len(offsets) && offsets[to]-offsets[to-1] <= near {
			to++
		}
		records, err := kafka.ReadRange(ctx, x.reader, x.topics.Poison, offsets[from], offsets[to-1]+1)
		if err != nil {
			return nil, err
		}
		for _, rec := range records {
			if i, ok := at[rec.Offset]; ok {
				found[i] = rec
			}
		}
		from = to
	}
	return found, nil
}

// sendBack is a poison record on its way to topic.
func sendBack(rec *record.Record, topic, target string) *record.Record {
	switch target {
	case ToPipeline:
		return SendBack(rec, topic)
	case ToSource:
		return bare(rec, topic)
	}
	back := rec.Copy() // whoever reads there may want to know why
	back.Topic = topic
	return back
}

// SendBack is a poison record as it goes through the retry topic of the pipeline
// that gave it up. Its origin stays, so that deduplication lets it pass.
func SendBack(rec *record.Record, retryTopic string) *record.Record {
	back := bare(rec, retryTopic)
	if first := rec.Get(record.PoisonFirstFailedAt); first != "" {
		back.Set(record.PoisonFirstFailedAt, first)
	}
	redrives, _ := strconv.Atoi(rec.Get(record.PoisonRedrives)) // none: another program's
	back.Set(record.PoisonRedrives, strconv.Itoa(redrives+1))
	back.Set(record.HeaderRetryTier, "0")
	back.Set(record.HeaderRetryDue, time.Now().UTC().Format(time.RFC3339Nano))
	back.Set(record.HeaderAttempts, "0")
	return back
}

// bare is a poison record without what poisoning has added.
func bare(rec *record.Record, topic string) *record.Record {
	back := rec.Copy()
	back.Topic = topic
	for _, name := range record.PoisonHeaders {
		back.Delete(name)
	}
	return back
}

// actionAt is the action at an offset of the actions topic.
func (x *Index) actionAt(ctx context.Context, offset int64) (*action.Action, error) {
	records, err := kafka.ReadRange(ctx, x.reader, x.topics.Actions, offset, offset+1)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 || records[0].Offset != offset {
		return nil, ErrNotFound
	}
	return action.Parse(records[0])
}
