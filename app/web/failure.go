package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// failure is a page that says why something can't be shown or done.
type failure struct {
	Status        int
	Title, Detail string
	// Retry is after how many seconds it is worth to ask again; 0: it isn't.
	Retry int
}

// Error implements error.
func (f *failure) Error() string { return f.Title + ": " + f.Detail }

// retryAfter is for what will be well again soon, in seconds.
const retryAfter = 5

// failureOf maps any error to the page that answers it.
func failureOf(err error) *failure {
	var (
		failed   *failure
		filter   *poison.FilterError
		badInput interface{ BadRequest() string }
		refused  *poison.RefusedError
	)
	switch {
	case errors.As(err, &failed):
		return failed
	case errors.As(err, &filter):
		return &failure{Status: http.StatusBadRequest, Title: "The filter has a mistake", Detail: filter.Error()}
	case errors.As(err, &badInput):
		return &failure{Status: http.StatusBadRequest, Title: "That can't be asked for", Detail: badInput.BadRequest()}
	case errors.Is(err, poison.ErrNotFound):
		return &failure{Status: http.StatusNotFound, Title: "There is no such message", Detail: "It may have reached the end of its retention."}
	case errors.Is(err, poison.ErrNoJob):
		return &failure{Status: http.StatusNotFound, Title: "There is no such redrive job", Detail: "The list of redrives shows those there are."}
	case errors.Is(err, poison.ErrNotReady):
		return &failure{
			Status: http.StatusServiceUnavailable, Title: "The poison topic is still being read", Retry: retryAfter,
			Detail: "The service reads it once when it starts, and again when Kafka was out of reach. This page is loaded again by itself.",
		}
	case errors.As(err, &refused):
		return &failure{Status: http.StatusConflict, Title: "That can't be done now", Detail: refused.Reason}
	case handler.IsUnavailable(err), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &failure{Status: http.StatusServiceUnavailable, Title: "Kafka is out of reach", Detail: err.Error(), Retry: retryAfter}
	}
	return &failure{Status: http.StatusInternalServerError, Title: "The service could not do this", Detail: "Its log says why."}
}

// fail answers with the page of an error. What is the service's own fault goes
// into the log as well.
func (s *site) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := failureOf(err)
	if f.Status >= http.StatusInternalServerError && r.Context().Err() == nil {
		s.opts.Logger.ErrorContext(r.Context(), "page failed", "method", r.Method, "path", r.URL.Path, "status", f.Status, "error", err)
	}
	if f.Retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.Retry))
	}
	p := page{Title: f.Title, Body: f}
	if r.Method != http.MethodPost {
		p.Refresh = f.Retry // a form isn't sent twice by itself
	}
	s.write(w, r, f.Status, "failure", p)
}

func badForm(err error) error {
	var size *http.MaxBytesError
	if errors.As(err, &size) {
		return &failure{
			Status: http.StatusRequestEntityTooLarge, Title: "The form is too large",
			Detail: fmt.Sprintf("It has more than %d bytes, the most that is taken here.", size.Limit),
		}
	}
	return &failure{Status: http.StatusBadRequest, Title: "The form can't be read", Detail: err.Error()}
}

func notFound(http.ResponseWriter, *http.Request) error {
	return &failure{Status: http.StatusNotFound, Title: "There is no such page", Detail: "The console begins at " + Home + "."}
}

func methodNotAllowed(http.ResponseWriter, *http.Request) error {
	return &failure{Status: http.StatusMethodNotAllowed, Title: "That isn't how this page is asked for", Detail: "Go back, and use the form or the link there."}
}

func crossOrigin(http.ResponseWriter, *http.Request) error {
	return &failure{
		Status: http.StatusForbidden, Title: "The request comes from another site",
		Detail: "A page of another site may not change anything here. Open the console itself, and do it there.",
	}
}
