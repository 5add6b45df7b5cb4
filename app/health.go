package app

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/lookup"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/app/store"
)

// health knows whether the service can do its work. Broker and store are asked
// in the background, so that a probe is answered at once whatever state they
// are in.
type health struct {
	broker   *watched
	store    *watched
	router   *pipeline.Router
	stopping *atomic.Bool
}

func newHealth(client *kafka.Client, claims *store.Store, router *pipeline.Router, stopping *atomic.Bool, log *slog.Logger) *health {
	return &health{
		broker: &watched{
			name: "broker", ping: client.Ping, log: log,
			away: "kafka is out of reach: submissions get a 503, pipelines wait", back: "kafka is back",
		},
		store: &watched{
			name: "store", ping: claims.Ping, log: log,
			away: "the store is out of reach: events are accepted, pipelines wait", back: "the store is back",
		},
		router: router, stopping: stopping,
	}
}

// watch asks both every second until ctx ends.
func (h *health) watch(ctx context.Context) {
	var both sync.WaitGroup
	both.Go(func() { h.broker.watch(ctx) })
	both.Go(func() { h.store.watch(ctx) })
	both.Wait()
}

// Ready reports whether broker and store are reachable and every group has
// joined, and if not, why. A pipeline that has paused itself is ready: to restart
// the process would not repair the cause, and would only make it poison more
// before it pauses again.
func (h *health) Ready(context.Context) (ok bool, reasons []string) {
	if h.stopping.Load() {
		reasons = append(reasons, "the service is stopping")
	}
	for _, w := range []*watched{h.broker, h.store} {
		switch err := w.last.Load(); {
		case err == nil:
			reasons = append(reasons, "the "+w.name+" has not been asked yet")
		case *err != nil:
			reasons = append(reasons, (*err).Error())
		}
	}
	if missing := h.router.Missing(); len(missing) > 0 {
		reasons = append(reasons, "not joined yet: "+strings.Join(missing, ", "))
	}
	return len(reasons) == 0, reasons
}

// watched is something that the service needs and that can be away.
type watched struct {
	name       string
	ping       func(context.Context) error
	log        *slog.Logger
	away, back string                // what the log says
	last       atomic.Pointer[error] // the last answer
}

// watch asks every second until ctx ends.
func (w *watched) watch(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	away := false
	for {
		asking, cancel := context.WithTimeout(ctx, 3*time.Second)
		err := w.ping(asking)
		cancel()
		if ctx.Err() != nil {
			return
		}
		w.last.Store(&err)
		switch {
		case err != nil && !away:
			w.log.Error(w.away, "error", err)
		case err == nil && away:
			w.log.Info(w.back)
		}
		away = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// watchLookupFiles shows for every lookup file whether its newest version is in
// use: a faulty one is left aside, and only the log would tell.
func watchLookupFiles(reg prometheus.Registerer, lookups *lookup.Set) {
	for i, file := range lookups.Health() {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "kafka_notify", Name: "lookup_file_stale",
			Help:        "1 while the newest version of a lookup file is faulty and the one before it is in use.",
			ConstLabels: prometheus.Labels{"lookup": file.Name},
		}, func() float64 {
			if lookups.Health()[i].Err != nil {
				return 1
			}
			return 0
		}))
	}
}

// watchPoison shows how many poisoned messages are in each state: what is open
// is what somebody has to look at.
func watchPoison(reg prometheus.Registerer, index *poison.Index) {
	for _, state := range poison.States {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "kafka_notify", Name: "poison_messages",
			Help:        "Poisoned messages by what was done about them.",
			ConstLabels: prometheus.Labels{"state": string(state)},
		}, func() float64 { return float64(index.Count(state)) }))
	}
}
