// Package app is the service: New builds it, Start brings it up in order, Stop
// takes it down in the reverse order. The wiring is one straight function.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/app/inbox"
	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/store"
	"github.com/trieungochai/kafka-notify/app/web"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// Options are what an App is made of. Config and Registry are required.
type Options struct {
	Config   *config.Config
	Registry *handler.Registry
	// Logger takes the service's log; nil discards it.
	Logger *slog.Logger
}

// App is one running service.
type App struct {
	cfg    *config.Config
	log    *slog.Logger
	built  *built
	health *health

	addr     string
	cluster  kafka.Cluster
	topics   []string
	stopping atomic.Bool
	draining chan struct{} // closed when HTTP begins to stop
	onStops  []teardown
}

// New builds the service without any I/O. The error is config.Faults where the
// configuration is at fault.
func New(o Options) (*App, error) {
	if o.Config == nil || o.Registry == nil {
		return nil, errors.New("app: Options.Config and Options.Registry are required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	b, faults := build(o.Config, o.Registry, o.Logger)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	for _, f := range faults.Warnings() {
		o.Logger.Warn("the configuration works, but hardly as it was meant", "at", f.Pos.String(), "warning", f.Message, "hint", f.Hint)
	}
	return &App{cfg: o.Config, log: o.Logger, built: b, draining: make(chan struct{})}, nil
}

// Addr is where HTTP is served, host:port, once Start has returned.
func (a *App) Addr() string { return a.addr }

// Brokers are the addresses of Kafka, once Start has returned.
func (a *App) Brokers() []string { return a.cluster.Brokers }

// Topics are the topics that the file names, once Start has returned.
func (a *App) Topics() []string { return a.topics }

// Start brings the service up: store, lookups, broker, topics, pipelines, and
// HTTP last, so that nothing is accepted that nobody would process. When it
// fails, what was started is stopped again.
func (a *App) Start(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.ShutdownTimeout)
			defer cancel()
			err = errors.Join(err, a.Stop(stopping))
		}
	}()
	listener, err := listen(a.cfg.HTTP.Listen)
	if err != nil {
		return err
	}
	a.addr = listener.Addr().String()
	a.onStop("HTTP listener", func(context.Context) error { return ignoreClosed(listener.Close()) })

	claims, err := store.Open(ctx, a.cfg.Store, a.log)
	if err != nil {
		return err
	}
	a.built.claims.open(claims)
	a.onStop("store", func(context.Context) error { return claims.Close() })

	if err := a.built.lookups.Start(ctx); err != nil {
		return err
	}
	a.onStop("lookups", func(context.Context) error { a.built.lookups.Stop(); return nil })

	if err := a.startBroker(ctx); err != nil {
		return err
	}
	client, err := kafka.NewClient(a.cluster)
	if err != nil {
		return err
	}
	a.onStop("kafka client", func(context.Context) error { client.Close(); return nil })
	if err := awaitBroker(ctx, client, a.Brokers(), a.log); err != nil {
		return err
	}
	if err := a.createTopics(ctx, client); err != nil {
		return err
	}
	deliveries := kafka.NewDeliveryTopics(client, a.deliveryTopic(), a.cfg.Kafka.Replication, a.cfg.Kafka.UserTopicLimit(), a.log)
	if err := deliveries.Load(ctx); err != nil {
		return err
	}

	// Two producers: a batch must not outgrow the topic with the smaller limit.
	events, err := kafka.NewProducer(a.cluster, pipeline.EventBytes(a.cfg.HTTP.MaxBytes))
	if err != nil {
		return err
	}
	a.onStop("event producer", func(context.Context) error { return events.Close() })
	outputs, err := kafka.NewPublisher(a.cluster, pipeline.OutputBytes(a.cfg.HTTP.MaxBytes), a.log)
	if err != nil {
		return err
	}
	a.onStop("pipeline publisher", func(context.Context) error { return outputs.Close() })
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	watchLookupFiles(metrics, a.built.lookups)

	router := pipeline.NewRouter(a.built.pipelines, pipeline.Wiring{
		Cluster: a.cluster, Instance: a.instance(), StopWhenLost: a.cfg.Kafka.AutoOffsetReset == config.ResetNone,
		Client: client, Publisher: outputs, Topics: deliveries,
		Metrics: pipeline.NewMetrics(metrics), Log: a.log,
	})
	a.onStop("pipelines", router.Stop)
	if err := router.Start(ctx); err != nil {
		return err
	}
	a.background("lag", func(ctx context.Context) { router.Watch(ctx, 5*time.Second) })
	a.background("rates", router.Sample)

	a.health = newHealth(client, claims, router, &a.stopping, a.log)
	a.background("health", a.health.watch)

	console, err := a.startConsole(client)
	if err != nil {
		return err
	}
	watchPoison(metrics, console.Index)

	users, _ := a.built.lookups.Get("users")
	server, err := api.New(api.Options{
		Types: a.built.types, Publisher: events, Inbox: inbox.New(client, a.log),
		Poison: console, Stopping: a.draining,
		Pipelines: router, Health: a.health, Users: users,
		Metrics: metrics, Logger: a.log, MaxBytes: a.cfg.HTTP.MaxBytes, MaxEvents: a.cfg.HTTP.MaxEvents,
	})
	if err != nil {
		return err
	}
	pages, err := web.New(web.Options{Console: console, Pipelines: router, MaxBytes: a.cfg.HTTP.MaxBytes, Logger: a.log})
	if err != nil {
		return err
	}
	a.serve(listener, fronts(pages, server.Handler()))
	return nil
}

