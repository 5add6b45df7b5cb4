package api

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gorilla/mux"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/handlers/expr"
)

// Limits of a page.
const (
	defaultLimit = 50
	maxLimit     = 1000
	maxCursor    = 1024 // bytes
)

func (s *Server) inboxRoutes(r *mux.Router) {
	r.Handle("/v1/users/{id}/notifications", s.answer(s.getInbox)).Methods(http.MethodGet)
}

// getInbox shows a page of a person's notifications, newest first.
func (s *Server) getInbox(w http.ResponseWriter, r *http.Request) error {
	user, err := userID(r, "id")
	if err != nil {
		return err
	}
	limit, cursor, err := page(r)
	if err != nil {
		return err
	}
	list, next, err := s.opts.Inbox.Page(r.Context(), user, limit, cursor)
	if err != nil {
		return fmt.Errorf("read the notifications of %q: %w", user, err)
	}
	// Written by hand, because encoding/json would rewrite the data.
	var body bytes.Buffer
	body.WriteString(`{"notifications":[`)
	for i, n := range list {
		if i > 0 {
			body.WriteByte(',')
		}
		body.Write(n.AppendJSON(body.AvailableBuffer()))
	}
	body.WriteString(`],"next_cursor":`)
	quoted, err := jsontext.AppendQuote(nil, next)
	if err != nil {
		return fmt.Errorf("write the cursor: %w", err)
	}
	body.Write(quoted)
	body.WriteString("}\n")
	w.Header().Set("Content-Type", typeJSON)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body.Bytes()) // An error is the client's connection.
	return nil
}

// pathID returns a path parameter as its sender meant it.
func pathID(r *http.Request, name string) (string, error) {
	id, err := url.PathUnescape(mux.Vars(r)[name])
	if err != nil || !utf8.ValidString(id) {
		return "", parameterProblem(name, "is not valid UTF-8 in percent-encoding")
	}
	return id, nil
}

// userID returns the id of a person from the path. One that no topic can be
// named after has no notifications, and never will.
func userID(r *http.Request, name string) (string, error) {
	id, err := pathID(r, name)
	if err != nil {
		return "", err
	}
	if n := len(expr.EscapeTopic(id)); n > event.MaxKey {
		return "", parameterProblem(name, fmt.Sprintf("takes %d bytes in a topic name: at most %d fit", n, event.MaxKey))
	}
	return id, nil
}

// page reads limit and cursor of a list.
func page(r *http.Request) (limit int, cursor string, err error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return 0, "", kindParameter.problem("the query of the address cannot be read: %v", err)
	}
	limit = defaultLimit
	if text := query.Get("limit"); text != "" {
		limit, err = strconv.Atoi(text)
		if err != nil || limit < 1 || limit > maxLimit {
			return 0, "", parameterProblem("limit", fmt.Sprintf("must be a number from 1 to %d", maxLimit))
		}
	}
	if cursor = query.Get("cursor"); len(cursor) > maxCursor {
		return 0, "", parameterProblem("cursor", "is none that this service has given")
	}
	return limit, cursor, nil
}

func parameterProblem(name, detail string) *Problem {
	p := kindParameter.problem("%s %s", name, detail)
	p.Errors = []Fault{{Parameter: name, Detail: detail}}
	return p
}
