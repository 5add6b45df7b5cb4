package pipeline_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// maxAllocations are those of one message's whole way through the follow
// pipeline, from the record as it was read to the record as it is published:
// what decoding, schema, claims, handlers and middlewares allocate, with store
// and broker faked. Lower it when a change needs fewer.
const maxAllocations = 90

func TestAllocationsOfOneMessage(t *testing.T) {
	const runs = 1000
	m := newMill(t, runs+1) // AllocsPerRun runs once to warm up
	got := testing.AllocsPerRun(runs, m.next)
	if delivered, dropped, retried, poisoned := m.Counts(); delivered != runs+1 {
		t.Fatalf("%d delivered, %d dropped, %d retried, %d poisoned", delivered, dropped, retried, poisoned)
	}
	t.Logf("%.0f allocations a message", got)
	if got > maxAllocations {
		t.Errorf("%.0f allocations a message, at most %d are allowed", got, maxAllocations)
	}
}

func BenchmarkOneMessage(b *testing.B) {
	m := newMill(b, 1_000)
	b.ReportAllocs()
	for b.Loop() {
		if m.at == len(m.records) {
			b.StopTimer()
			m = newMill(b, len(m.records))
			b.StartTimer()
		}
		m.next()
	}
}

// mill takes prepared records through a pipeline whose surroundings cost as
// little as they can.
type mill struct {
	*bench
	ctx     context.Context
	records []*record.Record
	at      int
}

func newMill(t testing.TB, records int) *mill {
	m := &mill{bench: newBench(t, file, handler.Default()), ctx: t.Context()}
	m.Wire(discard{}, m.topics)
	for n := range records {
		follower := "f" + strconv.Itoa(n) // every pair once, or deduplicate drops it
		m.users.Records[follower] = map[string]any{"name": "Bruno"}
		m.records = append(m.records, follow("e"+strconv.Itoa(n), int64(n), follower, "1"))
	}
	return m
}

func (m *mill) next() {
	rec := m.records[m.at]
	m.at++
	if err := m.Process(m.ctx, &kafka.Delivery{Record: rec, Stopping: make(chan struct{})}); err != nil {
		m.t.Fatal(err)
	}
}

// discard takes everything.
type discard struct{}

func (discard) Publish(context.Context, *record.Record) error { return nil }
