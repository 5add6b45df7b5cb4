package kafka_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/trieungochai/kafka-notify/app/kafka"
)

func open(t *testing.T, listen, dir string) *kafka.Broker {
	t.Helper()
	b, err := kafka.OpenBroker(t.Context(), listen, dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheEmbeddedBrokerKeepsItsRecords(t *testing.T) {
	dir := t.TempDir()
	b := open(t, "127.0.0.1:0", dir)
	create(t, client(t, []string{b.Addr()}), topic("kept", 1))
	pub := publisher(t, []string{b.Addr()})
	for i := range 3 {
		publish(t, pub, "kept", "k", fmt.Sprint(i))
	}
	_ = pub.Close()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = open(t, "127.0.0.1:0", dir)
	defer func() { _ = b.Close() }()
	records, err := kafka.ReadRange(t.Context(), client(t, []string{b.Addr()}), "kept", 0, 3)
	if err != nil || len(records) != 3 {
		t.Errorf("%d records, %v", len(records), err)
	}
}

// The broker has no lock of its own; two writers would ruin the data.
func TestTheEmbeddedBrokersFolderBelongsToOneProcess(t *testing.T) {
	dir := t.TempDir()
	b := open(t, "127.0.0.1:0", dir)
	defer func() { _ = b.Close() }()
	_, err := kafka.OpenBroker(t.Context(), "127.0.0.1:0", dir, quiet())
	if err == nil || !strings.Contains(err.Error(), "kafka.embedded.data_dir") || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second broker over the folder: %v", err)
	}
}

func TestATakenPortNamesItsKey(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, err = kafka.OpenBroker(t.Context(), l.Addr().String(), t.TempDir(), quiet())
	if err == nil || !strings.Contains(err.Error(), "kafka.embedded.listen") {
		t.Errorf("got %v", err)
	}
}

// A group whose committed offset lies beyond the end, as a torn log leaves it,
// begins again at the start of the partition: it would miss what comes next.
func TestOffsetsBeyondTheEndAreResetAtStart(t *testing.T) {
	dir := t.TempDir()
	b := open(t, "127.0.0.1:0", dir)
	brokers := []string{b.Addr()}
	create(t, client(t, brokers), topic("short", 2))
	pub := publisher(t, brokers)
	for i := range 8 {
		publish(t, pub, "short", fmt.Sprint(i), "v")
	}
	_ = pub.Close()
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	var offsets kadm.Offsets
	offsets.AddOffset("short", 0, 100, -1)
	offsets.AddOffset("short", 1, 1, -1)
	if err := kadm.NewClient(cl).CommitAllOffsets(t.Context(), "group", offsets); err != nil {
		t.Fatal(err)
	}
	cl.Close()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}

	b = open(t, "127.0.0.1:0", dir)
	defer func() { _ = b.Close() }()
	lags, err := client(t, []string{b.Addr()}).Lag(t.Context(), "group", "short")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lags {
		if want := int64(l.Partition); l.Committed != want {
			t.Errorf("partition %d: committed %d, want %d", l.Partition, l.Committed, want)
		}
	}
}
