package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// movedMark begins the metadata of an offset that another group has taken over.
// The offset itself stays: a version of the service that knows nothing of this
// would otherwise begin anew. It counts no more, or a group that was set back by
// hand, or whose topic was made anew, would be brought forward by it at the next
// start.
const movedMark = "kafka-notify:moved:"

// takeOver lets group go on in topic from where former has come; where it has
// offsets of its own, from the further ones. It reports whether there were any
// to take over. A group with members has done so before they joined.
func (c *Client) takeOver(ctx context.Context, group, former, topic string) (bool, error) {
	left, err := c.left(ctx, former, topic)
	if err != nil || len(left) == 0 {
		return false, err
	}
	if busy, err := c.hasMembers(ctx, group); busy || err != nil {
		return busy, err
	}
	if busy, err := c.hasMembers(ctx, former); busy || err != nil {
		return false, cmp.Or(err, ErrFormerBusy)
	}
	// Again, now that nobody commits any more.
	if left, err = c.left(ctx, former, topic); err != nil {
		return false, err
	}
	own, err := c.left(ctx, group, topic)
	if err != nil {
		return false, err
	}
	var ahead, moved kadm.Offsets
	for n, at := range left {
		if mine, ok := own[n]; !ok || mine.At < at.At || mine.At == at.At && doneBy(mine) < doneBy(at) {
			ahead.Add(at)
		}
		at.Metadata = movedMark + group
		moved.Add(at)
	}
	// In this order: a process that ends between the two has lost nothing.
	if len(ahead) > 0 {
		if err := c.commitFirst(ctx, group, ahead); err != nil {
			return false, err
		}
	}
	return true, c.commitFirst(ctx, former, moved)
}

// left are the offsets of group in topic that no other group has taken over.
// Those that a transaction is about to commit are not known yet: ErrFormerBusy.
func (c *Client) left(ctx context.Context, group, topic string) (map[int32]kadm.Offset, error) {
	committed, err := c.committed(kadm.RequireStable(ctx), group)
	if err != nil {
		return nil, handler.Unavailable(fmt.Errorf("offsets of group %s: %w", group, err))
	}
	left := make(map[int32]kadm.Offset)
	for n, at := range committed[topic] {
		switch {
		case errors.Is(at.Err, kerr.UnstableOffsetCommit):
			return nil, ErrFormerBusy
		case at.Err != nil:
			return nil, handler.Unavailable(fmt.Errorf("offset of group %s in %s/%d: %w", group, topic, n, at.Err))
		case at.At >= 0 && !strings.HasPrefix(at.Metadata, movedMark):
			left[n] = at.Offset
		}
	}
	return left, nil
}

// doneBy is the offset that the records a group has finished would reach to
// without the open ones among them.
func doneBy(at kadm.Offset) int64 { return at.At + parseProgress(at.At, at.Metadata).ahead() }

// hasMembers reports whether somebody is in the group.
func (c *Client) hasMembers(ctx context.Context, group string) (bool, error) {
	var described kadm.DescribedGroups
	err := insist(ctx, func() error {
		var err error
		if described, err = c.adm.DescribeGroups(ctx, group); err != nil {
			return err
		}
		return described.Error()
	})
	if errors.Is(err, kerr.GroupIDNotFound) {
		return false, nil
	}
	if err != nil {
		return false, handler.Unavailable(fmt.Errorf("describe group %s: %w", group, err))
	}
	return len(described[group].Members) > 0, nil
}
