package poison

import (
	"fmt"
	"unique"

	"github.com/trieungochai/kafka-notify/app/action"
)

// State is where a poisoned message stands.
type State string

// The states of a message. One that was sent back and has failed again is open.
const (
	Open      State = "open"
	Redriven  State = "redriven"
	Archived  State = "archived"
	Discarded State = "discarded"
)

// States are all of them.
var States = []State{Open, Redriven, Archived, Discarded}

// ledger is what follows from the actions topic, read in order. It knows
// nothing of the poison topic: an action names the round that it means, and so
// the two topics may be read in any order.
type ledger struct {
	stories map[string]*story // by poison id
	jobs    map[string]*job
	order   []*job // as they began
}

// story is what was done about one message.
type story struct {
	round int   // of the failure that was acted on last
	state State // of that round
	job   *job  // that sends it or has sent it, in that round
	fate  action.Kind
	told  []happening
}

// happening is an action that concerned a message. There may be many.
type happening struct {
	kind    action.Kind
	round   int
	at      int64 // Unix nanoseconds
	by      unique.Handle[action.By]
	job     string
	reason  string
	refused string // why it does not hold, "" when it does
	edited  bool
	offset  int64 // in the actions topic
}

func newLedger() *ledger {
	return &ledger{stories: make(map[string]*story), jobs: make(map[string]*job)}
}

// story is that of a message, in the round that is meant, unless that is over.
func (l *ledger) story(id string, round int) *story {
	s := l.stories[id]
	if s == nil {
		s = &story{round: round, state: Open}
		l.stories[id] = s
	}
	if s.round < round {
		s.round, s.state, s.job, s.fate = round, Open, nil, ""
	}
	return s
}

// apply takes up the action that stands at offset. It returns why the action
// does not hold, "" when it does: of two that exclude each other the first one
// in the topic holds, for every reader.
func (l *ledger) apply(a *action.Action, offset int64) (refused string) {
	switch a.Kind {
	case action.Archive, action.Restore, action.Discard, action.Redrive:
		s := l.story(a.Message, a.Round)
		refused = l.change(s, a, offset)
		s.tell(a, offset, refused)
	case action.Delivered, action.Dropped, action.Superseded:
		s := l.story(a.Message, a.Round)
		if s.round > a.Round {
			return "it has failed again since"
		}
		if s.fate == "" {
			s.fate = a.Kind
			s.tell(a, offset, "")
		}
		if s.state == Open { // whoever has sent it has told nobody
			s.state = Redriven
		}
	case action.Plan:
		return l.jobOf(a).apply(l, a)
	default:
		j := l.jobs[a.Job]
		if j == nil {
			return "there is no such job"
		}
		return j.apply(l, a)
	}
	return refused
}

// change makes the next state of a message.
func (l *ledger) change(s *story, a *action.Action, offset int64) (refused string) {
	if s.round > a.Round {
		return "it has failed again since"
	}
	allowed := map[action.Kind][]State{
		action.Archive: {Open},
		action.Discard: {Open, Archived},
		action.Restore: {Archived, Discarded},
		action.Redrive: {Open},
	}[a.Kind]
	for _, from := range allowed {
		if s.state != from {
			continue
		}
		if a.Kind == action.Redrive {
			j := l.jobOf(a)
			if refused := j.refuses(); refused != "" {
				return refused
			}
			j.set = append(j.set, member{id: a.Message, round: a.Round, edited: a.Edited, at: offset})
			s.job = j
		}
		s.state = map[action.Kind]State{
			action.Archive: Archived, action.Discard: Discarded, action.Restore: Open, action.Redrive: Redriven,
		}[a.Kind]
		return ""
	}
	if s.state == Redriven && s.job != nil && s.job.id != a.Job {
		return fmt.Sprintf("it is being redriven already, by %s (job %s)", s.job.by, s.job.id)
	}
	return fmt.Sprintf("it is %s", s.state)
}

func (s *story) tell(a *action.Action, offset int64, refused string) {
	s.told = append(s.told, happening{
		kind: a.Kind, round: a.Round, at: a.At.UnixNano(), by: unique.Make(a.By), job: a.Job, reason: a.Reason,
		refused: refused, edited: a.Edited, offset: offset,
	})
}

// jobOf is the job of an action, which its first one begins.
func (l *ledger) jobOf(a *action.Action) *job {
	j := l.jobs[a.Job]
	if j == nil {
		j = &job{id: a.Job, by: a.By, begun: a.At, state: Planning}
		l.jobs[a.Job] = j
		l.order = append(l.order, j)
	}
	return j
}

// forget lets go of a message that Kafka has deleted.
func (l *ledger) forget(id string) { delete(l.stories, id) }
