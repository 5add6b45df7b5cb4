package poison

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/trieungochai/kafka-notify/app/action"
)

// Detail is an entry with all that happened to it.
type Detail struct {
	Entry
	// Timeline is what happened, the oldest first.
	Timeline []Event `json:"timeline"`
}

// MarshalJSON writes the members of the entry, and the timeline beside them.
func (d Detail) MarshalJSON() ([]byte, error) {
	return marshal(struct {
		plainEntry
		wireValue
		Timeline []Event `json:"timeline"`
	}{plainEntry(d.Entry), d.Value.wire(), d.Timeline})
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (d *Detail) UnmarshalJSON(text []byte) error {
	var more struct {
		Timeline []Event `json:"timeline"`
	}
	if err := json.Unmarshal(text, &d.Entry); err != nil {
		return err
	}
	err := json.Unmarshal(text, &more)
	d.Timeline = more.Timeline
	return err
}

// Event is something that happened to a message.
type Event struct {
	At time.Time `json:"at"`
	// What is "failed", or the kind of an action: archive, restore, discard,
	// redrive, delivered, dropped, superseded.
	What  string `json:"what"`
	Round int    `json:"round"`
	// Class, Step, Reason and Attempts are those of a failure; Reason is also
	// what the operator said.
	Class    string `json:"class,omitempty"`
	Step     string `json:"step,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Attempts int    `json:"attempts,omitempty"`

	By  *action.By `json:"by,omitempty"`
	Job string     `json:"job,omitempty"`
	// Edited says that the message was sent with another payload, and Diff how it
	// differed.
	Edited bool   `json:"edited,omitempty"`
	Diff   string `json:"diff,omitempty"`
	// Refused is why an action does not hold.
	Refused string `json:"refused,omitempty"`

	offset int64 // in the actions topic
}

// failedEvent is what an Event of a failure says.
const failedEvent = "failed"

// timeline is all that happened to a message.
func (x *Index) timeline(r row) []Event {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var events []Event
	for _, f := range append(slices.Clone(x.past[r.id]), r.failure()) {
		events = append(events, Event{
			At: timeOf(f.at), What: failedEvent, Round: f.round, Class: f.class, Step: f.step, Reason: f.reason, Attempts: f.attempts,
		})
	}
	if s := x.ledger.stories[r.id]; s != nil {
		for i := range s.told {
			events = append(events, s.told[i].event())
		}
	}
	// A round begins with its failure, whatever the clocks of several machines say.
	slices.SortStableFunc(events, func(a, b Event) int { return cmp.Compare(a.Round, b.Round) })
	return events
}

func (h *happening) event() Event {
	by := h.by.Value()
	e := Event{At: timeOf(h.at), What: string(h.kind), Round: h.round, Reason: h.reason, By: &by, Job: h.job, Refused: h.refused}
	e.Edited, e.offset = h.edited, h.offset
	return e
}
