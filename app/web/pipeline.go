package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/poison"
)

// Pipelines says what runs: see pipeline.Router for what its methods do.
type Pipelines interface {
	Status(ctx context.Context) []pipeline.Status
	Resume(ctx context.Context, name string) (pipeline.Status, bool)
}

// pipelinesHome is where the pipelines are shown.
const pipelinesHome = Prefix + "pipelines"

// pipelinesEvery is how often a page with rates is asked for again.
const pipelinesEvery = 2 * time.Second

// statuses are those of all pipelines. They are asked for once a second at the
// most, however many look at them: each time the cluster has to tell the lag.
type statuses struct {
	mu   sync.Mutex
	at   time.Time
	list []pipeline.Status
}

const (
	// statusAge is how old a status may be that is shown.
	statusAge = time.Second
	// statusPatience is how long the cluster may take to tell the lag. Without an
	// answer it is unknown.
	statusPatience = 3 * time.Second
)

func (s *site) status(ctx context.Context) []pipeline.Status {
	known := &s.statuses
	known.mu.Lock()
	defer known.mu.Unlock()
	if now := s.opts.Now(); known.list == nil || now.Sub(known.at) >= statusAge {
		// What one viewer no longer waits for is shown to the next.
		asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), statusPatience)
		defer cancel()
		known.at, known.list = now, s.opts.Pipelines.Status(asking)
	}
	return known.list
}

// forget makes the next look ask again.
func (s *statuses) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = nil
}

// pipelineView is a pipeline, as the page shows it.
type pipelineView struct {
	pipeline.Status
	Sources []sourceView
	Spark   spark
	// Own are the messages that were dropped by none of the handlers.
	Own []pipeline.DropStatus
	// Open are its open poisoned messages by their class, unless the poison topic
	// is still being read.
	Open      []tallyView
	OpenCount int
	OpenLink  string
	Unread    bool
	Resume    string
}

// sourceView is a topic that a pipeline reads.
type sourceView struct {
	Topic  string
	Lag    int64
	Oldest time.Duration
}

func sourcesOf(s *pipeline.Status) []sourceView {
	var sources []sourceView
	for _, source := range s.Sources {
		sources = append(sources, sourceView{source.Topic, source.Lag, seconds(source.OldestUnprocessedSeconds)})
	}
	return sources
}

// tallyView is how many messages are open of a class, and where they are shown.
type tallyView struct {
	poison.Tally
	Link string
}

// getPipelines shows what every pipeline does.
func (s *site) getPipelines(w http.ResponseWriter, r *http.Request) error {
	tallies, err := s.opts.Console.Tallies(r.Context())
	unread := errors.Is(err, poison.ErrNotReady)
	if err != nil && !unread {
		return err
	}
	views := []pipelineView{}
	for _, status := range s.status(r.Context()) {
		v := pipelineView{
			Status: status, Sources: sourcesOf(&status), Spark: sparkOf(status.DeliveredBySecond, "second"), Unread: unread,
			OpenLink: openLink(status.Name, ""), Resume: pipelinesHome + "/" + url.PathEscape(status.Name) + "/resume",
		}
		for _, drop := range status.Drops {
			if drop.Handler == pipeline.DropIdempotency || drop.Handler == pipeline.DropPipeline {
				v.Own = append(v.Own, drop)
			}
		}
		for _, t := range tallies {
			if t.Pipeline == status.Name {
				v.Open, v.OpenCount = append(v.Open, tallyView{t, openLink(t.Pipeline, t.Class)}), v.OpenCount+t.Count
			}
		}
		views = append(views, v)
	}
	s.write(w, r, http.StatusOK, "pipelines", page{Title: "Pipelines", Body: views, Every: int(pipelinesEvery / time.Millisecond)})
	return nil
}

// openLink is where the open messages of a pipeline are shown, of a class or all.
func openLink(name, class string) string {
	c := choice{State: string(poison.Open), Pipeline: name, Class: class}
	return c.List()
}

// postResume lets a pipeline go on that has paused itself.
func (s *site) postResume(w http.ResponseWriter, r *http.Request) error {
	name, err := pathID(r, "name")
	if err != nil {
		return err
	}
	if _, found := s.opts.Pipelines.Resume(r.Context(), name); !found {
		return &failure{Status: http.StatusNotFound, Title: "There is no such pipeline", Detail: "The list of pipelines shows those that run here."}
	}
	s.statuses.forget()
	return redirect(w, r, pipelinesHome, "The pipeline "+visible(name)+" goes on.")
}

// seconds is a duration of so many.
func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
