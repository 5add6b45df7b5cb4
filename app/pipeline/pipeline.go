// Package pipeline runs the pipelines of the configuration on Watermill's
// router: each reads its source topics and their retry tiers as consumer groups
// of its own, runs its handlers on every message, and publishes what they put
// out. The way of one message stands in middlewares (chain.go) and handle.
package pipeline

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// Publisher sends one record and returns once all in-sync replicas have it.
type Publisher interface {
	Publish(ctx context.Context, rec *record.Record) error
}

// Topics makes delivery topics before they are written to.
type Topics interface {
	// Order begins to make several at once; Ensure waits for one.
	Order(topics []string)
	Ensure(ctx context.Context, topic string) error
	Forget(topic string)
}

// Parts are what pipelines are made of. Nothing of it is used before Start.
type Parts struct {
	Registry *handler.Registry
	Types    *event.Types
	Lookups  map[string]handler.Lookup
	// Claims is the store, scoped to the pipeline of that id.
	Claims func(pipelineID string) handler.Claims
	Now    func() time.Time
	// Log is what handlers write to. Nil discards.
	Log *slog.Logger
}

// Pipeline is one pipeline of the file, its handlers built.
type Pipeline struct {
	Name    string
	ID      string // what groups, claims, retry topics and notification ids are made from
	Sources []*Source
	Start   config.Start

	delivery          string
	sessions          int
	batch             config.Batch
	retry             config.Retry
	breaker           *breaker
	idempotencyWindow time.Duration
	poisonTopic       string
	actionsTopic      string
	maxBytes          int

	chain  *handler.Chain
	trial  *handler.Chain // the same handlers, taking no claims and writing no log
	types  *event.Types
	claims handler.Claims
	now    func() time.Time

	// set by the router that runs it
	log         *slog.Logger
	publisher   Publisher
	topics      Topics
	metrics     *Metrics
	stepSeconds []prometheus.Observer
	// those of metrics that every message touches
	deliveredTotal prometheus.Counter
	publishSeconds prometheus.Observer
	waiting        waiting
	releases       sync.WaitGroup // claims being given back

	delivered, droppedTotal, retried, poisoned atomic.Int64
	counts                                     counts
	history                                    history
}

// Compile builds every pipeline of cfg, without any I/O. It reports the faults
// of all of them at once.
func Compile(cfg *config.Config, parts Parts) ([]*Pipeline, config.Faults) {
	var pipelines []*Pipeline
	var faults config.Faults
	for name, pc := range cfg.Pipelines {
		p := &Pipeline{
			Name: name, ID: pc.ID, Sources: newSources(pc), Start: pc.Start,
			delivery:          pc.Delivery,
			sessions:          pc.Sessions,
			batch:             pc.Batch,
			retry:             pc.Retry,
			breaker:           newBreaker(pc.Breaker, parts.Now),
			idempotencyWindow: cfg.IdempotencyWindow,
			poisonTopic:       cfg.Poison.Topic,
			actionsTopic:      cfg.Poison.ActionsTopic(),
			maxBytes:          OutputBytes(cfg.HTTP.MaxBytes),
			types:             parts.Types,
			claims:            parts.Claims(pc.ID),
			now:               parts.Now,
		}
		var found config.Faults
		deps := handler.Deps{Pipeline: p.ID, Lookups: parts.Lookups, Claims: p.claims, Now: parts.Now}
		if parts.Log != nil {
			deps.Log = parts.Log.With("pipeline", name)
		}
		p.chain, found = parts.Registry.Chain(pc.Handlers, deps)
		if len(found) == 0 {
			p.counts.calls = make([]atomic.Int64, len(p.chain.Steps()))
			deps.Lookups, deps.Claims, deps.Log = questioned(parts.Lookups), lookOnly{p.claims}, nil
			p.trial, found = parts.Registry.Chain(pc.Handlers, deps)
		}
		if len(found) == 0 && len(p.chain.Routes()) == 0 {
			found = config.Faults{pc.Node.Faultf("the pipeline %s delivers nothing: its handlers route no notification", name).WithHint("end them with a route")}
		}
		faults = append(faults, found...)
		pipelines = append(pipelines, p)
	}
	slices.SortFunc(pipelines, func(a, b *Pipeline) int { return cmp.Compare(a.Name, b.Name) })
	keepApart(pipelines)
	return pipelines, faults
}

// Chain are the pipeline's handlers.
func (p *Pipeline) Chain() *handler.Chain { return p.chain }

// The largest records: whatever was accepted must fit the poison topic too,
// with the headers that poisoning adds.
const (
	eventOverhead  = 64 << 10
	outputOverhead = 256 << 10
)

// EventBytes is the largest event record for requests of up to maxBytes.
func EventBytes(maxBytes int) int { return maxBytes + eventOverhead }

// OutputBytes is the largest record a pipeline writes.
func OutputBytes(maxBytes int) int { return maxBytes + outputOverhead }
