package chaos

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Evidence is everything that was promised, and everything that is there.
type Evidence struct {
	// Accepted are the events that got a 202, by person and number.
	Accepted []Event
	// Sources, Delivered and Poison are the records of the source topics, of each
	// person's delivery topic and of the poison topic, in their order.
	Sources   []Record
	Delivered [][]Record
	Poison    []Record
	// Tiered are the records of retry topics that no event should have taken.
	Tiered []Record
	// Lists are what the service shows each person, oldest first: the numbers of
	// their events, as text. A list that was not asked for is nil.
	Lists [][]string

	// Strict makes a failure of what stands twice in a topic.
	Strict bool
	// Shared says that the instances share a store. Without one nobody promises
	// anything for an event that stands twice in its source topic.
	Shared bool
}

// Findings is what is wrong, a line each, and what was counted.
type Findings struct {
	// Lost are accepted events that came to nowhere.
	Lost []string
	// Misplaced are records and list entries where none should be.
	Misplaced []string
	// Disordered are notifications that come after a later one.
	Disordered []string
	// Twice are ids that stand twice, where that is a failure.
	Twice []string

	// Fates counts the accepted events by fate.
	Fates map[Fate]int
	// Resent counts events with more than one record in their source topic: sent
	// again by their client after no clear answer.
	Resent int
	// Repeats counts notification ids that stand again in a delivery topic,
	// PoisonRepeats poison_ids that do so in the poison topic.
	Repeats, PoisonRepeats int
	// Tiered counts records that took a retry tier where none should have: their
	// order is nobody's promise.
	Tiered int
}

// Verify holds what was promised against what is there.
func Verify(ev Evidence) *Findings {
	v := &verifier{
		Evidence: ev, Findings: &Findings{Fates: make(map[Fate]int), Tiered: len(ev.Tiered)},
		events: make(map[string]Event), sources: make(map[string][]string), tiered: make(map[string]bool),
		delivered: make(map[string]int), poisoned: make(map[string]int),
	}
	for _, e := range ev.Accepted {
		v.events[e.ID] = e
		v.Fates[e.Fate]++
	}
	for _, r := range ev.Sources {
		v.sources[r.EventID] = append(v.sources[r.EventID], r.Place())
	}
	for _, places := range v.sources {
		if len(places) > 1 {
			v.Resent++
		}
	}
	for _, r := range ev.Tiered {
		v.tiered[r.EventID] = true
	}
	for person, records := range ev.Delivered {
		v.deliveries(person, records)
	}
	v.poison()
	v.fates()
	for person, list := range ev.Lists {
		if list != nil {
			v.list(person, list)
		}
	}
	return v.Findings
}

type verifier struct {
	Evidence
	*Findings
	events              map[string]Event
	sources             map[string][]string // places in the source topics, by event
	tiered              map[string]bool
	delivered, poisoned map[string]int // records, by event
}

// deliveries checks one person's topic.
func (v *verifier) deliveries(person int, records []Record) {
	seen := make(map[string]string) // by id: where first
	for _, r := range records {
		e, ok := v.events[r.EventID]
		switch {
		case !ok:
			v.Misplaced = append(v.Misplaced, fmt.Sprintf("%s: a notification of event %q, which nobody had accepted", r.Place(), r.EventID))
			continue
		case e.Person != person:
			v.Misplaced = append(v.Misplaced, fmt.Sprintf("%s: a notification of event %s, which is for person %d", r.Place(), e.ID, e.Person))
			continue
		case e.Fate != Delivered && e.Fate != Retried:
			v.Misplaced = append(v.Misplaced, fmt.Sprintf("%s: a notification of event %s, which must be %s", r.Place(), e.ID, e.Fate))
			continue
		}
		v.delivered[e.ID]++
		if first, again := seen[r.UUID]; again {
			v.Repeats++
			v.twice(e, fmt.Sprintf("%s: notification %s of event %s stands at %s already", r.Place(), r.UUID, e.ID, first))
			continue
		}
		seen[r.UUID] = r.Place()
	}
	v.order(person, records)
}

// twice makes a failure of what stands twice, unless nobody promised anything.
func (v *verifier) twice(e Event, finding string) {
	if v.Strict && (v.Shared || len(v.sources[e.ID]) <= 1) {
		v.Twice = append(v.Twice, finding)
	}
}

