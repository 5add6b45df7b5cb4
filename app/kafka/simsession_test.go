package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// PollRecords implements txSession. As with franz-go, a poll that returns
// something blocks rebalances, and one without a context doesn't wait.
func (s *simSession) PollRecords(ctx context.Context, n int) kgo.Fetches {
	for {
		fetches, changed := s.poll(ctx, n)
		if changed == nil {
			return fetches
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-s.dead:
		}
	}
}

// poll is one look; changed is nil when there is no need for another.
func (s *simSession) poll(ctx context.Context, n int) (fetches kgo.Fetches, changed <-chan struct{}) {
	s.sim.mu.Lock()
	defer s.sim.mu.Unlock()
	if err := s.check(); err != nil {
		return kgo.NewErrFetch(err), nil
	}
	if ctx != nil && ctx.Err() != nil {
		s.blocked = true
		return kgo.NewErrFetch(ctx.Err()), nil
	}
	if s.sim.strikes(pollFails) {
		return kgo.NewErrFetch(s.breaks(errors.New("a fetch is refused"))), nil
	}
	var found []kgo.FetchPartition
	for i := range s.sim.source {
		p := int32((i + s.turn) % len(s.sim.source))
		if at := s.parts[p]; at != nil && n > 0 {
			records := s.read(p, at, n)
			n -= len(records)
			if len(records) > 0 {
				found = append(found, kgo.FetchPartition{Partition: p, Records: records})
			}
		}
	}
	switch {
	case len(found) > 0:
		s.turn++
		s.blocked = true
		return kgo.Fetches{{Topics: []kgo.FetchTopic{{Topic: simTopic, Partitions: found}}}}, nil
	case ctx == nil:
		return nil, nil
	}
	return nil, s.sim.changed
}

func (s *simSession) read(p int32, at *simPart, n int) (records []*kgo.Record) {
	for _, r := range s.sim.source[p] {
		if r.Offset >= at.next && len(records) < n {
			copied := *r
			records = append(records, &copied)
		}
	}
	if len(records) > 0 {
		at.next = records[len(records)-1].Offset + 1
	}
	return records
}

// AllowRebalance implements txSession.
func (s *simSession) AllowRebalance() {
	s.sim.mu.Lock()
	defer s.sim.mu.Unlock()
	s.blocked = false
}

// Begin implements txSession.
func (s *simSession) Begin() error {
	s.sim.mu.Lock()
	defer s.sim.mu.Unlock()
	if err := s.check(); err != nil {
		return err
	}
	if s.sim.strikes(beginFails) {
		return s.breaks(errors.New("the producer id is of no use any more"))
	}
	if s.open {
		s.sim.fail("a transaction is begun in a transaction")
	}
	if s.sim.begun++; s.sim.begun > 1000 {
		s.sim.fail("one transaction after the other is begun, and time does not pass")
		return s.breaks(errGone)
	}
	s.open, s.sent = true, nil
	return nil
}

// Produce implements txSession.
func (s *simSession) Produce(_ context.Context, rec *kgo.Record, promise func(*kgo.Record, error)) {
	s.sim.mu.Lock()
	defer s.sim.mu.Unlock()
	if !s.open && !s.closed {
		s.sim.fail("a record is produced outside of a transaction")
	}
	s.sent = append(s.sent, produced{rec, promise})
}

// Flush implements txSession.
func (s *simSession) Flush(context.Context) error {
	s.park(beforeFlush)
	s.sim.mu.Lock()
	if err := s.check(); err != nil {
		s.sim.mu.Unlock()
		return err
	}
	sent := s.sent
	answers := make([]error, len(sent))
	for i, p := range sent {
		answers[i] = s.sim.refusal(p.rec.Topic, sent)
		s.process.troubled = s.process.troubled || answers[i] != nil
	}
	if len(sent) > 0 && s.sim.strikes(outage) {
		answers[0] = kerr.NotLeaderForPartition
	}
	s.sim.mu.Unlock()
	for i, p := range sent {
		p.promise(p.rec, answers[i])
	}
	return nil
}

