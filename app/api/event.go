package api

import (
	"net/http"
	"strconv"

	"github.com/gorilla/mux"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// Status says what became of a submitted event.
type Status string

// What can become of a submitted event.
const (
	// Accepted: all in-sync replicas have it.
	Accepted Status = "accepted"
	// Rejected: it has a fault, and was not published.
	Rejected Status = "rejected"
	// Failed: the broker did not confirm it; it may be there all the same.
	Failed Status = "failed"
	// NotAttempted: it was left out after an earlier one of its key had failed,
	// so that the order of that key holds.
	NotAttempted Status = "not_attempted"
)

// Accept answers the submission of one event.
type Accept struct {
	ID     string `json:"id"`
	Type   string `json:"type"`
	Status Status `json:"status"`
}

// BatchAccept answers the submission of several. Accepted and Rejected add up
// to all of them.
type BatchAccept struct {
	Accepted int      `json:"accepted"`
	Rejected int      `json:"rejected"`
	Results  []Result `json:"results"`
}

// Result is what became of one event of several.
type Result struct {
	// Index is its place in the request, from 0.
	Index int `json:"index"`
	// ID is empty where the event has none that can be read.
	ID      string   `json:"id"`
	Status  Status   `json:"status"`
	Problem *Problem `json:"problem,omitempty"`
}

// submission is one event on its way to the broker.
type submission struct {
	event     *handler.Event
	eventType *event.Type
	key       string
	status    Status
	// id is the event's, for the answer.
	id      string
	problem *Problem
}

func (s *Server) eventRoutes(r *mux.Router) {
	r.Handle("/v1/events", s.answer(s.postEvents)).Methods(http.MethodPost)
}

// postEvents accepts one event or several.
func (s *Server) postEvents(w http.ResponseWriter, r *http.Request) error {
	list, several, err := s.read(w, r)
	if err != nil {
		p := problemOf(err)
		s.metrics.rejected.WithLabelValues(unknownType, p.name()).Inc()
		return p
	}
	s.publish(r.Context(), r.Header, list)
	s.count(list)
	if !several {
		return s.answerOne(w, list[0])
	}
	return s.answerSeveral(w, list)
}

// answerOne answers the submission of a single event.
func (s *Server) answerOne(w http.ResponseWriter, one *submission) error {
	if one.problem != nil {
		return one.problem
	}
	writeJSON(w, http.StatusAccepted, "application/json", Accept{ID: one.id, Type: one.event.Type, Status: Accepted})
	return nil
}

// answerSeveral answers item by item, unless the broker took none of them: then
// the request as a whole can be sent again.
func (s *Server) answerSeveral(w http.ResponseWriter, list []*submission) error {
	if p := unavailable(list); p != nil {
		return p
	}
	answer := BatchAccept{Results: make([]Result, len(list))}
	for i, one := range list {
		answer.Results[i] = Result{Index: i, ID: one.id, Status: one.status, Problem: one.problem}
		if one.status == Accepted {
			answer.Accepted++
		} else {
			answer.Rejected++
		}
	}
	status := http.StatusAccepted
	if answer.Rejected > 0 {
		status = http.StatusMultiStatus
	}
	writeJSON(w, status, "application/json", answer)
	return nil
}

// unavailable returns the problem of a request of which nothing was accepted
// for want of a broker, nil otherwise.
func unavailable(list []*submission) *Problem {
	ids := make([]string, len(list))
	var cause error
	for i, one := range list {
		if one.status == Accepted || one.status == Rejected {
			return nil
		}
		if one.problem.Status != http.StatusServiceUnavailable {
			return nil
		}
		if one.status == Failed {
			cause = one.problem.cause
		}
		ids[i] = one.id
	}
	p := kindUnavailable.problem("the broker confirmed none of the events: send them again in %d seconds with the ids given here; none is delivered twice", retryAfter)
	p.IDs, p.cause = ids, cause
	return p
}

// prepare completes and checks an event, so that it can be published. What it
// finds wrong becomes the problem of that event.
func (s *Server) prepare(e *handler.Event, err error, idempotencyKey string) *submission {
	one := &submission{event: e}
	if e != nil {
		one.id = e.ID
	}
	if err == nil {
		err = s.check(one, idempotencyKey)
	}
	if err != nil {
		// An id that was made for it would name nothing.
		one.status, one.problem = Rejected, problemOf(err)
		return one
	}
	one.id = e.ID
	return one
}

// check does the checks of prepare.
func (s *Server) check(one *submission, idempotencyKey string) error {
	e := one.event
	if e.ID == "" {
		e.ID = idempotencyKey
	}
	if e.ID == "" {
		e.ID = s.opts.NewID()
	}
	if e.Time.IsZero() {
		e.Time = s.opts.Now().UTC()
	}
	known, ok := s.opts.Types.Get(e.Type)
	if !ok {
		p := kindUnknownType.problem("%s", s.opts.Types.Unknown(e.Type))
		pointer := "/type"
		p.Errors = []Fault{{Pointer: &pointer, Detail: "is not in the configuration"}}
		return p
	}
	one.eventType = known
	if err := event.Validate(e); err != nil {
		return err
	}
	if faults := known.Check(e); len(faults) > 0 {
		return event.Problems(faults)
	}
	var err error
	if one.key, err = known.Key(e); err != nil {
		return event.Problems{{Pointer: "/data", Detail: "gives no key: " + err.Error()}}
	}
	return nil
}

// count adds the submissions to the metrics.
func (s *Server) count(list []*submission) {
	for _, one := range list {
		name := unknownType
		if one.eventType != nil {
			name = one.eventType.Name
		}
		if one.status == Accepted {
			s.metrics.accepted.WithLabelValues(name).Inc()
		} else {
			s.metrics.rejected.WithLabelValues(name, one.problem.name()).Inc()
		}
	}
}

// tooManyEvents says how many a request may have.
func (s *Server) tooManyEvents() *Problem {
	return kindTooMany.problem("the request has more than %s events, the most allowed: send them in several requests", strconv.Itoa(s.opts.MaxEvents))
}
