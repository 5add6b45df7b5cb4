package kafka

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Lead calls lead whenever this process is the leader of group, until ctx ends:
// the member that has the only partition of topic. The context that lead gets
// ends with the leadership; the next leader waits for lead to return, but not
// for a process that has stopped.
func Lead(ctx context.Context, cluster Cluster, group, topic string, lead func(context.Context)) error {
	l := &leadership{topic: topic, lead: lead}
	client, err := kgo.NewClient(append(cluster.options(),
		kgo.RetryBackoffFn(backOff),
		kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(topic),
		kgo.Balancers(kgo.CooperativeStickyBalancer()), // a new member takes no leadership away
		kgo.SessionTimeout(sessionTimeout),
		kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.HeartbeatInterval(2*time.Second),
		kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(l.begin),
		kgo.OnPartitionsRevoked(l.end),
		kgo.OnPartitionsLost(l.end),
	)...)
	if err != nil {
		return fmt.Errorf("client of group %s: %w", group, err)
	}
	client.PauseFetchTopics(topic) // it is there to be had, not to be read
	<-ctx.Done()
	l.stop()
	client.Close()
	return nil
}

// leadership is what one member has of it.
type leadership struct {
	topic string
	lead  func(context.Context)

	mu     sync.Mutex
	cancel context.CancelFunc // nil while another member leads
	done   chan struct{}
	over   bool
}

func (l *leadership) begin(_ context.Context, _ *kgo.Client, got map[string][]int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(got[l.topic]) == 0 || l.cancel != nil || l.over {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	l.cancel, l.done = cancel, done
	go func() {
		defer close(done)
		l.lead(ctx)
	}()
}

func (l *leadership) end(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
	if len(lost[l.topic]) > 0 {
		l.yield()
	}
}

func (l *leadership) yield() {
	l.mu.Lock()
	cancel, done := l.cancel, l.done
	l.cancel = nil
	l.mu.Unlock()
	if cancel != nil {
		cancel()
		<-done
	}
}

func (l *leadership) stop() {
	l.mu.Lock()
	l.over = true
	l.mu.Unlock()
	l.yield()
}
