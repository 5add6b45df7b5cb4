package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// retryAfter is how many seconds a client is told to wait for the broker.
const retryAfter = 5

// urnPrefix begins the type of every problem.
const urnPrefix = "urn:kafka-notify:problem:"

// Problem is an error answer after RFC 9457.
type Problem struct {
	// Type names the kind of problem for programs; it never changes.
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail says what went wrong this time, and what to do.
	Detail string `json:"detail"`
	// Errors are the single faults.
	Errors []Fault `json:"errors,omitempty"`
	// IDs are the event ids that a publish was begun with: send the same events
	// again under these ids, and none is delivered twice.
	IDs []string `json:"ids,omitempty"`

	cause error // for the log
}

// Fault is one fault of a request. One of the first three says where it is.
type Fault struct {
	// Pointer is a JSON pointer into the event, or into the body where that
	// cannot be read.
	Pointer *string `json:"pointer,omitempty"`
	// Parameter and Header name a query or path parameter and a header.
	Parameter string `json:"parameter,omitempty"`
	Header    string `json:"header,omitempty"`
	Detail    string `json:"detail"`
}

// Error gives the detail and every fault.
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.Detail)
	if p.Detail == "" {
		fmt.Fprintf(&b, "the service answered %d %s", p.Status, p.Title)
	}
	for _, fault := range p.Errors {
		where := fault.Parameter + fault.Header
		if fault.Pointer != nil {
			where = *fault.Pointer
		}
		b.WriteString("\n  ")
		if where != "" {
			b.WriteString(where + ": ")
		}
		b.WriteString(fault.Detail)
	}
	if len(p.IDs) > 0 {
		b.WriteString("\n  event ids used: " + strings.Join(p.IDs, ", "))
	}
	return b.String()
}

// Unwrap returns the error behind the problem, nil on the client's side.
func (p *Problem) Unwrap() error { return p.cause }

// kind is what all problems of one type share.
type kind struct {
	name   string
	status int
	title  string
}

var (
	kindMalformed   = kind{"malformed", http.StatusBadRequest, "The request cannot be read"}
	kindInvalid     = kind{"invalid-event", http.StatusBadRequest, "The event is not valid"}
	kindParameter   = kind{"invalid-parameter", http.StatusBadRequest, "A parameter is not valid"}
	kindCrossOrigin = kind{"cross-origin", http.StatusForbidden, "The request comes from another site"}
	kindUnknownType = kind{"unknown-event-type", http.StatusNotFound, "There is no such event type"}
	kindNotFound    = kind{"not-found", http.StatusNotFound, "There is no such resource"}
	kindForbidden   = kind{"forbidden", http.StatusForbidden, "This caller may not do that"}
	kindMethod      = kind{"method-not-allowed", http.StatusMethodNotAllowed, "The method is not allowed here"}
	kindRefused     = kind{"refused", http.StatusConflict, "That cannot be done now"}
	kindTooLarge    = kind{"too-large", http.StatusRequestEntityTooLarge, "The request is too large"}
	kindTooMany     = kind{"too-many-events", http.StatusRequestEntityTooLarge, "The request has too many events"}
	kindMediaType   = kind{"unsupported-media-type", http.StatusUnsupportedMediaType, "The content type is not supported"}
	kindInternal    = kind{"internal", http.StatusInternalServerError, "The service failed"}
	kindUnavailable = kind{"unavailable", http.StatusServiceUnavailable, "The broker is out of reach"}
	kindNotReady    = kind{"not-ready", http.StatusServiceUnavailable, "The service is not ready"}
)

// problem makes a problem of a kind.
func (k kind) problem(format string, args ...any) *Problem {
	return &Problem{Type: urnPrefix + k.name, Title: k.title, Status: k.status, Detail: fmt.Sprintf(format, args...)}
}

// name is the last part of the problem's type, which metrics use.
func (p *Problem) name() string { return strings.TrimPrefix(p.Type, urnPrefix) }

