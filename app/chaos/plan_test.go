package chaos_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/chaos"
)

func TestPlan(t *testing.T) {
	times := map[chaos.Fault]int{
		chaos.Nothing: 2, chaos.KillInstance: 10, chaos.ScaleInstances: 3, chaos.KillStore: 3, chaos.StarvePoison: 1, chaos.CutBrokers: 0,
	}
	order := func(seed uint64) []chaos.Fault { return chaos.Plan(rand.New(rand.NewPCG(seed, 0)), times) }
	first := order(1)
	if diff := cmp.Diff(first, order(1)); diff != "" {
		t.Errorf("one seed gives two orders: %s", diff)
	}
	if cmp.Equal(first, order(2)) {
		t.Error("two seeds give one order")
	}
	if first[0] != chaos.Nothing {
		t.Errorf("it begins with %q, and nothing was measured without a fault", first[0])
	}
	got := make(map[chaos.Fault]int)
	for _, fault := range first {
		got[fault]++
	}
	delete(times, chaos.CutBrokers)
	if diff := cmp.Diff(times, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

// Everybody has events of every fate, and most are delivered.
func TestFates(t *testing.T) {
	for person := range 60 {
		got := make(map[chaos.Fate]int)
		for seq := 1; seq <= 50; seq++ {
			got[chaos.FateOf(person, seq)]++
		}
		want := map[chaos.Fate]int{chaos.Delivered: 47, chaos.Poisoned: 1, chaos.Dropped: 1, chaos.Retried: 1}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("person %d: %s", person, diff)
		}
	}
}
