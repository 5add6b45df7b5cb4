package api

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/poison"
)

// Redrive is a job that was begun, and what of the selection is not in its set.
type Redrive struct {
	poison.Job
	Refused []poison.Refusal `json:"refused"`
}

// Redrives are the redrive jobs, the newest first.
type Redrives struct {
	Redrives []poison.Job `json:"redrives"`
}

// actOnPoison archives, restores or discards messages.
func (s *Server) actOnPoison(kind action.Kind) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		var d Deed
		if err := s.readBody(w, r, &d); err != nil {
			return err
		}
		selection, err := d.selection()
		if err != nil {
			return err
		}
		report, err := s.opts.Poison.Act(r.Context(), kind, selection, caller(r), d.Reason)
		if err != nil {
			return fmt.Errorf("%s poisoned messages: %w", kind, err)
		}
		return writeFresh(w, http.StatusOK, report)
	}
}

// redrivePoison begins a job that sends messages back, or says what it would do.
func (s *Server) redrivePoison(w http.ResponseWriter, r *http.Request) error {
	var o RedriveOrder
	if err := s.readBody(w, r, &o); err != nil {
		return err
	}
	order, err := o.order()
	if err != nil {
		return err
	}
	if o.DryRun {
		preview, err := s.opts.Poison.Preview(r.Context(), order)
		if err != nil {
			return fmt.Errorf("preview a redrive: %w", err)
		}
		return writeFresh(w, http.StatusOK, preview)
	}
	return s.beginRedrive(w, r, order)
}

// redriveOne sends one message back to the pipeline that gave up on it.
func (s *Server) redriveOne(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	if _, err := s.opts.Poison.Get(r.Context(), id); err != nil {
		return fmt.Errorf("redrive %q: %w", id, err)
	}
	selection := poison.Selection{IDs: []string{id}}
	return s.beginRedrive(w, r, poison.Order{Selection: selection, Terms: action.Terms{Selection: selection.String()}})
}

func (s *Server) beginRedrive(w http.ResponseWriter, r *http.Request, o poison.Order) error {
	job, refused, err := s.opts.Poison.Redrive(r.Context(), o, caller(r))
	if err != nil {
		return fmt.Errorf("redrive: %w", err)
	}
	return writeBegun(w, job, refused)
}

// writeBegun answers with a job that has begun, and where to see how far it is.
func writeBegun(w http.ResponseWriter, job poison.Job, refused []poison.Refusal) error {
	w.Header().Set("Location", "/v1/poison/redrives/"+url.PathEscape(job.ID))
	return writeFresh(w, http.StatusAccepted, Redrive{job, refused})
}

func (s *Server) listRedrives(w http.ResponseWriter, r *http.Request) error {
	jobs, err := s.opts.Poison.Jobs(r.Context())
	if err != nil {
		return fmt.Errorf("list redrive jobs: %w", err)
	}
	return writeFresh(w, http.StatusOK, Redrives{jobs})
}

func (s *Server) getRedrive(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "job")
	if err != nil {
		return err
	}
	job, err := s.opts.Poison.Job(r.Context(), id)
	if err != nil {
		return fmt.Errorf("read redrive job %q: %w", id, err)
	}
	return writeFresh(w, http.StatusOK, job)
}

// steerRedrive pauses, resumes or cancels a job.
func (s *Server) steerRedrive(kind action.Kind) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := pathID(r, "job")
		if err != nil {
			return err
		}
		job, err := s.opts.Poison.Steer(r.Context(), kind, id, caller(r), "")
		if err != nil {
			return fmt.Errorf("%s redrive job %q: %w", kind, id, err)
		}
		return writeFresh(w, http.StatusOK, job)
	}
}

// envelope is how many bytes an event record may have besides what was
// submitted.
const envelope = 16 << 10

// editPoison sends a message back with another payload, or says what would
// become of it.
func (s *Server) editPoison(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	var o EditOrder
	if err := s.readBody(w, r, &o); err != nil {
		return err
	}
	value, err := o.value()
	if err != nil {
		return err
	}
	if most := s.opts.MaxBytes + envelope; len(value) > most {
		return kindTooLarge.problem("the payload has %d bytes, the most is %d", len(value), most)
	}
	if o.DryRun {
		preview, err := s.opts.Poison.TryEdit(r.Context(), id, value)
		if err != nil {
			return fmt.Errorf("try an edit of %q: %w", id, err)
		}
		return writeFresh(w, http.StatusOK, preview)
	}
	job, err := s.opts.Poison.Edit(r.Context(), id, value, caller(r), o.Reason)
	if err != nil {
		return fmt.Errorf("edit %q: %w", id, err)
	}
	return writeBegun(w, job, []poison.Refusal{})
}
