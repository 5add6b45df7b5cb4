package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
)

func sender(t *testing.T, brokers []string, id string) *kafka.Sender {
	t.Helper()
	s, err := kafka.NewSender(t.Context(), kafka.Cluster{Brokers: brokers}, id, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// visible are the values that a read_committed reader sees.
func visible(t *testing.T, cl *kafka.Client, topic string) (values []string) {
	t.Helper()
	bounds, err := cl.Bounds(t.Context(), topic, 0)
	if err != nil {
		t.Fatal(err)
	}
	records, err := kafka.ReadRange(t.Context(), cl, topic, bounds.Start, bounds.End)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range records {
		values = append(values, string(rec.Value))
	}
	return values
}

// shows checks what can be read of a topic, once as much can be: Apache Kafka
// answers a commit before its records are visible.
func shows(t *testing.T, cl *kafka.Client, topic string, want ...string) {
	t.Helper()
	eventually(t, "what was committed", func() bool { return len(visible(t, cl, topic)) >= len(want) })
	if diff := cmp.Diff(want, visible(t, cl, topic)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", topic, diff)
	}
}

func TestSenderWritesAllOrNothing(t *testing.T) {
	bs := brokers(t)
	cl := client(t, bs)
	a, b, missing := name(t, "a"), name(t, "b"), name(t, "missing")
	create(t, cl, topic(a, 1), topic(b, 1))
	id := name(t, "sender")
	s := sender(t, bs, id)
	rec := func(topic, value string) *record.Record {
		return &record.Record{Topic: topic, Key: []byte("k"), Value: []byte(value)}
	}
	if err := s.Commit(t.Context(), rec(a, "1"), rec(b, "1"), rec(a, "2")); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), rec(a, "3"), rec(missing, "3")); !errors.Is(err, kafka.ErrTopicMissing) {
		t.Errorf("to a topic that is missing: %v", err)
	}
	// Whoever takes over finishes nothing of it.
	s = sender(t, bs, id)
	if err := s.Commit(t.Context(), rec(b, "4")); err != nil {
		t.Fatal(err)
	}
	shows(t, cl, a, "1", "2")
	shows(t, cl, b, "1", "4")
}

// Two processes that both take themselves for the one to send: the later wins.
func TestALaterSenderFencesTheOneBefore(t *testing.T) {
	bs := brokers(t)
	cl := client(t, bs)
	in, id := name(t, "in"), name(t, "sender")
	create(t, cl, topic(in, 1))
	before := sender(t, bs, id)
	after := sender(t, bs, id)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := before.Commit(ctx, &record.Record{Topic: in, Value: []byte("before")}); err == nil {
		t.Error("the one before was not fenced")
	}
	if err := after.Commit(ctx, &record.Record{Topic: in, Value: []byte("after")}); err != nil {
		t.Error(err)
	}
	shows(t, cl, in, "after")
}

// Of several processes one leads, and another takes over when it ends.
func TestLead(t *testing.T) {
	bs := brokers(t)
	in, group := name(t, "in"), name(t, "leaders")
	create(t, client(t, bs), topic(in, 1))
	var mu sync.Mutex
	leads := make(map[int]bool)
	set := func(i int, is bool) {
		mu.Lock()
		defer mu.Unlock()
		leads[i] = is
	}
	leaders := func() (all []int) {
		mu.Lock()
		defer mu.Unlock()
		for i, is := range leads {
			if is {
				all = append(all, i)
			}
		}
		return all
	}
	var stop [2]context.CancelFunc
	var processes sync.WaitGroup
	for i := range stop {
		var ctx context.Context
		ctx, stop[i] = context.WithCancel(t.Context())
		defer stop[i]()
		processes.Go(func() {
			err := kafka.Lead(ctx, kafka.Cluster{Brokers: bs}, group, in, func(leading context.Context) {
				set(i, true)
				<-leading.Done()
				set(i, false)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	// While they join, the leadership may pass from one to the other.
	settled := func(what string) int {
		t.Helper()
		since := time.Now()
		for last, end := -1, time.Now().Add(30*time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			all := leaders()
			if len(all) != 1 || all[0] != last {
				since, last = time.Now(), -1
				if len(all) == 1 {
					last = all[0]
				}
			}
			if last >= 0 && time.Since(since) > time.Second {
				return last
			}
		}
		t.Fatalf("%s: nobody leads alone within 30 s", what)
		return 0
	}
	first := settled("at the start")
	stop[first]()
	if second := settled("after the first has ended"); second == first {
		t.Error("who has ended leads still")
	}
	stop[1-first]()
	processes.Wait()
	if all := leaders(); len(all) > 0 {
		t.Errorf("all have ended, and %v lead", all)
	}
}

func TestReadersAndSince(t *testing.T) {
	bs := brokers(t)
	cl := client(t, bs)
	in := name(t, "in")
	create(t, cl, topic(in, 3))
	if readers, err := cl.Readers(t.Context(), in); err != nil || len(readers) != 0 {
		t.Errorf("of a new topic: %v, %v", readers, err)
	}
	if _, err := cl.Readers(t.Context(), name(t, "missing")); !errors.Is(err, kafka.ErrTopicMissing) {
		t.Errorf("of no topic: %v", err)
	}
	group := name(t, "group")
	if err := cl.BeginAt(t.Context(), group, in, kafka.Start{Oldest: true}); err != nil {
		t.Fatal(err)
	}
	if readers, err := cl.Readers(t.Context(), in); err != nil || !cmp.Equal(readers, []string{group}) {
		t.Errorf("readers %v, %v", readers, err)
	}

	p := producer(t, bs, 1<<20)
	write := func(from, to int) {
		for i := from; i < to; i++ {
			if err := errors.Join(p.Publish(t.Context(), &record.Record{Topic: in, Key: fmt.Append(nil, i), Value: fmt.Append(nil, i)})...); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(0, 20)
	time.Sleep(20 * time.Millisecond)
	middle := time.Now()
	time.Sleep(20 * time.Millisecond)
	write(20, 50)
	seen := make(map[string]bool)
	if err := cl.Since(t.Context(), in, middle, func(rec *record.Record) { seen[string(rec.Value)] = true }); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 30 || seen["19"] || !seen["20"] || !seen["49"] {
		t.Errorf("%d were written since", len(seen))
	}
}
