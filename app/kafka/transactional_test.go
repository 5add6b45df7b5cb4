package kafka_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
)

// member starts a transactional member of group and hands every message to
// handle in a goroutine of its own, as Watermill's router does.
func member(t *testing.T, c kafka.TransactionalConfig, topic string, handle func(*message.Message, kafka.Transaction)) *kafka.Transactional {
	t.Helper()
	c.Instance, c.Log, c.MetadataAge = name(t, "instance"), quiet(), time.Second
	sub := kafka.NewTransactional(c)
	messages, err := sub.Subscribe(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for msg := range messages {
			go handle(msg, kafka.DeliveryFrom(msg.Context()).Transaction())
		}
	}()
	t.Cleanup(func() {
		_ = sub.Close()
		<-done
	})
	return sub
}

// forward publishes every message to the topic and acknowledges it.
func forward(to string) func(*message.Message, kafka.Transaction) {
	return func(msg *message.Message, tx kafka.Transaction) {
		rec := kafka.DeliveryFrom(msg.Context()).Record
		if err := tx.Publish(&record.Record{Topic: to, Key: rec.Key, Value: rec.Value}); err != nil {
			msg.Nack()
			return
		}
		msg.Ack()
	}
}

// values are the committed ones of a topic with one partition.
func values(t *testing.T, c *kafka.Client, topic string) (all []string) {
	t.Helper()
	bounds, err := c.Bounds(t.Context(), topic, 0)
	if err != nil {
		t.Fatal(err)
	}
	records, err := kafka.ReadRange(t.Context(), c, topic, bounds.Start, bounds.End)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		all = append(all, string(r.Value))
	}
	return all
}

// committed reports whether the group has finished all of the topic.
func committed(t *testing.T, c *kafka.Client, group, topic string) bool {
	lags, err := c.Lag(t.Context(), group, topic)
	return err == nil && !slices.ContainsFunc(lags, func(l kafka.PartitionLag) bool { return l.Lag() > 0 })
}

