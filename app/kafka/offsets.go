package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"golang.org/x/sync/errgroup"

	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// Start says where a group without offsets begins.
type Start struct {
	// Oldest begins at the first record there is.
	Oldest bool
	// At begins at the first record written at that time or later; the zero time
	// begins at the end, with what comes next.
	At time.Time
	// Former is the group that read the topic before, under another name of the
	// same reader; "" without one. What it has finished needs no work any more: its
	// offsets come before Oldest and At.
	Former string
}

// ErrFormerBusy says that a group can't take over yet: its former one has members,
// or a transaction of theirs is open.
var ErrFormerBusy = errors.New("the group that read the topic before is still at work")

// BeginAt gives a group that has no offset in topic its first ones, before it
// joins. With several instances starting at once only the first commits: the
// ends are read before the group's offsets, so whatever an instance accepts
// after its own start lies beyond them. Error: ErrFormerBusy.
func (c *Client) BeginAt(ctx context.Context, group, topic string, start Start) error {
	offsets, err := c.startOffsets(ctx, topic, start)
	if err != nil {
		return fmt.Errorf("offsets of %s: %w", topic, err)
	}
	committed, err := c.committed(ctx, group)
	if err != nil {
		return handler.Unavailable(fmt.Errorf("offsets of group %s: %w", group, err))
	}
	if start.Former != "" {
		switch taken, err := c.takeOver(ctx, group, start.Former, topic); {
		case errors.Is(err, kerr.GroupAuthorizationFailed) && len(committed[topic]) > 0:
			// Who has never been let in has left nothing there.
		case errors.Is(err, kerr.GroupAuthorizationFailed):
			return fmt.Errorf("grant READ on the group %s, as which an earlier file may have read %s: %w", start.Former, topic, err)
		case taken || err != nil:
			return err
		}
	}
	if len(committed[topic]) > 0 {
		return nil
	}
	return c.commitFirst(ctx, group, offsets)
}

// commitFirst commits offsets for a group that has no members.
func (c *Client) commitFirst(ctx context.Context, group string, offsets kadm.Offsets) error {
	err := insist(ctx, func() error { return c.adm.CommitAllOffsets(ctx, group, offsets) })
	if errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.IllegalGeneration) || errors.Is(err, kerr.RebalanceInProgress) {
		return nil // another instance has joined already, and so committed before
	}
	if err != nil {
		return handler.Unavailable(fmt.Errorf("commit the first offsets of group %s: %w", group, err))
	}
	return nil
}

// committed are a group's offsets; none for a group nobody knows.
func (c *Client) committed(ctx context.Context, group string) (offsets kadm.OffsetResponses, err error) {
	err = insist(ctx, func() error {
		offsets, err = c.adm.FetchOffsets(ctx, group)
		return err
	})
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil, nil
	}
	return offsets, err
}

// insist repeats what a group's coordinator refuses for the moment: a new
// cluster makes its coordinators when they are first asked for, and the client
// passes their first refusals on.
func insist(ctx context.Context, ask func() error) error {
	deadline := time.Now().Add(patience)
	for n := 0; ; n++ {
		err := ask()
		if err == nil || time.Now().After(deadline) || !slices.ContainsFunc(momentary, func(e error) bool { return errors.Is(err, e) }) {
			return err
		}
		select {
		case <-time.After(backOff(n)):
		case <-ctx.Done():
			return err
		}
	}
}

// momentary are the refusals of a coordinator that is being made or moved.
var momentary = []error{kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress, kerr.NotCoordinator}

func (c *Client) startOffsets(ctx context.Context, topic string, start Start) (kadm.Offsets, error) {
	var listed kadm.ListedOffsets
	var err error
	switch {
	case start.Oldest:
		listed, err = c.adm.ListStartOffsets(ctx, topic)
	case start.At.IsZero():
		listed, err = c.adm.ListEndOffsets(ctx, topic)
	default:
		listed, err = c.adm.ListOffsetsAfterMilli(ctx, start.At.UnixMilli(), topic)
	}
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, handler.Unavailable(err)
	}
	return listed.Offsets(), nil
}

// PartitionLag is how far a group is behind in one partition.
type PartitionLag struct {
	Partition int32
	// Committed is the offset the group goes on from; End the one after the last
	// record. They are equal when only markers of transactions lie between them.
	Committed, End int64
	// First is the first record that the group has not finished, nil without one.
	First *record.Record

	ahead int64 // records after Committed that are finished
}

// Lag is the number of offsets between the two that are not finished. In a topic
// written by transactions the markers between records count too.
func (l PartitionLag) Lag() int64 { return max(0, l.End-l.Committed-l.ahead) }

// Lag asks how far group is behind in topic. A partition without a committed
// offset counts from its start.
func (c *Client) Lag(ctx context.Context, group, topic string) ([]PartitionLag, error) {
	committed, err := c.committed(ctx, group)
	if err != nil {
		return nil, handler.Unavailable(fmt.Errorf("offsets of group %s: %w", group, err))
	}
	ends, err := c.adm.ListCommittedOffsets(ctx, topic)
	if err != nil {
		return nil, handler.Unavailable(fmt.Errorf("end of %s: %w", topic, err))
	}
	starts, err := c.adm.ListStartOffsets(ctx, topic)
	if err != nil {
		return nil, handler.Unavailable(fmt.Errorf("start of %s: %w", topic, err))
	}
	var lags []PartitionLag
	for n, end := range ends[topic] {
		if end.Err != nil {
			return nil, fmt.Errorf("end of %s/%d: %w", topic, n, end.Err)
		}
		l := PartitionLag{Partition: n, End: end.Offset}
		if at, ok := committed.Lookup(topic, n); ok && at.At >= 0 {
			l.Committed, l.ahead = at.At, parseProgress(at.At, at.Metadata).ahead()
		} else if start, ok := starts.Lookup(topic, n); ok {
			l.Committed = start.Offset
		}
		lags = append(lags, l)
	}
	var asks errgroup.Group
	for i := range lags {
		if lags[i].Lag() > 0 {
			asks.Go(func() error { return c.first(ctx, topic, &lags[i]) })
		}
	}
	return lags, asks.Wait()
}

// first looks up l's first record.
func (c *Client) first(ctx context.Context, topic string, l *PartitionLag) error {
	for at := l.Committed; at < l.End; {
		page, err := c.Fetch(ctx, topic, l.Partition, at, 1, 0)
		if err != nil {
			return err
		}
		if len(page.Records) > 0 {
			l.First = page.Records[0]
			return nil
		}
		if page.Next <= at {
			return nil // nothing can be read there for the moment
		}
		at = page.Next
	}
	l.Committed = l.End
	return nil
}
