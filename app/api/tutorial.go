package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gorilla/mux"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// messageType is the event type that POST /send submits.
const messageType = "message"

// tutorialContentType is the one the tutorial's answers have.
const tutorialContentType = "application/json; charset=utf-8"

// tutorialNotification is a notification as the tutorial shows it.
type tutorialNotification struct {
	From    *tutorialPerson `json:"from"`
	To      *tutorialPerson `json:"to"`
	Message string          `json:"message"`
}

type tutorialPerson struct {
	// ID is a number where the id is written as one, a string otherwise.
	ID   any    `json:"id"`
	Name string `json:"name"`
}

// tutorialMessage is the answer of POST /send.
type tutorialMessage struct {
	Message string `json:"message"`
}

func (s *Server) tutorialRoutes(r *mux.Router) {
	r.Handle("/send", s.answer(s.postSend)).Methods(http.MethodPost)
	r.Handle("/notifications/{userID}", s.answer(s.getNotifications)).Methods(http.MethodGet)
}

// postSend takes the tutorial's form. Its answers have the tutorial's bytes.
func (s *Server) postSend(w http.ResponseWriter, r *http.Request) error {
	if _, ok := s.opts.Types.Get(messageType); !ok || s.opts.Users == nil {
		return kindNotFound.problem("/send needs the event type %q and the lookup \"users\" in the configuration", messageType)
	}
	form, err := s.form(w, r)
	if err != nil {
		return err
	}
	from, err := formID(form, "fromID")
	if err != nil {
		return writeTutorial(w, http.StatusBadRequest, tutorialMessage{err.Error()})
	}
	to, err := formID(form, "toID")
	if err != nil {
		return writeTutorial(w, http.StatusBadRequest, tutorialMessage{err.Error()})
	}
	for _, id := range []string{from, to} {
		_, found, err := s.opts.Users.Get(r.Context(), id)
		if err != nil {
			s.opts.Logger.ErrorContext(r.Context(), "lookup failed", "lookup", "users", "error", err)
			return writeTutorial(w, http.StatusInternalServerError, tutorialMessage{"failed to look up a user: " + err.Error()})
		}
		if !found {
			return writeTutorial(w, http.StatusNotFound, tutorialMessage{"User not found"})
		}
	}
	e, err := messageEvent(from, to, form("message"))
	if err != nil {
		return writeTutorial(w, http.StatusBadRequest, tutorialMessage{err.Error()})
	}
	return s.send(w, r, e)
}

// send publishes a prepared message and answers as the tutorial does.
func (s *Server) send(w http.ResponseWriter, r *http.Request, e *handler.Event) error {
	list := []*submission{s.prepare(e, nil, "")}
	s.publish(r.Context(), r.Header, list)
	s.count(list)
	one := list[0]
	switch {
	case one.problem == nil:
		return writeTutorial(w, http.StatusOK, tutorialMessage{"Notification sent successfully!"})
	case one.status == Rejected:
		return writeTutorial(w, one.problem.Status, tutorialMessage{one.problem.Detail})
	}
	s.opts.Logger.ErrorContext(r.Context(), "publish failed", "event_type", messageType, "event_id", one.id, "error", one.problem.cause)
	return writeTutorial(w, http.StatusInternalServerError, tutorialMessage{"failed to send the message: the broker did not confirm it"})
}

// form returns the values of a form, from the body only. What cannot be read
// counts as empty, as it does in the tutorial; only the size limit is an error.
func (s *Server) form(w http.ResponseWriter, r *http.Request) (func(name string) string, error) {
	limit := int64(s.opts.MaxBytes)
	if r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	err := r.ParseMultipartForm(limit)
	var size *http.MaxBytesError
	if errors.As(err, &size) {
		return nil, err
	}
	if r.MultipartForm != nil {
		// Parts that were kept in files are no part of this form.
		defer func() { _ = r.MultipartForm.RemoveAll() }()
	}
	values := r.PostForm
	return func(name string) string { return values.Get(name) }, nil
}

// formID reads an id as the tutorial does, whose error has these words.
func formID(form func(string) string, name string) (string, error) {
	id, err := strconv.Atoi(form(name))
	if err != nil {
		return "", fmt.Errorf("failed to parse ID from form value %s: %w", name, err)
	}
	return strconv.Itoa(id), nil
}

// messageEvent builds the event of type message.
func messageEvent(from, to, message string) (*handler.Event, error) {
	if !utf8.ValidString(message) {
		return nil, errors.New("the form value message is not valid UTF-8")
	}
	data := append([]byte(`{"from_id":`), strconv.Quote(from)...)
	data = append(data, `,"to_id":`...)
	data = append(data, strconv.Quote(to)...)
	data = append(data, `,"message":`...)
	data, err := jsontext.AppendQuote(data, message)
	if err != nil {
		return nil, fmt.Errorf("the form value message: %w", err)
	}
	return &handler.Event{Type: messageType, Source: event.DefaultSource(messageType), Data: append(data, '}')}, nil
}

// getNotifications lists everything a person has, oldest first.
func (s *Server) getNotifications(w http.ResponseWriter, r *http.Request) error {
	user, err := userID(r, "userID")
	if err != nil {
		return err
	}
	list, err := s.tutorialList(r.Context(), user)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	if len(list) == 0 {
		return writeTutorial(w, http.StatusOK, struct {
			Message       string                 `json:"message"`
			Notifications []tutorialNotification `json:"notifications"`
		}{"No notifications found for user", []tutorialNotification{}})
	}
	return writeTutorial(w, http.StatusOK, struct {
		Notifications []tutorialNotification `json:"notifications"`
	}{list})
}

// tutorialList reads a person's notifications into the tutorial's form.
func (s *Server) tutorialList(ctx context.Context, user string) ([]tutorialNotification, error) {
	all, err := s.opts.Inbox.All(ctx, user)
	if err != nil {
		return nil, fmt.Errorf("read the notifications of %q: %w", user, err)
	}
	list := make([]tutorialNotification, len(all))
	for i, n := range all {
		list[i] = tutorialNotification{From: tutorialPersonOf(n.Actor), To: tutorialPersonOf(&n.Recipient), Message: n.Text}
	}
	return list, nil
}

func tutorialPersonOf(p *handler.Person) *tutorialPerson {
	if p == nil {
		return nil
	}
	if n, err := strconv.Atoi(p.ID); err == nil && strconv.Itoa(n) == p.ID {
		return &tutorialPerson{ID: n, Name: p.Name}
	}
	return &tutorialPerson{ID: p.ID, Name: p.Name}
}

// writeTutorial writes exactly what the tutorial's web framework wrote: escaped
// for HTML, and without a newline after it.
func writeTutorial(w http.ResponseWriter, status int, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	w.Header().Set("Content-Type", tutorialContentType)
	w.WriteHeader(status)
	_, _ = w.Write(body) // An error is the client's connection.
	return nil
}
