package kafka_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
)

// consume starts a member of group and hands every message to handle in a
// goroutine of its own, as Watermill's router does.
func consume(t *testing.T, brokers []string, group, topic string, handle func(*message.Message)) *kafka.Subscriber {
	t.Helper()
	sub, err := kafka.NewSubscriber(kafka.Cluster{Brokers: brokers}, group, quiet())
	if err != nil {
		t.Fatal(err)
	}
	messages, err := sub.Subscribe(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for msg := range messages {
			go handle(msg)
		}
	}()
	t.Cleanup(func() {
		_ = sub.Close()
		<-done
	})
	return sub
}

type seen struct {
	mu     sync.Mutex
	values []string
}

func (s *seen) add(v string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values = append(s.values, v)
}

func (s *seen) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.values...)
}

func TestSubscriberCarriesTheWholeRecord(t *testing.T) {
	bs := brokers(t)
	in := name(t, "in")
	create(t, client(t, bs), topic(in, 1))
	headers := []record.Header{
		{Key: "x", Value: []byte("1")},
		{Key: record.HeaderUUID, Value: []byte("id")},
		{Key: "x", Value: []byte("2")},
		{Key: "binary", Value: []byte{0, 255}},
	}
	publish(t, publisher(t, bs), in, "key", "value", headers...)

	got := make(chan *record.Record, 1)
	consume(t, bs, name(t, "group"), in, func(msg *message.Message) {
		got <- kafka.DeliveryFrom(msg.Context()).Record
		msg.Ack()
	})
	rec := <-got
	rec.Timestamp = time.Time{}
	want := &record.Record{Topic: in, Key: []byte("key"), Value: []byte("value"), Headers: headers}
	if diff := cmp.Diff(want, rec); diff != "" {
		t.Error(diff)
	}
}

// A drained member has committed all it acknowledged: its successor sees
// nothing twice and misses nothing.
func TestDrainCommitsWhatWasAcknowledged(t *testing.T) {
	bs := brokers(t)
	in, group := name(t, "in"), name(t, "group")
	create(t, client(t, bs), topic(in, 4))
	pub := publisher(t, bs)
	const n = 400
	for i := range n {
		publish(t, pub, in, fmt.Sprint(i%16), fmt.Sprint(i))
	}
	var got seen
	handle := func(msg *message.Message) {
		if d := kafka.DeliveryFrom(msg.Context()); d.Stopped() {
			d.Abandon()
		} else {
			got.add(string(msg.Payload))
		}
		msg.Ack()
	}
	for len(got.all()) < n {
		before := len(got.all())
		sub := consume(t, bs, group, in, handle)
		eventually(t, "some progress", func() bool { return len(got.all()) > min(before+50, n-1) })
		if err := sub.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := sub.Close(); err != nil {
			t.Fatal(err)
		}
	}
	counts := make(map[string]int)
	for _, v := range got.all() {
		counts[v]++
	}
	for v, times := range counts {
		if times != 1 {
			t.Errorf("record %s came %d times", v, times)
		}
	}
	if len(counts) != n {
		t.Errorf("%d of %d records came", len(counts), n)
	}
}

// An abandoned message, and all behind it, come again to the next member.
func TestAbandonedMessagesComeAgain(t *testing.T) {
	bs := brokers(t)
	in, group := name(t, "in"), name(t, "group")
	create(t, client(t, bs), topic(in, 1))
	pub := publisher(t, bs)
	for i := range 5 {
		publish(t, pub, in, "k", fmt.Sprint(i))
	}
	waiting := make(chan struct{})
	var first seen
	sub := consume(t, bs, group, in, func(msg *message.Message) {
		d := kafka.DeliveryFrom(msg.Context())
		if d.Stopped() { // the next one may have been on its way already
			d.Abandon()
			msg.Ack()
			return
		}
		first.add(string(msg.Payload))
		if string(msg.Payload) == "2" {
			close(waiting)
			<-d.Stopping
			d.Abandon()
		}
		msg.Ack()
	})
	<-waiting
	if err := sub.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = sub.Close()
	if diff := cmp.Diff([]string{"0", "1", "2"}, first.all()); diff != "" {
		t.Error(diff)
	}

	var second seen
	consume(t, bs, group, in, func(msg *message.Message) { second.add(string(msg.Payload)); msg.Ack() })
	eventually(t, "the rest", func() bool { return len(second.all()) == 3 })
	if diff := cmp.Diff([]string{"2", "3", "4"}, second.all()); diff != "" {
		t.Error(diff)
	}
}

// A message that never succeeds must not hold up a rebalance: the second
// member gets its partitions while the first waits.
func TestRebalanceGoesOnBehindAStuckMessage(t *testing.T) {
	bs := brokers(t)
	in, group := name(t, "in"), name(t, "group")
	create(t, client(t, bs), topic(in, 2))
	pub := publisher(t, bs)
	for i := range 20 {
		publish(t, pub, in, fmt.Sprint(i), fmt.Sprint(i))
	}
	stuck := make(chan struct{}, 2)
	consume(t, bs, group, in, func(msg *message.Message) {
		d := kafka.DeliveryFrom(msg.Context())
		select {
		case stuck <- struct{}{}:
		default:
		}
		<-d.Stopping // as an outage makes the pipeline wait
		d.Abandon()
		msg.Ack()
	})
	<-stuck
	var got seen
	consume(t, bs, group, in, func(msg *message.Message) { got.add(string(msg.Payload)); msg.Ack() })
	eventually(t, "the second member works", func() bool { return len(got.all()) > 0 })
}
