package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// PoisonPage is a page of the poison topic, newest first.
type PoisonPage struct {
	Entries []poison.Entry `json:"entries"`
	// NextCursor is empty after the last page.
	NextCursor string `json:"next_cursor"`
}

// classes are what the list can be filtered by.
var classes = []handler.Class{
	handler.ClassDecode, handler.ClassSchema, handler.ClassLookupMissing, handler.ClassLookupUnavailable, handler.ClassExpression,
	handler.ClassPublish, handler.ClassTimeout, handler.ClassPanic, handler.ClassOther,
}

func (s *Server) poisonRoutes(r *mux.Router) {
	r.Handle("/v1/poison", s.answer(s.listPoison)).Methods(http.MethodGet)
	r.Handle("/v1/poison/{id}", s.answer(s.getPoison)).Methods(http.MethodGet)
	r.Handle("/v1/poison/{id}/redrive", s.answer(s.redrivePoison)).Methods(http.MethodPost)
}

// listPoison shows what pipelines gave up on.
func (s *Server) listPoison(w http.ResponseWriter, r *http.Request) error {
	limit, cursor, err := page(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	if class := query.Get("class"); class != "" && !slices.Contains(classes, handler.Class(class)) {
		return parameterProblem("class", "must be one of "+join(classes))
	}
	entries, next, err := s.opts.Poison.List(r.Context(), poison.Query{
		Pipeline: query.Get("pipeline"),
		Class:    query.Get("class"),
		Limit:    limit,
		Cursor:   cursor,
	})
	if err != nil {
		return fmt.Errorf("list the poison topic: %w", err)
	}
	if entries == nil {
		entries = []poison.Entry{} // "[]" in JSON, not null
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, typeJSON, PoisonPage{entries, next})
	return nil
}

// getPoison shows one entry.
func (s *Server) getPoison(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	entry, found, err := s.opts.Poison.Get(r.Context(), id)
	if err != nil {
		return fmt.Errorf("read poison entry %q: %w", id, err)
	}
	if !found {
		return poison.ErrNotFound
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, typeJSON, entry)
	return nil
}

// redrivePoison sends a message back to the pipeline that gave up on it.
func (s *Server) redrivePoison(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	receipt, err := s.opts.Poison.Redrive(r.Context(), id)
	if err != nil {
		return fmt.Errorf("redrive %q: %w", id, err)
	}
	writeJSON(w, http.StatusAccepted, typeJSON, receipt)
	return nil
}

// join lists classes for people.
func join(list []handler.Class) string {
	texts := make([]string, len(list))
	for i, c := range list {
		texts[i] = string(c)
	}
	return strings.Join(texts, ", ")
}
