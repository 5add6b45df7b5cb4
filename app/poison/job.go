package poison

import (
	"fmt"
	"time"

	"github.com/trieungochai/kafka-notify/app/action"
)

// JobState is what a redrive job does.
type JobState string

// The states of a job.
const (
	// Planning: its set is being written down.
	Planning JobState = "planning"
	Running  JobState = "running"
	// Paused by an operator, Held by itself.
	Paused JobState = "paused"
	Held   JobState = "held"
	// Cancelling: whoever runs the job has yet to see that it was canceled.
	Cancelling JobState = "cancelling"
	Cancelled  JobState = "cancelled"
	Finished   JobState = "finished"
)

// Over reports whether the job sends nothing any more.
func (s JobState) Over() bool { return s == Cancelled || s == Finished }

// job is a redrive job as the actions topic tells it.
type job struct {
	id    string
	by    action.By
	begun time.Time
	ended time.Time
	state JobState
	why   string // of what it did last: a pause, a hold, its end
	who   action.By
	terms action.Terms
	// set is fixed by the plan; wanted is how many were written for it, of which
	// others may have been faster.
	set    []member
	wanted int
	sent   int // the first so many of set
	from   int // those from here on were sent last
	gone   int // of these, Kafka had deleted
	// reviewed says that an operator had the job go on after it had paused itself.
	reviewed bool
}

// member is one message of a job's set.
type member struct {
	id     string
	round  int
	edited bool
	at     int64 // offset of its redrive action, which has an edited value
}

// refuses says why nothing can join the set.
func (j *job) refuses() string {
	if j.state != Planning {
		return fmt.Sprintf("job %s is %s", j.id, j.state)
	}
	return ""
}

// apply takes up an action that concerns the job as a whole.
func (j *job) apply(l *ledger, a *action.Action) (refused string) {
	var next JobState
	var from []JobState
	switch a.Kind {
	case action.Plan:
		next, from = Running, []JobState{Planning}
	case action.Sent:
		if j.state.Over() || j.state == Planning {
			return fmt.Sprintf("job %s is %s", j.id, j.state)
		}
		if a.Count > j.sent {
			j.from, j.sent = j.sent, min(a.Count, len(j.set))
		}
		j.gone += a.Gone
		return ""
	case action.Pause:
		next, from = Paused, []JobState{Running, Held}
	case action.Hold:
		next, from = Held, []JobState{Running}
	case action.Resume:
		next, from = Running, []JobState{Paused, Held}
	case action.Cancel:
		next, from = Cancelling, []JobState{Planning, Running, Paused, Held}
	case action.End:
		next, from = Finished, []JobState{Planning, Running, Paused, Held, Cancelling}
	default:
		return fmt.Sprintf("nobody knows what %q is", a.Kind)
	}
	for _, state := range from {
		if j.state == state {
			j.enter(l, next, a)
			return ""
		}
	}
	return fmt.Sprintf("job %s is %s", j.id, j.state)
}

func (j *job) enter(l *ledger, next JobState, a *action.Action) {
	switch a.Kind {
	case action.Plan:
		j.by, j.terms, j.wanted = a.By, *a.Terms, a.Count
	case action.Resume:
		j.reviewed = j.reviewed || j.state == Held
	case action.End:
		j.ended = a.At
		if j.sent < len(j.set) || j.state == Planning {
			next = Cancelled
			j.release(l)
		}
	}
	j.state, j.why, j.who = next, a.Reason, a.By
}

// release opens again what was not sent.
func (j *job) release(l *ledger) {
	for _, m := range j.set[j.sent:] {
		if s := l.stories[m.id]; s != nil && s.round == m.round && s.job == j && s.state == Redriven {
			s.state, s.job = Open, nil
		}
	}
}

// Job is a redrive job: a set of messages, fixed when it began, on their way
// back.
type Job struct {
	ID      string       `json:"id"`
	State   JobState     `json:"state"`
	By      action.By    `json:"by"`
	BegunAt time.Time    `json:"begun_at"`
	EndedAt *time.Time   `json:"ended_at,omitempty"`
	Terms   action.Terms `json:"terms"`
	// Why and Who are of what was done to the job last.
	Why string    `json:"why,omitempty"`
	Who action.By `json:"who"`
	// Total is how many messages the set has, Taken how many more were wanted
	// that somebody else had taken before.
	Total int `json:"total"`
	Taken int `json:"taken"`
	// Sent are so many of them. Of these, pipelines have told the fate of
	// Delivered, Dropped, Superseded, and Failed, which were poisoned again.
	Sent       int `json:"sent"`
	Delivered  int `json:"delivered"`
	Dropped    int `json:"dropped"`
	Superseded int `json:"superseded"`
	Failed     int `json:"failed"`
	// Gone of those sent were not: Kafka had deleted them.
	Gone int `json:"gone,omitempty"`
	// Awaited says that the job waits for its canary's fate.
	Awaited bool `json:"awaited,omitempty"`
}

// Known is of how many messages the fate is known.
func (j *Job) Known() int { return j.Delivered + j.Dropped + j.Superseded + j.Failed }

// view is the job as fronts show it. x.mu must be held.
func (x *Index) view(j *job) Job {
	v := Job{
		ID: j.id, State: j.state, By: j.by, BegunAt: j.begun, Terms: j.terms, Why: j.why, Who: j.who,
		Total: len(j.set), Taken: max(0, j.wanted-len(j.set)), Sent: j.sent, Gone: j.gone,
	}
	if !j.ended.IsZero() {
		v.EndedAt = &j.ended
	}
	for _, m := range j.set[:j.sent] {
		switch x.fate(m) {
		case action.Delivered:
			v.Delivered++
		case action.Dropped:
			v.Dropped++
		case action.Superseded:
			v.Superseded++
		case failedAgain:
			v.Failed++
		}
	}
	v.Awaited = v.State == Running && v.Terms.Canary > 0 && v.Sent >= v.Terms.Canary && v.Sent < v.Total && v.Known() < v.Terms.Canary
	return v
}

// failedAgain is the fate of what stands in the poison topic once more.
const failedAgain action.Kind = "failed"

// fate is what became of a message that was sent; "" while nobody knows.
func (x *Index) fate(m member) action.Kind {
	s, it := x.ledger.stories[m.id], x.byID[m.id]
	switch {
	case it != nil && int(it.redrives) > m.round, s != nil && s.round > m.round:
		return failedAgain
	case s != nil:
		return s.fate
	}
	return ""
}

// fateOf is fate for those who don't hold x.mu.
func (x *Index) fateOf(m member) action.Kind {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.fate(m)
}
