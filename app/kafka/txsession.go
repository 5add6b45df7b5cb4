package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// txSession is one membership of a member in its group, with the transactions
// made in it. Whoever makes one tells the member of its partitions: begin when
// it gets some, end when it loses some.
type txSession interface {
	PollRecords(ctx context.Context, maxRecords int) kgo.Fetches
	AllowRebalance()
	Begin() error
	Produce(ctx context.Context, rec *kgo.Record, promise func(*kgo.Record, error))
	// Flush waits until what was produced is answered.
	Flush(ctx context.Context) error
	// Commit ends a transaction with the group's progress. It reports whether
	// the transaction is committed; after an error nobody knows, and the session
	// is of no use any more.
	Commit(ctx context.Context, progress []kmsg.TxnOffsetCommitRequestTopic) (bool, error)
	// Abort ends a transaction with nothing.
	Abort(ctx context.Context) error
	CloseAllowingRebalance()
}

// franzSession is franz-go's.
type franzSession struct{ *kgo.GroupTransactSession }

// Flush implements txSession.
func (s franzSession) Flush(ctx context.Context) error { return s.Client().Flush(ctx) }

// endTimeout bounds the end of a transaction. Without, it never ends when the
// group is lost in its middle: franz-go waits for a heartbeat that isn't made
// before the partitions are given up, and they aren't before the end.
const endTimeout = 10 * time.Second

// Commit implements txSession.
func (s franzSession) Commit(ctx context.Context, progress []kmsg.TxnOffsetCommitRequestTopic) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	ctx = kgo.PreTxnCommitFnContext(ctx, func(req *kmsg.TxnOffsetCommitRequest) error {
		req.Topics = progress
		return nil
	})
	return s.End(ctx, kgo.TryCommit)
}

// Abort implements txSession.
func (s franzSession) Abort(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	_, err := s.End(ctx, kgo.TryAbort)
	return err
}