// problemOf maps any error to the problem that answers it.
func problemOf(err error) *Problem {
	var (
		problem   *Problem
		syntax    *event.SyntaxError
		faults    event.Problems
		size      *http.MaxBytesError
		tooLarge  interface{ TooLarge() bool }
		badInput  interface{ BadRequest() string }
		notDriven *poison.RefusedError
	)
	switch {
	case errors.As(err, &problem):
		return problem
	case errors.As(err, &syntax):
		problem = kindMalformed.problem("%s", syntax)
		problem.Errors = []Fault{{Pointer: &syntax.Pointer, Detail: syntax.Message}}
	case errors.As(err, &faults):
		problem = kindInvalid.problem("%s", summary(faults))
		problem.Errors = faultsOf(faults)
	case errors.As(err, &size):
		problem = kindTooLarge.problem("the body is larger than %d bytes, the most a request may have: send fewer events at once", size.Limit)
	case errors.As(err, &tooLarge) && tooLarge.TooLarge():
		problem = kindTooLarge.problem("the event is larger than its topic allows")
	case errors.As(err, &badInput):
		problem = kindParameter.problem("%s", badInput.BadRequest())
	case errors.Is(err, poison.ErrNotFound):
		problem = kindNotFound.problem("there is no such poison entry: it may have reached the end of its retention")
	case errors.Is(err, poison.ErrNoJob):
		problem = kindNotFound.problem("there is no such redrive job: GET /v1/poison/redrives lists them")
	case errors.Is(err, poison.ErrNotReady):
		problem = kindUnavailable.problem("%s: try again in %d seconds", poison.ErrNotReady, retryAfter)
	case errors.As(err, &notDriven):
		problem = kindRefused.problem("%s", notDriven.Reason)
	case handler.IsUnavailable(err), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		problem = kindUnavailable.problem("the broker is out of reach: try again in %d seconds", retryAfter)
	default:
		problem = kindInternal.problem("the service could not do this: its log says why")
	}
	problem.cause = err
	return problem
}

// summary words the faults of an event in one line.
func summary(faults event.Problems) string {
	if len(faults) == 1 {
		return "the event has a fault: " + faults.Error()
	}
	return fmt.Sprintf("the event has %d faults", len(faults))
}

func faultsOf(problems event.Problems) []Fault {
	faults := make([]Fault, len(problems))
	for i := range problems {
		faults[i] = Fault{Pointer: &problems[i].Pointer, Detail: problems[i].Detail}
	}
	return faults
}

// answer turns a function that may fail into a handler: the error becomes the
// problem that problemOf makes of it.
func (s *Server) answer(serve func(w http.ResponseWriter, r *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := serve(w, r); err != nil {
			s.writeProblem(w, r, problemOf(err))
		}
	})
}

// writeProblem answers with a problem. What is the service's own fault goes
// into the log as well.
func (s *Server) writeProblem(w http.ResponseWriter, r *http.Request, p *Problem) {
	if p.Status >= http.StatusInternalServerError && p.cause != nil && r.Context().Err() == nil {
		s.opts.Logger.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "status", p.Status, "error", p.cause)
	}
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	}
	writeJSON(w, p.Status, "application/problem+json", p)
}

// writeJSON answers with a value as JSON, in which nothing is escaped for HTML.
func writeJSON(w http.ResponseWriter, status int, contentType string, value any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	// An error here is the client's connection: there is nobody to tell.
	_ = encoder.Encode(value)
}

// notFound answers requests that no route matches.
func (s *Server) notFound(_ http.ResponseWriter, r *http.Request) error {
	return kindNotFound.problem("nothing is served at %s: /openapi.yaml lists what is", strconv.Quote(r.URL.Path))
}

// methodNotAllowed answers requests whose path is served for other methods.
func (s *Server) methodNotAllowed(w http.ResponseWriter, r *http.Request) error {
	allowed := s.allowed(r)
	w.Header().Set("Allow", allowed)
	return kindMethod.problem("%s is not allowed here: use %s", r.Method, allowed)
}

// crossOrigin answers browsers that were led here by another site's page.
func (s *Server) crossOrigin(http.ResponseWriter, *http.Request) error {
	return kindCrossOrigin.problem("a page of another site may not change anything here: send the request from a program, or from a page of this service")
}
