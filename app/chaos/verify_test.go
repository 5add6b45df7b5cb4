package chaos_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/trieungochai/kafka-notify/app/chaos"
)

const sources = "events.step"

// healthy is the evidence of a service that did everything right: each person's
// third event is poison, the fourth is dropped, the fifth took a tier.
func healthy(people, events int) chaos.Evidence {
	ev := chaos.Evidence{Strict: true, Shared: true, Delivered: make([][]chaos.Record, people), Lists: make([][]string, people)}
	for person := range people {
		topic := fmt.Sprintf("user.%d", person)
		for seq := 1; seq <= events; seq++ {
			e := chaos.Event{ID: fmt.Sprintf("%d-%d", person, seq), Person: person, Seq: seq, Accepted: time.Unix(1, 0), Posts: 1}
			e.Fate = map[int]chaos.Fate{3: chaos.Poisoned, 4: chaos.Dropped, 5: chaos.Retried}[seq]
			ev.Sources = append(ev.Sources, chaos.Record{Topic: sources, Offset: int64(len(ev.Sources)), EventID: e.ID})
			switch e.Fate {
			case chaos.Poisoned:
				ev.Poison = append(ev.Poison, chaos.Record{Topic: "poison", EventID: e.ID, PoisonID: "p" + e.ID})
			case chaos.Dropped:
			default:
				if e.Fate == "" {
					e.Fate = chaos.Delivered
				}
				ev.Delivered[person] = append(ev.Delivered[person],
					chaos.Record{Topic: topic, Offset: int64(seq), EventID: e.ID, UUID: "n" + e.ID})
				ev.Lists[person] = append(ev.Lists[person], fmt.Sprint(seq))
			}
			ev.Accepted = append(ev.Accepted, e)
		}
	}
	return ev
}

// count is how many lines there are of each kind of failure.
type count struct{ Lost, Misplaced, Disordered, Twice int }

func counts(f *chaos.Findings) count {
	return count{len(f.Lost), len(f.Misplaced), len(f.Disordered), len(f.Twice)}
}

