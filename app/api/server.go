// Package api is the service's HTTP side: it takes events, shows people's
// notifications, the poison topic and the pipelines. Its client is what the
// command line talks through.
package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// Defaults of Options.
const (
	DefaultMaxBytes       = 1 << 20
	DefaultMaxEvents      = 1000
	DefaultPublishTimeout = 10 * time.Second
)

// Publisher writes event records.
type Publisher interface {
	// Publish returns when all in-sync replicas have the records, with an error
	// for each. One that handler.IsUnavailable knows says that the broker is out
	// of reach; one with a method TooLarge() bool that returns true says that it
	// refuses the size.
	Publish(ctx context.Context, records ...*record.Record) []error
}

// Inbox reads the notifications of one person. An id that no topic name can
// hold, and a cursor that is none, are errors with a method
// BadRequest() string that says what is wrong.
type Inbox interface {
	// Page returns at most limit notifications, newest first, and the cursor of
	// the next page, empty after the last one.
	Page(ctx context.Context, user string, limit int, cursor string) (list []*handler.Notification, next string, err error)
	// All returns everything there is, oldest first.
	All(ctx context.Context, user string) ([]*handler.Notification, error)
}

// Pipelines says what runs.
type Pipelines interface {
	Status(ctx context.Context) []pipeline.Status
	// Resume lets a pipeline go on that has paused itself, and returns its
	// status; false when no pipeline has that name.
	Resume(ctx context.Context, name string) (pipeline.Status, bool)
}

// Health says whether the service can do its work, and what keeps it from it.
type Health interface {
	Ready(ctx context.Context) (ok bool, reasons []string)
}

// Options are what a Server is made of. The interfaces and Types are required.
type Options struct {
	Types     *event.Types
	Publisher Publisher
	Inbox     Inbox
	Poison    Poison
	Pipelines Pipelines
	Health    Health
	// Stopping is closed when the service begins to stop: streams end. Nil: never.
	Stopping <-chan struct{}
	// Users is the lookup that POST /send finds people in; without it, or
	// without the event type "message", that route answers 404.
	Users handler.Lookup

	// Metrics is where the metrics are registered and served from.
	Metrics *prometheus.Registry
	Logger  *slog.Logger

	// MaxBytes is the largest request body, MaxEvents the most events in it.
	MaxBytes, MaxEvents int
	// PublishTimeout bounds how long a request waits for the broker.
	PublishTimeout time.Duration

	Now   func() time.Time
	NewID func() string
}

// setDefaults fills in what may be left out.
func (o *Options) setDefaults() {
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.MaxEvents == 0 {
		o.MaxEvents = DefaultMaxEvents
	}
	if o.PublishTimeout == 0 {
		o.PublishTimeout = DefaultPublishTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		// Version 7 sorts by time, which reads well in lists.
		o.NewID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
}

// validate reports everything that is missing.
func (o *Options) validate() error {
	var errs []error
	for name, missing := range map[string]bool{
		"Types":     o.Types == nil,
		"Publisher": o.Publisher == nil,
		"Inbox":     o.Inbox == nil,
		"Poison":    o.Poison == nil,
		"Pipelines": o.Pipelines == nil,
		"Health":    o.Health == nil,
	} {
		if missing {
			errs = append(errs, errors.New("api: option "+name+" is required"))
		}
	}
	return errors.Join(errs...)
}

// Server answers HTTP requests.
type Server struct {
	opts    Options
	metrics *metrics
	router  *mux.Router
}

// New builds a server. It starts nothing.
func New(o Options) (*Server, error) {
	o.setDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	m, err := newMetrics(o.Metrics)
	if err != nil {
		return nil, err
	}
	s := &Server{opts: o, metrics: m, router: mux.NewRouter()}
	// Ids stand in paths: "a%2Fb" is one id, and "//" belongs to nobody.
	s.router.UseEncodedPath().SkipClean(true)
	s.router.NotFoundHandler = s.answer(s.notFound)
	s.router.MethodNotAllowedHandler = s.answer(s.methodNotAllowed)
	s.router.Use(labelRoute)
	s.eventRoutes(s.router)
	s.inboxRoutes(s.router)
	s.poisonRoutes(s.router)
	s.tutorialRoutes(s.router)
	s.operationRoutes(s.router)
	return s, nil
}

// Handler serves every route of openapi.yaml and no other.
func (s *Server) Handler() http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(s.answer(s.crossOrigin))
	return s.observe(headAsGet(guard.Handler(s.router)))
}

// Configure sets the limits that keep slow or greedy clients from holding a
// connection. A request may wait for the broker, so writing has more time.
func Configure(server *http.Server) {
	server.ReadHeaderTimeout = 5 * time.Second
	server.ReadTimeout = 30 * time.Second
	server.WriteTimeout = 60 * time.Second
	server.IdleTimeout = 2 * time.Minute
	server.MaxHeaderBytes = 32 << 10
}
