package kafka_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/trieungochai/kafka-notify/app/kafka"
)

// offsets are what a group has committed in a topic: by partition, offset and
// metadata.
type offsets map[int32]struct {
	At       int64
	Metadata string
}

func commit(t *testing.T, adm *kadm.Client, group, topic string, of offsets) {
	t.Helper()
	var all kadm.Offsets
	for n, at := range of {
		all.Add(kadm.Offset{Topic: topic, Partition: n, At: at.At, LeaderEpoch: -1, Metadata: at.Metadata})
	}
	if err := adm.CommitAllOffsets(t.Context(), group, all); err != nil {
		t.Fatal(err)
	}
}

func committedBy(t *testing.T, adm *kadm.Client, group, topic string) offsets {
	t.Helper()
	fetched, err := adm.FetchOffsets(t.Context(), group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		t.Fatal(err)
	}
	got := make(offsets)
	for n, at := range fetched[topic] {
		got[n] = struct {
			At       int64
			Metadata string
		}{at.At, at.Metadata}
	}
	return got
}

// A group goes on from where the one has come that read the topic before, in
// each partition, with what that has finished out of order; of two that have
// offsets the further one counts.
func TestBeginAtTakesOverFromTheFormerGroup(t *testing.T) {
	const open = "kafka-notify:1:AQI" // one open record, two finished ones behind it
	for what, c := range map[string]struct{ own, former, want offsets }{
		"nothing to take over": {nil, nil, offsets{0: {4, ""}, 1: {4, ""}}},
		"the own ones are all": {offsets{0: {1, ""}}, nil, offsets{0: {1, ""}}},
		"all of them":          {nil, offsets{0: {3, ""}, 1: {1, open}}, offsets{0: {3, ""}, 1: {1, open}}},
		// the other one was added to the topic since: it begins at its oldest record
		"of one partition":   {nil, offsets{0: {3, ""}}, offsets{0: {3, ""}}},
		"the further one":    {offsets{0: {1, ""}, 1: {2, ""}}, offsets{0: {3, ""}, 1: {1, open}}, offsets{0: {3, ""}, 1: {2, ""}}},
		"what is done ahead": {offsets{0: {1, open}, 1: {1, ""}}, offsets{0: {1, ""}, 1: {1, open}}, offsets{0: {1, open}, 1: {1, open}}},
	} {
		t.Run(what, func(t *testing.T) {
			bs := brokers(t)
			cl, adm, in, group, former := client(t, bs), admin(t, bs), name(t, "in"), name(t, "group"), name(t, "former")
			create(t, cl, topic(in, 2))
			pub := publisher(t, bs)
			for i := range 16 {
				publish(t, pub, in, fmt.Sprint(i), "v")
			}
			lags, err := cl.Lag(t.Context(), group, in)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range lags {
				if want, ok := c.want[l.Partition]; ok && what == "nothing to take over" {
					want.At = l.End
					c.want[l.Partition] = want
				}
			}
			commit(t, adm, group, in, c.own)
			commit(t, adm, former, in, c.former)
			for range 2 { // the second time nothing is left to do
				if err := cl.BeginAt(t.Context(), group, in, kafka.Start{Former: former}); err != nil {
					t.Fatal(err)
				}
				if diff := gocmp.Diff(c.want, committedBy(t, adm, group, in)); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			}
			for n, at := range committedBy(t, adm, former, in) {
				if at.At != c.former[n].At || at.Metadata != "kafka-notify:moved:"+group {
					t.Errorf("the former group has %+v in partition %d", at, n)
				}
			}
		})
	}
}

// There and back again: what has been taken over is the other's, even if that was
// set back by hand.
func TestOffsetsAreTakenOverThereAndBack(t *testing.T) {
	bs := brokers(t)
	cl, adm, in, one, other := client(t, bs), admin(t, bs), name(t, "in"), name(t, "one"), name(t, "other")
	create(t, cl, topic(in, 1))
	commit(t, adm, one, in, offsets{0: {7, ""}})
	begin := func(group, former string, want int64) {
		t.Helper()
		if err := cl.BeginAt(t.Context(), group, in, kafka.Start{Former: former}); err != nil {
			t.Fatal(err)
		}
		if got := committedBy(t, adm, group, in)[0].At; got != want {
			t.Errorf("%s begins at %d, want %d", group, got, want)
		}
	}
	begin(other, one, 7)
	begin(one, other, 7)
	begin(other, one, 7)
	commit(t, adm, other, in, offsets{0: {2, ""}})
	begin(other, one, 2)
	begin(one, other, 2)
	commit(t, adm, one, in, offsets{0: {9, ""}})
	begin(one, other, 9)
	begin(other, one, 9)
}

