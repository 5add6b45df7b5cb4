package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func producer(t *testing.T, brokers []string, maxBytes int) *kafka.Producer {
	t.Helper()
	p, err := kafka.NewProducer(kafka.Cluster{Brokers: brokers}, maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// One record that can't be written leaves the others alone, and each has its
// own answer.
func TestProducerAnswersForEachRecord(t *testing.T) {
	bs := brokers(t)
	in, missing := name(t, "in"), name(t, "missing")
	cl := client(t, bs)
	create(t, cl, topic(in, 1))
	p := producer(t, bs, 10_000)
	recs := []*record.Record{
		{Topic: in, Key: []byte("k"), Value: []byte("0"), Headers: []record.Header{{Key: "a", Value: []byte("1")}, {Key: "a", Value: []byte("2")}}},
		{Topic: in, Key: []byte("k"), Value: make([]byte, 20_000)},
		{Topic: missing, Key: []byte("k"), Value: []byte("2")},
		{Topic: in, Key: []byte("k"), Value: []byte("3")},
	}
	errs := p.Publish(t.Context(), recs...)
	if errs[0] != nil || errs[3] != nil {
		t.Errorf("good records: %v, %v", errs[0], errs[3])
	}
	if !errors.Is(errs[1], kafka.ErrTooLarge) || !handler.IsPermanent(errs[1]) {
		t.Errorf("a large one: %v", errs[1])
	}
	if !errors.Is(errs[2], kafka.ErrTopicMissing) || handler.IsPermanent(errs[2]) {
		t.Errorf("one without topic: %v", errs[2])
	}
	got, err := kafka.ReadRange(t.Context(), cl, in, 0, 2)
	if err != nil || len(got) != 2 || string(got[0].Value) != "0" || string(got[1].Value) != "3" || len(got[0].Headers) != 2 {
		t.Errorf("in the topic: %v, %v", got, err)
	}
	if errs := p.Publish(t.Context()); len(errs) != 0 {
		t.Errorf("nothing to send: %v", errs)
	}
}

// Records of one call are written in its order.
func TestProducerKeepsTheOrder(t *testing.T) {
	bs := brokers(t)
	in := name(t, "in")
	cl := client(t, bs)
	create(t, cl, topic(in, 1))
	p := producer(t, bs, 1<<20)
	const calls, each = 20, 50
	for call := range calls {
		var recs []*record.Record
		for i := range each {
			recs = append(recs, &record.Record{Topic: in, Key: []byte("k"), Value: fmt.Append(nil, call*each+i)})
		}
		if err := errors.Join(p.Publish(t.Context(), recs...)...); err != nil {
			t.Fatal(err)
		}
	}
	got, err := kafka.ReadRange(t.Context(), cl, in, 0, calls*each)
	if err != nil || len(got) != calls*each {
		t.Fatalf("%d records, %v", len(got), err)
	}
	for i, rec := range got {
		if string(rec.Value) != fmt.Sprint(i) {
			t.Fatalf("at %d stands %s", i, rec.Value)
		}
	}
}

// Without a broker the caller waits as long as it has time, and no longer.
func TestProducerWithoutABroker(t *testing.T) {
	b := open(t, "127.0.0.1:0", t.TempDir())
	brokers := []string{b.Addr()}
	create(t, client(t, brokers), topic("gone", 1))
	p := producer(t, brokers, 1<<20)
	if err := errors.Join(p.Publish(t.Context(), &record.Record{Topic: "gone", Value: []byte("v")})...); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	errs := p.Publish(ctx, &record.Record{Topic: "gone", Value: []byte("v")}, &record.Record{Topic: "gone", Value: []byte("v")})
	if len(errs) != 2 || !handler.IsUnavailable(errs[0]) || !handler.IsUnavailable(errs[1]) {
		t.Errorf("got %v", errs)
	}
}
