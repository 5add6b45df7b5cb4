// Package web is the pages of the poison console and of the pipelines, made on
// the server: they work without JavaScript, which only keeps them up to date and
// adds keys.
package web

import (
	"context"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/poison"
)

// Console is the poison console: see poison.Console for what its methods do.
type Console interface {
	List(ctx context.Context, q poison.Query) (poison.Listing, error)
	Overview(ctx context.Context, q poison.Query) (poison.Listing, []poison.Group, error)
	Get(ctx context.Context, id string) (poison.Detail, error)
	Summary(ctx context.Context) (poison.Summary, error)
	Tallies(ctx context.Context) ([]poison.Tally, error)

	Act(ctx context.Context, kind action.Kind, s poison.Selection, by action.By, reason string) (poison.Report, error)
	TryEdit(ctx context.Context, id string, value []byte) (poison.EditPreview, error)
	Edit(ctx context.Context, id string, value []byte, by action.By, reason string) (poison.Job, error)

	Preview(ctx context.Context, o poison.Order) (poison.Preview, error)
	Redrive(ctx context.Context, o poison.Order, by action.By) (poison.Job, []poison.Refusal, error)
	Jobs(ctx context.Context) ([]poison.Job, error)
	Job(ctx context.Context, id string) (poison.Job, error)
	Steer(ctx context.Context, kind action.Kind, id string, by action.By, reason string) (poison.Job, error)
}

// Options are what the pages are made of. Console and Pipelines are required.
type Options struct {
	Console   Console
	Pipelines Pipelines
	// MaxBytes is the largest payload that an edit may send.
	MaxBytes int
	Logger   *slog.Logger
	Now      func() time.Time
}

// DefaultMaxBytes is the one of Options.
const DefaultMaxBytes = 1 << 20

//go:embed templates static
var files embed.FS

// Home is where the console begins; Prefix is what all of its paths begin with.
const (
	Home   = "/ui/poison"
	Prefix = "/ui/"
)

// site is the console's pages.
type site struct {
	opts     Options
	pages    map[string]*template.Template
	assets   map[string]asset
	statuses statuses
}

// New builds a handler of all paths under Prefix. It starts nothing.
func New(o Options) (http.Handler, error) {
	if o.Console == nil || o.Pipelines == nil {
		return nil, errors.New("web: the options Console and Pipelines are required")
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &site{opts: o}
	var err error
	if s.assets, err = readAssets(); err != nil {
		return nil, err
	}
	if s.pages, err = parsePages(s.functions()); err != nil {
		return nil, err
	}
	return s.guard(s.routes()), nil
}

func (s *site) routes() http.Handler {
	r := mux.NewRouter()
	r.UseEncodedPath().SkipClean(true) // ids stand in paths
	read := func(path string, serve serveFunc) {
		r.Handle(path, s.permitted(poison.ToRead, serve)).Methods(http.MethodGet, http.MethodHead)
	}
	act := func(path string, what poison.Permission, serve serveFunc) {
		r.Handle(Home+path, s.permitted(what, serve)).Methods(http.MethodPost)
	}
	r.NotFoundHandler = s.answer(notFound)
	r.MethodNotAllowedHandler = s.answer(methodNotAllowed)
	read("/ui/static/{name}", s.getAsset)
	for _, path := range []string{"/ui", "/ui/", Home + "/"} {
		read(path, toHome)
	}
	read(Home, s.getList)
	read(Home+"/messages/{id}", s.getMessage)
	read(Home+"/messages/{id}/payload", s.getPayload)
	read(Home+"/messages/{id}/edit", s.getEdit)
	act("/messages/{id}/edit", poison.ToEdit, s.postEdit)
	for _, d := range deeds {
		read(Home+"/"+string(d.Kind), s.getDeed(d))
		act("/"+string(d.Kind), d.Needs, s.postDeed(d))
	}
	read(Home+"/redrive", s.getRedrive)
	act("/redrive", poison.ToRedrive, s.postRedrive)
	read(Home+"/redrives", s.getJobs)
	read(Home+"/redrives/{job}", s.getJob)
	for _, kind := range []action.Kind{action.Pause, action.Resume, action.Cancel} {
		act("/redrives/{job}/"+string(kind), poison.ToRedrive, s.postSteer(kind))
	}
	act("/name", poison.ToRead, s.postName)
	read(pipelinesHome, s.getPipelines)
	r.Handle(pipelinesHome+"/{name}/resume", s.permitted(poison.ToResume, s.postResume)).Methods(http.MethodPost)
	return r
}

// toHome leads to the console's first page.
func toHome(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, Home, http.StatusFound)
	return nil
}