// While somebody reads as the former group, nobody takes over from it; a group
// that is read already has done so before.
func TestBeginAtWaitsForTheFormerGroup(t *testing.T) {
	bs := brokers(t)
	cl, adm, in, group, former := client(t, bs), admin(t, bs), name(t, "in"), name(t, "group"), name(t, "former")
	create(t, cl, topic(in, 1))
	commit(t, adm, former, in, offsets{0: {5, ""}})
	begin := func() error { return cl.BeginAt(t.Context(), group, in, kafka.Start{Former: former}) }

	leave := join(t, bs, former, in)
	if err := begin(); !errors.Is(err, kafka.ErrFormerBusy) {
		t.Errorf("while the former group has a member: %v", err)
	}
	if got := committedBy(t, adm, group, in); len(got) > 0 {
		t.Errorf("and yet it begins: %v", got)
	}
	leave()
	leave = join(t, bs, group, in)
	if err := begin(); err != nil || committedBy(t, adm, former, in)[0].Metadata != "" {
		t.Errorf("the group is active: %v, %v", err, committedBy(t, adm, former, in))
	}
	leave()
	if err := begin(); err != nil || committedBy(t, adm, group, in)[0].At != 5 {
		t.Errorf("the former group is gone: %v, %v", err, committedBy(t, adm, group, in))
	}
}

// An offset that a transaction is about to commit is waited for.
func TestBeginAtWaitsForTransactionsOfTheFormerGroup(t *testing.T) {
	bs := brokers(t)
	cl, adm, in, group, former := client(t, bs), admin(t, bs), name(t, "in"), name(t, "group"), name(t, "former")
	create(t, cl, topic(in, 1))
	commit(t, adm, former, in, offsets{0: {1, ""}})
	producer, err := kgo.NewClient(kgo.SeedBrokers(bs...), kgo.TransactionalID(name(t, "tx")))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	end := pend(t, producer, former, in, 2)
	begin := func() error { return cl.BeginAt(t.Context(), group, in, kafka.Start{Former: former}) }
	if err := begin(); !errors.Is(err, kafka.ErrFormerBusy) {
		t.Errorf("while a transaction is open: %v", err)
	}
	end()
	eventually(t, "it is over", func() bool { return !errors.Is(begin(), kafka.ErrFormerBusy) })
	if got := committedBy(t, adm, group, in); got[0].At != 2 {
		t.Errorf("once it is over: %v", got)
	}
}

// A group that may not be asked for holds up nobody who has offsets already.
func TestBeginAtWhereTheFormerGroupIsForbidden(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "in"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	cluster.ControlKey(int16(kmsg.OffsetFetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		groups := req.(*kmsg.OffsetFetchRequest).Groups
		if len(groups) != 1 || groups[0].Group != "former" {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.OffsetFetchResponse)
		group := kmsg.NewOffsetFetchResponseGroup()
		group.Group, group.ErrorCode = "former", kerr.GroupAuthorizationFailed.Code
		resp.Groups = append(resp.Groups, group)
		return resp, nil, true
	})
	cl, adm := client(t, cluster.ListenAddrs()), admin(t, cluster.ListenAddrs())
	begin := func() error { return cl.BeginAt(t.Context(), "group", "in", kafka.Start{Former: "former"}) }
	if err := begin(); err == nil || !strings.Contains(err.Error(), "grant READ on the group former") {
		t.Errorf("a new group: %v", err)
	}
	commit(t, adm, "group", "in", offsets{0: {0, ""}})
	if err := begin(); err != nil {
		t.Errorf("a group with offsets: %v", err)
	}
}

// pend begins a transaction that commits an offset for group; it is over when the
// function is called.
func pend(t *testing.T, producer *kgo.Client, group, topic string, at int64) (end func()) {
	t.Helper()
	id, epoch, err := producer.ProducerID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tx, _ := producer.OptValue(kgo.TransactionalID).(string)
	add := kmsg.NewPtrAddOffsetsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = tx, id, epoch, group
	added, err := add.RequestWith(t.Context(), producer)
	if err = cmp.Or(err, kerr.ErrorForCode(added.ErrorCode)); err != nil {
		t.Fatal(err)
	}
	partition := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	partition.Offset = at
	of := kmsg.NewTxnOffsetCommitRequestTopic()
	details, err := kadm.NewClient(producer).ListTopics(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	of.Topic, of.TopicID, of.Partitions = topic, details[topic].ID, append(of.Partitions, partition)
	commit := kmsg.NewPtrTxnOffsetCommitRequest()
	commit.TransactionalID, commit.ProducerID, commit.ProducerEpoch, commit.Group = tx, id, epoch, group
	commit.Generation, commit.Topics = -1, append(commit.Topics, of)
	done, err := commit.RequestWith(t.Context(), producer)
	if err = cmp.Or(err, kerr.ErrorForCode(done.Topics[0].Partitions[0].ErrorCode)); err != nil {
		t.Fatal(err)
	}
	return func() {
		end := kmsg.NewPtrEndTxnRequest()
		end.TransactionalID, end.ProducerID, end.ProducerEpoch, end.Commit = tx, id, epoch, true
		ended, err := end.RequestWith(context.Background(), producer)
		if err = cmp.Or(err, kerr.ErrorForCode(ended.ErrorCode)); err != nil {
			t.Fatal(err)
		}
	}
}

// join makes a member of group; it leaves when the function is called.
func join(t *testing.T, brokers []string, group, topic string) (leave func()) {
	t.Helper()
	assigned := make(chan struct{})
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { close(assigned) }))
	if err != nil {
		t.Fatal(err)
	}
	<-assigned
	return func() {
		_ = cl.LeaveGroupContext(context.Background())
		cl.Close()
	}
}
