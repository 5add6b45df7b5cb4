package pipeline_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func TestRates(t *testing.T) {
	b := newBench(t, file, handler.Default())
	n := 0
	deliver := func(times int) {
		for range times {
			n++
			b.process(follow(fmt.Sprint("e", n), int64(n), fmt.Sprint(n%3+2), "1"))
		}
	}
	if r := b.Rates(); r != (pipeline.Rates{}) {
		t.Errorf("before there is anything: %+v", r)
	}
	b.Sample()
	if r := b.Rates(); r != (pipeline.Rates{}) {
		t.Errorf("in no time: %+v", r)
	}
	deliver(3) // and what follows them are duplicates
	b.now = b.now.Add(time.Second)
	if r := b.Rates(); r.Delivered != 3 || r.Dropped != 0 {
		t.Errorf("after the first second: %+v", r)
	}
	for range 4 {
		b.Sample()
		deliver(5)
		b.now = b.now.Add(time.Second)
	}
	if r := b.Rates(); r.Delivered != 3.0/5 || r.Dropped != 20.0/5 {
		t.Errorf("after five: %+v", r)
	}
	b.Sample()
	if r := b.Rates(); r.Delivered != 0 || r.Dropped != 5 {
		t.Errorf("what is longer ago counts: %+v", r)
	}
	b.process(follow("nobody", 500, "9", "1"))
	b.now = b.now.Add(time.Second)
	if r := b.Rates(); r.Poisoned != 1.0/5 {
		t.Errorf("poisoned: %+v", r)
	}
	if minute := b.Minute(); len(minute) != 60 || !slices.Equal(minute[55:], []int{3, 0, 0, 0, 0}) || slices.Max(minute[:55]) != 0 {
		t.Errorf("the minute: %v", minute)
	}
	for range 100 {
		b.Sample()
	}
	if minute := b.Minute(); len(minute) != 60 || slices.Max(minute) != 0 {
		t.Errorf("the minute after: %v", minute)
	}
}