// order checks that what comes for the first time comes in its order.
func (v *verifier) order(person int, records []Record) {
	latest := Event{}
	seen := make(map[string]bool)
	for _, r := range records {
		e, ok := v.events[r.EventID]
		if !ok || e.Person != person || e.Fate != Delivered || v.tiered[e.ID] || seen[e.ID] {
			continue
		}
		seen[e.ID] = true
		if e.Seq < latest.Seq {
			v.Disordered = append(v.Disordered, fmt.Sprintf("%s: event %s comes after event %s (from %s and %s)",
				r.Place(), e.ID, latest.ID, v.from(e), v.from(latest)))
			continue
		}
		latest = e
	}
}

// from says where an event stands in its source topic.
func (v *verifier) from(e Event) string {
	if places := v.sources[e.ID]; len(places) > 0 {
		return strings.Join(places, " and ")
	}
	return "nowhere"
}

// poison checks the poison topic.
func (v *verifier) poison() {
	seen := make(map[string]string)
	entries := make(map[string]int) // by event
	for _, r := range v.Poison {
		e, ok := v.events[r.EventID]
		if !ok || e.Fate != Poisoned {
			v.Misplaced = append(v.Misplaced, fmt.Sprintf("%s: event %q is poisoned (poison_id %s), which must not be", r.Place(), r.EventID, r.PoisonID))
			v.poisoned[r.EventID]++
			continue
		}
		v.poisoned[e.ID]++
		if first, again := seen[r.PoisonID]; again {
			v.PoisonRepeats++
			v.twice(e, fmt.Sprintf("%s: poison_id %s of event %s stands at %s already", r.Place(), r.PoisonID, e.ID, first))
			continue
		}
		seen[r.PoisonID] = r.Place()
		// An event that its client sent again is poisoned again: its claim was released.
		if entries[e.ID]++; entries[e.ID] > max(1, len(v.sources[e.ID])) {
			v.Misplaced = append(v.Misplaced, fmt.Sprintf("%s: a poison entry too many (poison_id %s) for event %s from %s", r.Place(), r.PoisonID, e.ID, v.from(e)))
		}
	}
}

// fates checks that every event came to where it must.
func (v *verifier) fates() {
	for _, e := range v.Accepted {
		lost := false
		switch e.Fate {
		case Delivered, Retried:
			lost = v.delivered[e.ID] == 0
		case Poisoned:
			lost = v.poisoned[e.ID] == 0
		}
		if lost {
			v.Lost = append(v.Lost, fmt.Sprintf("event %s, which must be %s, accepted %s after %d posts, from %s, is nowhere",
				e.ID, e.Fate, e.Accepted.UTC().Format("15:04:05.000"), e.Posts, v.from(e)))
		}
	}
}

// list checks what the service shows a person: each notification once, in order.
func (v *verifier) list(person int, list []string) {
	var latest int
	seen := make(map[string]bool)
	for place, text := range list {
		seq, _ := strconv.Atoi(text)
		e, ok := v.events[fmt.Sprintf("%d-%d", person, seq)]
		switch {
		case !ok || e.Fate != Delivered && e.Fate != Retried:
			v.Misplaced = append(v.Misplaced, fmt.Sprintf("list of person %d, number %d: %q should not be there", person, place, text))
		case seen[text]:
			v.Twice = append(v.Twice, fmt.Sprintf("list of person %d, number %d: %s for the second time", person, place, e.ID))
		case e.Fate == Delivered && !v.tiered[e.ID] && seq < latest:
			v.Disordered = append(v.Disordered, fmt.Sprintf("list of person %d, number %d: %s comes after %d", person, place, e.ID, latest))
		case e.Fate == Delivered && !v.tiered[e.ID]:
			latest = seq
		}
		seen[text] = true
	}
	for _, e := range v.Accepted {
		if e.Person == person && slices.Contains([]Fate{Delivered, Retried}, e.Fate) && !seen[strconv.Itoa(e.Seq)] {
			v.Lost = append(v.Lost, fmt.Sprintf("event %s is not in the list of person %d", e.ID, person))
		}
	}
}
