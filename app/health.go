package app

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/lookup"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/store"
)

// health knows whether the service can do its work. The broker is asked in the
// background, so that a probe is answered at once whatever state it is in.
type health struct {
	client   *kafka.Client
	store    *store.Store
	router   *pipeline.Router
	stopping *atomic.Bool
	log      *slog.Logger
	broker   atomic.Pointer[error] // the last answer
}

// watch asks the broker every second until ctx ends.
func (h *health) watch(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	away := false
	for {
		asking, cancel := context.WithTimeout(ctx, 3*time.Second)
		err := h.client.Ping(asking)
		cancel()
		h.broker.Store(&err)
		switch {
		case err != nil && !away && ctx.Err() == nil:
			h.log.Error("kafka is out of reach: submissions get a 503, pipelines wait", "error", err)
		case err == nil && away:
			h.log.Info("kafka is back")
		}
		away = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Ready reports whether the broker is reachable, the store open and every
// group joined, and if not, why.
func (h *health) Ready(ctx context.Context) (ok bool, reasons []string) {
	if h.stopping.Load() {
		reasons = append(reasons, "the service is stopping")
	}
	switch err := h.broker.Load(); {
	case err == nil:
		reasons = append(reasons, "the broker has not been asked yet")
	case *err != nil:
		reasons = append(reasons, (*err).Error())
	}
	if err := h.store.Ping(ctx); err != nil {
		reasons = append(reasons, fmt.Sprintf("store: %v", err))
	}
	if missing := h.router.Missing(); len(missing) > 0 {
		reasons = append(reasons, "not joined yet: "+strings.Join(missing, ", "))
	}
	return len(reasons) == 0, reasons
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
