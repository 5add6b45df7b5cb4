package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/poison"
)

// Poison is the poison console: see poison.Console for what its methods do. A
// cursor that is none, a mistake in a filter, and an order that makes no sense
// are errors with a method BadRequest() string.
type Poison interface {
	List(ctx context.Context, q poison.Query) (poison.Listing, error)
	Each(ctx context.Context, q poison.Query, visit func(poison.Entry) error) error
	Groups(ctx context.Context, q poison.Query) ([]poison.Group, error)
	Get(ctx context.Context, id string) (poison.Detail, error)
	Summary(ctx context.Context) (poison.Summary, error)
	Changed() <-chan struct{}

	Act(ctx context.Context, kind action.Kind, s poison.Selection, by action.By, reason string) (poison.Report, error)
	TryEdit(ctx context.Context, id string, value []byte) (poison.EditPreview, error)
	Edit(ctx context.Context, id string, value []byte, by action.By, reason string) (poison.Job, error)

	Preview(ctx context.Context, o poison.Order) (poison.Preview, error)
	Redrive(ctx context.Context, o poison.Order, by action.By) (poison.Job, []poison.Refusal, error)
	Jobs(ctx context.Context) ([]poison.Job, error)
	Job(ctx context.Context, id string) (poison.Job, error)
	Steer(ctx context.Context, kind action.Kind, id string, by action.By, reason string) (poison.Job, error)
}

// PoisonGroups are poisoned messages by their cause.
type PoisonGroups struct {
	Groups []poison.Group `json:"groups"`
}

func (s *Server) poisonRoutes(r *mux.Router) {
	read := func(path string, serve func(http.ResponseWriter, *http.Request) error) {
		r.Handle("/v1/poison"+path, s.permitted(poison.ToRead, serve)).Methods(http.MethodGet)
	}
	act := func(path string, what poison.Permission, serve func(http.ResponseWriter, *http.Request) error) {
		r.Handle("/v1/poison"+path, s.permitted(what, serve)).Methods(http.MethodPost)
	}
	read("", s.listPoison)
	read("/groups", s.groupPoison)
	read("/export", s.exportPoison)
	read("/stream", s.streamPoison)
	read("/redrives", s.listRedrives)
	read("/redrives/{job}", s.getRedrive)
	act("/redrives", poison.ToRedrive, s.redrivePoison)
	act("/redrives/{job}/pause", poison.ToRedrive, s.steerRedrive(action.Pause))
	act("/redrives/{job}/resume", poison.ToRedrive, s.steerRedrive(action.Resume))
	act("/redrives/{job}/cancel", poison.ToRedrive, s.steerRedrive(action.Cancel))
	act("/archive", poison.ToArchive, s.actOnPoison(action.Archive))
	act("/restore", poison.ToArchive, s.actOnPoison(action.Restore))
	act("/discard", poison.ToDiscard, s.actOnPoison(action.Discard))
	read("/{id}", s.getPoison)
	act("/{id}/redrive", poison.ToRedrive, s.redriveOne)
	act("/{id}/edit", poison.ToEdit, s.editPoison)
}

// listPoison shows what pipelines gave up on.
func (s *Server) listPoison(w http.ResponseWriter, r *http.Request) error {
	limit, cursor, err := page(r)
	if err != nil {
		return err
	}
	query, err := poisonQuery(r)
	if err != nil {
		return err
	}
	query.Limit, query.Cursor = limit, cursor
	list, err := s.opts.Poison.List(r.Context(), query)
	if err != nil {
		return fmt.Errorf("list the poison topic: %w", err)
	}
	return writeFresh(w, http.StatusOK, list)
}

// groupPoison shows by their causes what pipelines gave up on.
func (s *Server) groupPoison(w http.ResponseWriter, r *http.Request) error {
	query, err := poisonQuery(r)
	if err != nil {
		return err
	}
	groups, err := s.opts.Poison.Groups(r.Context(), query)
	if err != nil {
		return fmt.Errorf("group the poison topic: %w", err)
	}
	return writeFresh(w, http.StatusOK, PoisonGroups{groups})
}

// exportPoison writes every entry that is selected, one a line, the oldest first.
func (s *Server) exportPoison(w http.ResponseWriter, r *http.Request) error {
	query, err := poisonQuery(r)
	if err != nil {
		return err
	}
	begun := false
	begin := func() {
		if !begun {
			w.Header().Set("Content-Type", typeNDJSON)
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Content-Disposition", `attachment; filename="poison.ndjson"`)
			w.WriteHeader(http.StatusOK)
			begun = true
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	err = s.opts.Poison.Each(r.Context(), query, func(e poison.Entry) error {
		begin()
		extend(w)
		return encoder.Encode(e)
	})
	if err != nil && begun {
		panic(http.ErrAbortHandler) // or a part would look like the whole
	}
	if err != nil {
		return fmt.Errorf("export the poison topic: %w", err)
	}
	begin()
	return nil
}

// poisonQuery is what a request selects of the poison topic.
func poisonQuery(r *http.Request) (poison.Query, error) {
	query := r.URL.Query()
	return Choice{
		State: query.Get("state"), Pipeline: query.Get("pipeline"), Class: query.Get("class"),
		Filter: query.Get("filter"), Words: query.Get("q"), OlderThan: query.Get("older_than"),
	}.query(parameterProblem)
}

// getPoison shows one entry.
func (s *Server) getPoison(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	detail, err := s.opts.Poison.Get(r.Context(), id)
	if err != nil {
		return fmt.Errorf("read poison entry %q: %w", id, err)
	}
	return writeFresh(w, http.StatusOK, detail)
}
