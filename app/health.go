package app

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/trieungochai/kafka-notify/app/kafka"
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
	broker   atomic.Pointer[error] // the last answer
}

// watch asks the broker every second until ctx ends.
func (h *health) watch(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		asking, cancel := context.WithTimeout(ctx, 3*time.Second)
		err := h.client.Ping(asking)
		cancel()
		h.broker.Store(&err)
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
