package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// snapshot is what a read_committed reader could read at one moment.
type snapshot struct {
	at   time.Time
	ends []int64 // by the watch's topics; those made later are missing
	used usage   // of the contestant
}

// watch looks at the delivery topics while a contestant works. It only asks for
// end offsets, which costs the broker little. These count the markers of
// transactions too: how many notifications a snapshot holds is known when the
// topics have been read.
type watch struct {
	cluster *cluster
	w       workload
	topics  []string
	// discover looks for new topics each time; otherwise all are there.
	discover  bool
	snapshots []snapshot
}

// stall is how long a contestant may make no progress.
const stall = 60 * time.Second

// interval is the pause between two looks: long enough that they cost nothing
// worth mentioning, however many topics there are.
func (w *watch) interval() time.Duration {
	return max(50*time.Millisecond, time.Duration(w.w.people)*50*time.Microsecond)
}

// follow takes snapshots until the group has committed all events, and shows
// the progress. The error says that the contestant ended or stands still.
func (w *watch) follow(ctx context.Context, contestant *child, events int, show func(done int)) error {
	w.topics = w.w.deliveryTopics()
	if w.discover {
		w.topics = nil
	}
	moved, last := time.Now(), int64(0)
	for {
		if err := w.look(ctx, contestant); err != nil {
			return err
		}
		done, err := w.cluster.done(ctx, w.w.group(), w.w.topic())
		if err != nil {
			return err
		}
		show(int(done))
		if done >= int64(events) {
			// Apache Kafka shows a transaction's offsets before all of its records.
			all, err := w.settled(ctx, contestant)
			if err != nil || all {
				return err
			}
		}
		if done > last {
			moved, last = time.Now(), done
		}
		if err := contestant.ended(); err != nil {
			return err
		}
		if time.Since(moved) > stall {
			return contestant.failure(fmt.Sprintf("stands still at %d of %d events", done, events))
		}
		select {
		case <-time.After(w.interval()):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *watch) look(ctx context.Context, contestant *child) error {
	if w.discover {
		if err := w.find(ctx); err != nil {
			return err
		}
	}
	s := snapshot{ends: make([]int64, len(w.topics))}
	if len(w.topics) > 0 {
		ends, err := w.cluster.ends(ctx, readCommitted, w.topics)
		if err != nil {
			return err
		}
		for i, name := range w.topics {
			s.ends[i] = ends[name][0]
		}
	}
	s.at, s.used = time.Now(), contestant.usage()
	w.snapshots = append(w.snapshots, s)
	return nil
}

// settled reports whether nothing stands in the topics that a read_committed
// reader may not see yet.
func (w *watch) settled(ctx context.Context, contestant *child) (bool, error) {
	if w.discover {
		if err := w.find(ctx); err != nil {
			return false, err
		}
	}
	ends, err := w.cluster.ends(ctx, readUncommitted, w.topics)
	if err != nil {
		return false, err
	}
	if err := w.look(ctx, contestant); err != nil {
		return false, err
	}
	last := w.snapshots[len(w.snapshots)-1]
	for i, name := range w.topics {
		if last.ends[i] < ends[name][0] {
			return false, nil
		}
	}
	return true, nil
}

// find adds the people's topics that are new.
func (w *watch) find(ctx context.Context) error {
	// By hand: kadm's list may be a quarter of a second old.
	resp, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, w.cluster.cl)
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	people := strings.TrimSuffix(w.w.deliveryTopics()[0], "0")
	known := make(map[string]bool, len(w.topics))
	for _, name := range w.topics {
		known[name] = true
	}
	for _, t := range resp.Topics {
		if t.Topic != nil && strings.HasPrefix(*t.Topic, people) && !known[*t.Topic] && t.ErrorCode == 0 {
			w.topics = append(w.topics, *t.Topic)
		}
	}
	return nil
}

// pace is what the snapshots say of a contestant.
type pace struct {
	perSecond float64 // notifications that became readable
	cores     float64 // that the contestant kept busy meanwhile
	resident  int64   // bytes at the most
}

// pace is measured from the first snapshot that shows at least 5 % of the
// notifications to the first that shows 95 %, so that neither joining the group
// nor the last partitions running dry count. Where one step spans both, as with
// a backlog smaller than a transaction, it is measured from the snapshot before
// that step to the first that shows everything.
func (w *watch) pace(offsets map[string][]int64, total int) pace {
	count := func(s snapshot) (n int) {
		for i, end := range s.ends {
			n += atBelow(offsets[w.topics[i]], end)
		}
		return n
	}
	first := func(share float64) int {
		i, _ := slices.BinarySearchFunc(w.snapshots, share*float64(total), func(s snapshot, want float64) int {
			if float64(count(s)) >= want {
				return 1
			}
			return -1
		})
		return min(i, len(w.snapshots)-1)
	}
	from, to := first(0.05), first(0.95)
	if from == to {
		from, to = max(from-1, 0), first(1)
	}
	a, b := w.snapshots[from], w.snapshots[to]
	p := pace{resident: w.snapshots[len(w.snapshots)-1].used.peak}
	if seconds := b.at.Sub(a.at).Seconds(); seconds > 0 {
		p.perSecond = float64(count(b)-count(a)) / seconds
		p.cores = (b.used.cpu - a.used.cpu).Seconds() / seconds
	}
	return p
}

// atBelow counts the sorted offsets that are smaller than end.
func atBelow(offsets []int64, end int64) int {
	n, _ := slices.BinarySearch(offsets, end)
	return n
}
