package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/trieungochai/kafka-notify/app/cli"
	"github.com/trieungochai/kafka-notify/app/kafka"
)

// topic makes a topic on a broker of the test's own, and returns the broker's
// address and what writes records into the topic.
func topic(t *testing.T, name string, partitions int32) (broker string, write func(...*kgo.Record)) {
	t.Helper()
	b, err := kafka.OpenBroker(t.Context(), "127.0.0.1:0", t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	admin, err := kafka.NewClient(kafka.Cluster{Brokers: []string{b.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	made := kafka.Topic{Name: name, Partitions: partitions, MaxBytes: 1 << 20}
	if _, err := admin.CreateTopics(t.Context(), slog.New(slog.DiscardHandler), 1, made); err != nil {
		t.Fatal(err)
	}
	producer, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.DefaultProduceTopic(name), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(producer.Close)
	return b.Addr(), func(records ...*kgo.Record) {
		t.Helper()
		if err := producer.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTailShowsEveryRecordAsItIs(t *testing.T) {
	broker, write := topic(t, "odd", 1)
	at := time.Date(2026, 1, 2, 15, 4, 5, 123e6, time.UTC)
	write(
		&kgo.Record{Timestamp: at, Key: []byte("k"), Value: []byte("{\"n\": 9007199254740993,\n \"t\": \"<\u009b\"}"), Headers: []kgo.RecordHeader{
			{Key: "h", Value: []byte("1")},
			{Key: "other", Value: nil},
			{Key: "h", Value: []byte{0xff}},
		}},
		&kgo.Record{Timestamp: at, Key: []byte{0xff}, Value: []byte("no json\x1b")},
		&kgo.Record{Timestamp: at, Value: []byte{0xff, 0xfe}},
		&kgo.Record{Timestamp: at, Key: []byte{}, Value: []byte{}},
		&kgo.Record{Timestamp: at, Key: []byte("gone")},
	)
	var stdout, stderr bytes.Buffer
	code := cli.Main(t.Context(), []string{"tail", "odd", "--from-start", "--limit", "5", "--brokers", broker}, nil, &stdout, &stderr)
	if code != 0 || stderr.Len() > 0 {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
	head := func(offset string) string {
		return `{"topic":"odd","partition":0,"offset":` + offset + `,"timestamp":"2026-01-02T15:04:05.123Z",`
	}
	want := head("0") + `"key":"k","headers":[["h","1"],["other",null],["h",{"base64":"/w=="}]],"value":{"n":9007199254740993,"t":"<\u009b"}}` + "\n" +
		head("1") + `"key":null,"key_base64":"/w==","headers":[],"value_text":"no json\u001b"}` + "\n" +
		head("2") + `"key":null,"headers":[],"value_base64":"//4="}` + "\n" +
		head("3") + `"key":"","headers":[],"value_text":""}` + "\n" +
		head("4") + `"key":"gone","headers":[]}` + "\n"
	if diff := cmp.Diff(want, stdout.String()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestTailBeginsAtTheEndOfEveryPartition(t *testing.T) {
	broker, write := topic(t, "busy", 3)
	write(&kgo.Record{Partition: 0, Value: []byte("old")}, &kgo.Record{Partition: 2, Value: []byte("old")})

	ctx, interrupt := context.WithCancel(t.Context())
	read, stdout := io.Pipe()
	var stderr bytes.Buffer
	ended := make(chan int)
	go func() {
		ended <- cli.Main(ctx, []string{"tail", "busy", "--brokers", broker}, nil, stdout, &stderr)
	}()
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(read); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()

	// Nothing says when it has begun, so the first line is written for until it comes.
	var first string
	for first == "" {
		write(&kgo.Record{Partition: 1, Value: []byte("new")})
		select {
		case first = <-lines:
		case <-time.After(50 * time.Millisecond):
		}
	}
	write(&kgo.Record{Partition: 0, Value: []byte("new")}, &kgo.Record{Partition: 2, Value: []byte("last")})
	seen := map[string]bool{value(t, first): true}
	for line := range lines {
		if seen[value(t, line)] = true; seen["last"] {
			break
		}
	}
	if diff := cmp.Diff(map[string]bool{"new": true, "last": true}, seen); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}

	go func() {
		for range lines { // what is still on its way
		}
	}()
	interrupt()
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d after the interrupt: %s", code, &stderr)
	}
	_ = stdout.Close()
}

func value(t *testing.T, line string) string {
	t.Helper()
	var record struct {
		Text string `json:"value_text"`
	}
	if err := json.Unmarshal([]byte(line), &record); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return record.Text
}

// fullDisk fails as a file on a full disk does.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestOutputThatIsLostIsNoSuccess(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"handlers", "list"}, {"handlers", "list", "--output", "json"}, {"config", "show"}} {
		var stderr bytes.Buffer
		code := cli.Main(t.Context(), args, nil, fullDisk{}, &stderr)
		if code != 1 || !strings.Contains(stderr.String(), io.ErrShortWrite.Error()) {
			t.Errorf("%v: exit code %d, stderr %q; want 1 and why", args, code, &stderr)
		}
	}
}