// Commit implements txSession.
func (s *simSession) Commit(_ context.Context, progress []kmsg.TxnOffsetCommitRequestTopic) (bool, error) {
	s.park(beforeEnd)
	if done, err := s.sendOffsets(progress); done || err != nil {
		return false, err
	}
	s.park(withOffsets)
	if committed, err := s.finish(progress); !committed || err != nil {
		return false, err
	}
	s.park(afterEnd)
	s.sim.mu.Lock()
	defer s.sim.mu.Unlock()
	if err := s.check(); err != nil {
		return false, err
	}
	s.process.machine.told(s.done)
	return true, nil
}

// sendOffsets makes the offsets part of the transaction; done when it was
// aborted instead, as it is when the group has gone on without the session.
func (s *simSession) sendOffsets(progress []kmsg.TxnOffsetCommitRequestTopic) (done bool, err error) {
	s.sim.mu.Lock()
	defer s.sim.mu.Unlock()
	switch {
	case s.check() != nil:
		return false, s.check()
	case s.sim.strikes(fenced):
		s.undo()
		return false, s.breaks(kerr.ProducerFenced)
	case s.revoked, s.kicked, s.sim.strikes(abortInstead):
		s.undo()
		return true, nil
	}
	for _, t := range progress {
		for _, p := range t.Partitions {
			if s.sim.owners[p.Partition] != s {
				s.sim.fail("offsets of partition %d are sent by who doesn't own it", p.Partition)
			}
			if len(*p.Metadata) > s.sim.metadata {
				s.sim.fail("the metadata of an offset has %d bytes", len(*p.Metadata))
			}
			if p.LeaderEpoch >= 0 && p.LeaderEpoch < epochOf(p.Offset-1) {
				s.sim.fail("offset %d has epoch %d, older than the record before it", p.Offset, p.LeaderEpoch)
			}
			s.sim.offsets[p.Partition].pending = s
		}
	}
	return false, nil
}

// finish commits.
func (s *simSession) finish(progress []kmsg.TxnOffsetCommitRequestTopic) (bool, error) {
	s.sim.mu.Lock()
	defer s.sim.mu.Unlock()
	switch {
	case s.check() != nil:
		return false, s.check()
	case s.revoked:
		s.undo()
		return false, nil
	case s.sim.strikes(lostRequest):
		s.undo()
		return false, s.breaks(errAnswer)
	}
	s.apply(progress)
	if s.sim.strikes(lostAnswer) {
		return false, s.breaks(errAnswer)
	}
	return true, nil
}

// apply makes a transaction visible.
func (s *simSession) apply(progress []kmsg.TxnOffsetCommitRequestTopic) {
	var done []position
	for _, t := range progress {
		for _, p := range t.Partitions {
			before := s.sim.offsets[p.Partition].progress()
			after := groupOffset{at: p.Offset, metadata: *p.Metadata}
			for _, r := range s.sim.source[p.Partition] {
				at := position{p.Partition, r.Offset}
				switch was, is := before.done(r.Offset), after.progress().done(r.Offset); {
				case was && !is:
					s.sim.fail("%v is open again, after it was done", at)
				case is && !was:
					done = append(done, at)
				}
			}
			s.sim.offsets[p.Partition] = after
		}
	}
	var sent []*kgo.Record
	for _, p := range s.sent {
		sent = append(sent, p.rec)
		s.sim.logs[p.rec.Topic] = append(s.sim.logs[p.rec.Topic], p.rec)
	}
	for _, at := range s.parts {
		at.back = at.next
	}
	s.open, s.sent = false, nil
	s.sim.announce()
	s.done = done
	s.sim.committed(s, done, sent)
}

// Abort implements txSession.
func (s *simSession) Abort(context.Context) error {
	s.park(beforeEnd)
	s.sim.mu.Lock()
	defer s.sim.mu.Unlock()
	if err := s.check(); err != nil {
		return err
	}
	s.undo()
	if s.sim.strikes(abortFails) {
		return s.breaks(fmt.Errorf("abort: %w", errAnswer))
	}
	return nil
}

// CloseAllowingRebalance implements txSession.
func (s *simSession) CloseAllowingRebalance() { s.die() }