func TestVerify(t *testing.T) {
	swap := func(records []chaos.Record, i, j int) { records[i], records[j] = records[j], records[i] }
	for _, tt := range []struct {
		name   string
		change func(*chaos.Evidence)
		want   count
		say    string // what one of the lines has in it
	}{
		{"all is well", func(*chaos.Evidence) {}, count{}, ""},
		{"a notification is lost", func(ev *chaos.Evidence) {
			ev.Delivered[1] = slices.Delete(ev.Delivered[1], 1, 2)
		}, count{Lost: 1}, "event 1-2, which must be delivered, accepted 00:00:01.000 after 1 posts, from events.step/0/9, is nowhere"},
		{"a poison entry is lost", func(ev *chaos.Evidence) { ev.Poison = ev.Poison[1:] }, count{Lost: 1}, "event 0-3, which must be poisoned"},
		{"a retried one is lost", func(ev *chaos.Evidence) {
			ev.Delivered[0] = slices.Delete(ev.Delivered[0], 2, 3)
		}, count{Lost: 1}, "event 0-5"},
		{"a notification stands twice", func(ev *chaos.Evidence) {
			ev.Delivered[0] = append(ev.Delivered[0], ev.Delivered[0][0])
		}, count{Twice: 1}, "notification n0-1 of event 0-1 stands at user.0/0/1 already"},
		{"twice, of an event sent twice", func(ev *chaos.Evidence) {
			ev.Delivered[0] = append(ev.Delivered[0], ev.Delivered[0][0])
			ev.Sources = append(ev.Sources, ev.Sources[0])
		}, count{Twice: 1}, ""},
		{"the same, with a store for each instance", func(ev *chaos.Evidence) {
			ev.Shared = false
			ev.Delivered[0] = append(ev.Delivered[0], ev.Delivered[0][0])
			ev.Sources = append(ev.Sources, ev.Sources[0])
		}, count{}, ""},
		{"twice is not out of order", func(ev *chaos.Evidence) {
			ev.Strict = false
			ev.Delivered[0] = slices.Concat(ev.Delivered[0][:2], ev.Delivered[0])
		}, count{}, ""},
		{"out of order", func(ev *chaos.Evidence) { swap(ev.Delivered[1], 0, 1) }, count{Disordered: 1}, "event 1-1 comes after event 1-2"},
		{"the retried one comes last", func(ev *chaos.Evidence) { swap(ev.Delivered[1], 2, 3) }, count{}, ""},
		{"out of order by way of a tier", func(ev *chaos.Evidence) {
			swap(ev.Delivered[1], 0, 1)
			ev.Tiered = []chaos.Record{{EventID: "1-1"}}
		}, count{}, ""},
		{"a poison_id stands twice", func(ev *chaos.Evidence) { ev.Poison = append(ev.Poison, ev.Poison[0]) }, count{Twice: 1}, "poison_id p0-3"},
		{"a second entry of an event sent once", func(ev *chaos.Evidence) {
			ev.Poison = append(ev.Poison, chaos.Record{EventID: "0-3", PoisonID: "other"})
		}, count{Misplaced: 1}, "a poison entry too many"},
		{"a second entry of an event sent twice", func(ev *chaos.Evidence) {
			ev.Poison = append(ev.Poison, chaos.Record{EventID: "0-3", PoisonID: "other"})
			ev.Sources = append(ev.Sources, chaos.Record{EventID: "0-3"})
		}, count{}, ""},
		{"a good event is poisoned too", func(ev *chaos.Evidence) {
			ev.Poison = append(ev.Poison, chaos.Record{EventID: "0-1", PoisonID: "p0-1"})
		}, count{Misplaced: 1}, `event "0-1" is poisoned`},
		{"a poisoned event is delivered too", func(ev *chaos.Evidence) {
			ev.Delivered[0] = append(ev.Delivered[0], chaos.Record{EventID: "0-3", UUID: "n0-3"})
		}, count{Misplaced: 1}, "which must be poisoned"},
		{"a dropped event is delivered", func(ev *chaos.Evidence) {
			ev.Delivered[0] = append(ev.Delivered[0], chaos.Record{EventID: "0-4", UUID: "n0-4"})
		}, count{Misplaced: 1}, "which must be dropped by filter"},
		{"a notification reaches somebody else", func(ev *chaos.Evidence) {
			ev.Delivered[0] = append(ev.Delivered[0], ev.Delivered[1][0])
		}, count{Misplaced: 1}, "which is for person 1"},
		{"a notification of nothing", func(ev *chaos.Evidence) {
			ev.Delivered[0] = append(ev.Delivered[0], chaos.Record{EventID: "9-9", UUID: "n9-9"})
		}, count{Misplaced: 1}, "nobody had accepted"},
		{"a list shows one twice", func(ev *chaos.Evidence) { ev.Lists[0] = append(ev.Lists[0], "1") }, count{Twice: 1}, "0-1 for the second time"},
		{"a list leaves one out", func(ev *chaos.Evidence) { ev.Lists[0] = ev.Lists[0][1:] }, count{Lost: 1}, "0-1 is not in the list"},
		{"a list is out of order", func(ev *chaos.Evidence) { slices.Reverse(ev.Lists[0][:2]) }, count{Disordered: 1}, "0-1 comes after 2"},
		{"a list shows what is dropped", func(ev *chaos.Evidence) { ev.Lists[0] = append(ev.Lists[0], "4") }, count{Misplaced: 1}, `"4" should not be there`},
		{"no lists", func(ev *chaos.Evidence) { ev.Lists = nil }, count{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ev := healthy(2, 8)
			tt.change(&ev)
			got := chaos.Verify(ev)
			if diff := cmp.Diff(tt.want, counts(got)); diff != "" {
				t.Errorf("failures (-want +got):\n%s\n%+v", diff, got)
			}
			all := strings.Join(slices.Concat(got.Lost, got.Misplaced, got.Disordered, got.Twice), "\n")
			if !strings.Contains(all, tt.say) {
				t.Errorf("%q is not in:\n%s", tt.say, all)
			}
		})
	}
}

func TestVerifyCounts(t *testing.T) {
	ev := healthy(3, 10)
	ev.Strict = false
	ev.Delivered[0] = slices.Concat(ev.Delivered[0], ev.Delivered[0][:3])
	ev.Poison = append(ev.Poison, ev.Poison[1])
	ev.Sources = append(ev.Sources, ev.Sources[0], ev.Sources[0])
	ev.Tiered = []chaos.Record{{EventID: "0-1"}}
	got := chaos.Verify(ev)
	want := &chaos.Findings{
		Fates:   map[chaos.Fate]int{chaos.Delivered: 21, chaos.Poisoned: 3, chaos.Dropped: 3, chaos.Retried: 3},
		Repeats: 3, PoisonRepeats: 1, Resent: 1, Tiered: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Whichever record of a delivery topic is taken away, it is missed.
func TestVerifyMissesEveryRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ev := healthy(3, 20)
		person := rapid.IntRange(0, 2).Draw(t, "person")
		gone := rapid.IntRange(0, len(ev.Delivered[person])-1).Draw(t, "gone")
		id := ev.Delivered[person][gone].EventID
		ev.Delivered[person] = slices.Delete(ev.Delivered[person], gone, gone+1)
		got := chaos.Verify(ev)
		if len(got.Lost) != 1 || !strings.Contains(got.Lost[0], "event "+id+",") {
			t.Fatalf("%q is lost, found: %q", id, got.Lost)
		}
	})
}