// instance names this process among those of the service: the same after a
// restart, so that what it left open is ended at once. The embedded broker ends
// that by itself, but without a word in its log; readers would take the next
// transaction of the same producer for the aborted one, so there is another
// name each time.
func (a *App) instance() string {
	host, err := os.Hostname()
	if err != nil || a.cfg.Kafka.Embedded != nil {
		return uuid.NewString()
	}
	return host + "-" + a.addr
}

func (a *App) startBroker(ctx context.Context) error {
	embedded := a.cfg.Kafka.Embedded
	if embedded == nil {
		var faults config.Faults
		a.cluster, faults = kafka.NewCluster(a.cfg.Kafka, a.cfg)
		return faults.Err()
	}
	broker, err := kafka.OpenBroker(ctx, embedded.Listen, embedded.DataDir, a.log)
	if err != nil {
		return err
	}
	a.onStop("embedded broker", func(context.Context) error { return broker.Close() })
	a.cluster = kafka.Cluster{Brokers: []string{broker.Addr()}}
	return nil
}

// fronts serves the pages at / and under /ui, and everything else by the API. A
// ServeMux would clean the paths of both, in which ids stand.
func fronts(pages, rest http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case path == "/" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			http.Redirect(w, r, web.Home, http.StatusFound)
		case path == "/ui", strings.HasPrefix(path, web.Prefix):
			pages.ServeHTTP(w, r)
		default:
			rest.ServeHTTP(w, r)
		}
	})
}

func (a *App) serve(l net.Listener, h http.Handler) {
	server := &http.Server{Handler: h}
	api.Configure(server)
	server.RegisterOnShutdown(func() { close(a.draining) })
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	a.onStop("HTTP server", func(ctx context.Context) error {
		// A slow client gets half of the time: the pipelines need theirs.
		draining, cancel := half(ctx)
		defer cancel()
		err := server.Shutdown(draining)
		if err != nil {
			err = errors.Join(err, server.Close())
		}
		if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	})
}

// half is a context that ends when half of the time that ctx has left is over.
func half(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(end)/2)
}

func listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is taken by another program: end it, or set http.listen to another address: %w", address, err)
	case err != nil:
		return nil, fmt.Errorf("listen on %s (http.listen): %w", address, err)
	}
	return l, nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// awaitBroker waits for a broker that is only just starting. One that refuses
// the service is not waited for.
func awaitBroker(ctx context.Context, client *kafka.Client, brokers []string, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, brokerPatience)
	defer cancel()
	for {
		asking, done := context.WithTimeout(ctx, 5*time.Second)
		err := client.Ping(asking)
		done()
		var refused *kafka.RefusedError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &refused):
			return fmt.Errorf("kafka at %v: %w", brokers, refused)
		}
		log.Warn("waiting for kafka", "brokers", brokers, "error", err)
		select {
		case <-ctx.Done():
			return fmt.Errorf("no broker of kafka.brokers %v answers: %w", brokers, err)
		case <-time.After(time.Second):
		}
	}
}

// brokerPatience is how long Start waits for a first broker.
const brokerPatience = 60 * time.Second

// heapGrowth is GOGC, unless that is set: how much may be allocated before
// garbage is collected, in percent of what is in use. A message takes some 10 KB
// that nobody needs a moment later; with Go's own 100 a backlog went a seventh
// slower, and took 180 MB less.
const heapGrowth = 200

// Run starts the service, calls started, serves until ctx ends, and stops. It is
// for a process of its own.
func Run(ctx context.Context, o Options, started func(*App)) error {
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(heapGrowth)
	}
	a, err := New(o)
	if err != nil {
		return err
	}
	if err := a.Start(ctx); err != nil {
		return err
	}
	started(a)
	<-ctx.Done()
	a.log.Info("stopping: messages in flight are finished", "timeout", o.Config.ShutdownTimeout)
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Config.ShutdownTimeout)
	defer cancel()
	return a.Stop(stopping)
}