// One message that takes long holds up neither the commit of the others nor,
// after a crash, makes them come again.
func TestASlowMessageHoldsUpNoCommit(t *testing.T) {
	bs := brokers(t)
	c, p := client(t, bs), publisher(t, bs)
	in, out, group := name(t, "in"), name(t, "out"), name(t, "group")
	create(t, c, topic(in, 1), topic(out, 1))
	config := kafka.TransactionalConfig{Cluster: kafka.Cluster{Brokers: bs}, Group: group}
	slow := make(chan struct{})
	fast := forward(out)
	first := member(t, config, in, func(msg *message.Message, tx kafka.Transaction) {
		if string(msg.Payload) == "1" {
			<-slow
			return
		}
		fast(msg, tx)
	})
	var want []string
	for i := range 20 {
		publish(t, p, in, fmt.Sprint("key ", i%7), fmt.Sprint(i))
		if i%7 != 1 {
			want = append(want, fmt.Sprint(i))
		}
	}
	eventually(t, "the others", func() bool { return len(values(t, c, out)) == len(want) })
	lags, err := c.Lag(t.Context(), group, in)
	if err != nil || lags[0].Lag() != 3 || lags[0].Committed != 1 || string(lags[0].First.Value) != "1" {
		t.Errorf("lag: %+v, %v", lags, err)
	}
	// What is in flight is cut short, as by a crash.
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := first.Drain(ctx); err == nil || !strings.Contains(err.Error(), "come again") {
		t.Errorf("drain: %v", err)
	}
	close(slow)

	member(t, config, in, forward(out))
	eventually(t, "all", func() bool { return committed(t, c, group, in) })
	got := values(t, c, out)
	slices.Sort(want)
	slices.Sort(got[:len(want)])
	if diff := cmp.Diff(append(want, "1", "8", "15"), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A topic that refuses one record costs the others nothing, and the message
// learns of it.
func TestARefusedRecordComesBackAlone(t *testing.T) {
	bs := brokers(t)
	c, p := client(t, bs), publisher(t, bs)
	in, out, small, group := name(t, "in"), name(t, "out"), name(t, "small"), name(t, "group")
	create(t, c, topic(in, 1), topic(out, 1), kafka.Topic{Name: small, Partitions: 1, MaxBytes: 2000})
	for i := range 300 {
		value := fmt.Sprint(i)
		if i == 123 {
			random := make([]byte, 10_000) // compression must not help it
			_, _ = rand.Read(random)
			value = string(random)
		}
		publish(t, p, in, fmt.Sprint("key ", i%50), value)
	}
	var mu sync.Mutex
	var refused []error
	member(t, kafka.TransactionalConfig{Cluster: kafka.Cluster{Brokers: bs}, Group: group}, in,
		func(msg *message.Message, tx kafka.Transaction) {
			if err := tx.Refused(small); err != nil {
				mu.Lock()
				refused = append(refused, err)
				mu.Unlock()
				_ = tx.Publish(&record.Record{Topic: out, Value: []byte("refused")})
			} else {
				_ = tx.Publish(&record.Record{Topic: small, Value: msg.Payload})
			}
			msg.Ack()
		})
	eventually(t, "all", func() bool { return committed(t, c, group, in) })
	if got := values(t, c, small); len(got) != 299 {
		t.Errorf("%d records, want 299", len(got))
	}
	if got := values(t, c, out); len(got) != 1 || got[0] != "refused" {
		t.Errorf("in the place of the refused record: %v", got)
	}
	if len(refused) == 0 || !errors.Is(refused[0], kafka.ErrTooLarge) {
		t.Errorf("the message was told %v", refused)
	}
}

// A message that is not acknowledged comes again, alone, and after it those of
// its key.
func TestANackCostsNobodyElse(t *testing.T) {
	bs := brokers(t)
	c, p := client(t, bs), publisher(t, bs)
	in, out, group := name(t, "in"), name(t, "out"), name(t, "group")
	create(t, c, topic(in, 1), topic(out, 1))
	for i := range 30 {
		publish(t, p, in, fmt.Sprint("key ", i%3), fmt.Sprint(i))
	}
	var mu sync.Mutex
	seen := make(map[string]int)
	pass := forward(out)
	member(t, kafka.TransactionalConfig{Cluster: kafka.Cluster{Brokers: bs}, Group: group}, in,
		func(msg *message.Message, tx kafka.Transaction) {
			mu.Lock()
			seen[string(msg.Payload)]++
			n := seen[string(msg.Payload)]
			mu.Unlock()
			if string(msg.Payload) == "1" && n < 3 {
				_ = tx.Publish(&record.Record{Topic: out, Value: []byte("of a delivery that failed")})
				msg.Nack()
				return
			}
			pass(msg, tx)
		})
	eventually(t, "all", func() bool { return committed(t, c, group, in) })
	got := values(t, c, out)
	if len(got) != 30 {
		t.Errorf("%d records", len(got))
	}
	for key := range 3 {
		var mine []string
		for _, v := range got {
			var n int
			if _, err := fmt.Sscan(v, &n); err == nil && n%3 == key {
				mine = append(mine, v)
			}
		}
		for i, v := range mine {
			if v != fmt.Sprint(i*3+key) {
				t.Errorf("key %d: %v", key, mine)
				break
			}
		}
	}
	for v, n := range seen {
		if want := map[string]int{"1": 3}[v]; n != max(want, 1) {
			t.Errorf("%s was delivered %d times", v, n)
		}
	}
}

// Members that come and go in the midst of work neither lose nor repeat.
func TestRebalancesRepeatNothing(t *testing.T) {
	bs := brokers(t)
	c, p := client(t, bs), publisher(t, bs)
	in, out, group := name(t, "in"), name(t, "out"), name(t, "group")
	create(t, c, topic(in, 6), topic(out, 1))
	config := kafka.TransactionalConfig{Cluster: kafka.Cluster{Brokers: bs}, Group: group, Sessions: 2, Messages: 20}
	const messages = 1500
	go func() {
		for i := range messages {
			_ = p.Publish(context.Background(), &record.Record{Topic: in, Key: fmt.Append(nil, i%40), Value: fmt.Append(nil, i)})
		}
	}()
	handle := func(msg *message.Message, tx kafka.Transaction) {
		time.Sleep(time.Millisecond)
		forward(out)(msg, tx)
	}
	member(t, config, in, handle)
	for range 4 {
		other := member(t, config, in, handle)
		eventually(t, "joined", other.Joined)
		time.Sleep(50 * time.Millisecond)
		if err := other.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all", func() bool { return len(values(t, c, out)) >= messages && committed(t, c, group, in) })
	last := make(map[int]int)
	for _, v := range values(t, c, out) {
		var n int
		_, _ = fmt.Sscan(v, &n)
		if before, ok := last[n%40]; ok && n != before+40 || !ok && n >= 40 {
			t.Fatalf("key %d: %d follows %d", n%40, n, before)
		}
		last[n%40] = n
	}
	if got := len(values(t, c, out)); got != messages {
		t.Errorf("%d records for %d messages", got, messages)
	}
}

// A topic of the group can grow, and can go and come back.
func TestTheSourceTopicChanges(t *testing.T) {
	bs := brokers(t)
	c, p := client(t, bs), publisher(t, bs)
	in, out, group := name(t, "in"), name(t, "out"), name(t, "group")
	create(t, c, topic(in, 1), topic(out, 1))
	sub := member(t, kafka.TransactionalConfig{Cluster: kafka.Cluster{Brokers: bs}, Group: group}, in, forward(out))
	for i := range 5 {
		publish(t, p, in, "key", fmt.Sprint("before ", i))
	}
	eventually(t, "the first", func() bool { return len(values(t, c, out)) == 5 })

	adm := admin(t, bs)
	if _, err := adm.CreatePartitions(t.Context(), 3, in); err != nil {
		t.Fatal(err)
	}
	keys := 0
	p = publisher(t, bs) // one that knows the new partitions
	eventually(t, "the new partitions", func() bool {
		keys++
		publish(t, p, in, fmt.Sprint(keys), fmt.Sprint("key ", keys))
		lags, err := c.Lag(t.Context(), group, in)
		return err == nil && len(lags) == 4 && !slices.ContainsFunc(lags, func(l kafka.PartitionLag) bool { return l.Committed == 0 })
	})
	eventually(t, "all of them", func() bool { return len(values(t, c, out)) == 5+keys })

	if _, err := adm.DeleteTopics(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an error", func() bool { return sub.Err() != nil })
	eventually(t, "the topic is back", func() bool {
		_, err := c.CreateTopics(t.Context(), quiet(), -1, topic(in, 1))
		return err == nil
	})
	fresh := publisher(t, bs)
	eventually(t, "published again", func() bool {
		return fresh.Publish(t.Context(), &record.Record{Topic: in, Key: []byte("key"), Value: []byte("after")}) == nil
	})
	eventually(t, "read again", func() bool { return slices.Contains(values(t, c, out), "after") })
	eventually(t, "no error any more", func() bool { return sub.Err() == nil })
}

func admin(t *testing.T, brokers []string) *kadm.Client {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return kadm.NewClient(cl)
}

// An offset that the broker no longer has: go on with the oldest record, or stop.
func TestALostOffset(t *testing.T) {
	for _, stop := range []bool{false, true} {
		t.Run(fmt.Sprint("stop ", stop), func(t *testing.T) {
			bs := brokers(t)
			c, p := client(t, bs), publisher(t, bs)
			in, out, group := name(t, "in"), name(t, "out"), name(t, "group")
			create(t, c, topic(in, 1), topic(out, 1))
			for i := range 10 {
				publish(t, p, in, "key", fmt.Sprint(i))
			}
			adm := admin(t, bs)
			offsets := make(kadm.Offsets)
			offsets.AddOffset(in, 0, 2, -1)
			if err := adm.CommitAllOffsets(t.Context(), group, offsets); err != nil {
				t.Fatal(err)
			}
			deleted := make(kadm.Offsets)
			deleted.AddOffset(in, 0, 6, -1)
			if _, err := adm.DeleteRecords(t.Context(), deleted); err != nil {
				t.Fatal(err)
			}
			sub := member(t, kafka.TransactionalConfig{Cluster: kafka.Cluster{Brokers: bs}, Group: group, StopWhenLost: stop}, in, forward(out))
			if stop {
				eventually(t, "an error", func() bool { return sub.Err() != nil })
				if text := sub.Err().Error(); !strings.Contains(text, "auto_offset_reset") {
					t.Errorf("unclear: %s", text)
				}
				return
			}
			eventually(t, "the rest", func() bool { return committed(t, c, group, in) })
			if diff := cmp.Diff([]string{"6", "7", "8", "9"}, values(t, c, out)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Records wait until they are due, and those that are due don't wait for them.
func TestRecordsWaitUntilTheyAreDue(t *testing.T) {
	bs := brokers(t)
	c, p := client(t, bs), publisher(t, bs)
	in, out, group := name(t, "in"), name(t, "out"), name(t, "group")
	create(t, c, topic(in, 1), topic(out, 1))
	start := time.Now()
	due := map[string]time.Time{"late": start.Add(2 * time.Second), "later": start.Add(3 * time.Second)}
	for _, v := range []string{"late", "now", "later"} {
		publish(t, p, in, "key "+v, v)
	}
	member(t, kafka.TransactionalConfig{
		Cluster: kafka.Cluster{Brokers: bs}, Group: group,
		Due: func(rec *record.Record) time.Time { return due[string(rec.Value)] },
	}, in, func(msg *message.Message, tx kafka.Transaction) {
		if early := time.Until(due[string(msg.Payload)]); early > 0 {
			t.Errorf("%s came %v early", msg.Payload, early)
		}
		forward(out)(msg, tx)
	})
	eventually(t, "all", func() bool { return committed(t, c, group, in) })
	if diff := cmp.Diff([]string{"now", "late", "later"}, values(t, c, out)); diff != "" {
		t.Error(diff)
	}
}

// A record without key and value is one like others.
func TestRecordsWithoutKeyAndValue(t *testing.T) {
	bs := brokers(t)
	c, p := client(t, bs), publisher(t, bs)
	in, group := name(t, "in"), name(t, "group")
	create(t, c, topic(in, 1))
	for range 3 {
		if err := p.Publish(t.Context(), &record.Record{Topic: in}); err != nil {
			t.Fatal(err)
		}
	}
	got := make(chan *record.Record, 3)
	member(t, kafka.TransactionalConfig{Cluster: kafka.Cluster{Brokers: bs}, Group: group}, in,
		func(msg *message.Message, _ kafka.Transaction) {
			got <- kafka.DeliveryFrom(msg.Context()).Record
			msg.Ack()
		})
	for i := range int64(3) {
		if rec := <-got; rec.Key != nil || rec.Value != nil || rec.Offset != i {
			t.Errorf("%+v", rec)
		}
	}
	eventually(t, "all", func() bool { return committed(t, c, group, in) })
}

// A cluster that gives out no transactions is refused at the start, with what
// it needs and the way out.
func TestAClusterWithoutTransactionsIsRefused(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "in"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	cluster.ControlKey(int16(kmsg.InitProducerID), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.InitProducerIDResponse)
		resp.ErrorCode = kerr.TransactionalIDAuthorizationFailed.Code
		return resp, nil, true
	})
	sub := kafka.NewTransactional(kafka.TransactionalConfig{
		Cluster: kafka.Cluster{Brokers: cluster.ListenAddrs()}, Group: "kafka-notify.follow", Instance: "one", Sessions: 2,
	})
	defer func() { _ = sub.Close() }()
	_, err = sub.Subscribe(t.Context(), "in")
	if err == nil {
		t.Fatal("subscribed")
	}
	for _, part := range []string{"ACLs WRITE and DESCRIBE", `"kafka-notify."`, "READ on the group", "delivery: at_least_once"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is missing in: %v", part, err)
		}
	}
}
