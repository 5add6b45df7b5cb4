package app

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/lint"
	"github.com/trieungochai/kafka-notify/app/lookup"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/store"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// built is all that can be made of a configuration without any I/O.
type built struct {
	types     *event.Types
	lookups   *lookup.Set
	claims    *lateStore
	pipelines []*pipeline.Pipeline
}

// build makes the parts of cfg, and returns the faults of all of them, warnings
// included.
func build(cfg *config.Config, registry *handler.Registry, log *slog.Logger) (*built, config.Faults) {
	b := &built{claims: new(lateStore)}
	var faults, found config.Faults
	b.types, found = event.Compile(cfg.Events)
	faults = append(faults, found...)
	b.lookups, found = lookup.New(cfg.Lookups, cfg, log)
	faults = append(faults, found...)

	registry, found = registry.Declare(cfg.HandlerTypes)
	faults = append(faults, found...)
	lookups := make(map[string]handler.Lookup)
	for name := range cfg.Lookups {
		lookups[name] = nil
		if b.lookups != nil {
			lookups[name], _ = b.lookups.Get(name)
		}
	}
	b.pipelines, found = pipeline.Compile(cfg, pipeline.Parts{
		Registry: registry, Types: b.types, Lookups: lookups, Claims: b.claims.scope, Now: time.Now, Log: log,
	})
	faults = append(faults, found...)
	faults = append(faults, lint.Check(cfg, b.pipelines, len(faults) == 0)...)
	faults = append(faults, b.unused(cfg, registry, handler.Deps{Lookups: lookups, Claims: b.claims.scope("")})...)
	return b, faults
}

// unused finds what is wrong with the declared handler types of which no
// pipeline is made. What is wrong with the others was found where they are used.
func (b *built) unused(cfg *config.Config, registry *handler.Registry, d handler.Deps) config.Faults {
	used := make(map[string]bool)
	for _, p := range b.pipelines {
		for _, step := range p.Chain().Steps() {
			for _, use := range step.Uses {
				used[use.Type] = true
			}
		}
	}
	var faults config.Faults
	for name := range cfg.HandlerTypes {
		if !used[name] {
			faults = append(faults, registry.CheckUnused(name, d)...)
		}
	}
	return faults
}

// Check returns every fault of cfg that config.Load leaves to the parts:
// handlers, expressions, schemas, lookups and their files, those of kafka.tls;
// and what is wrong with all of it together, warnings included. It leaves
// nothing running.
func Check(ctx context.Context, cfg *config.Config, registry *handler.Registry) (config.Faults, error) {
	b, faults := build(cfg, registry, slog.New(slog.DiscardHandler))
	_, certificates := kafka.NewCluster(cfg.Kafka, cfg)
	faults = append(faults, certificates...)
	if b.lookups != nil {
		defer b.lookups.Stop()
		var found config.Faults
		if err := b.lookups.Start(ctx); err != nil && !errors.As(err, &found) {
			return nil, err
		}
		faults = append(faults, found...)
	}
	return faults, nil
}

// redriveTopic is where messages go that are sent back to a pipeline.
func (b *built) redriveTopic(name string) (string, bool) {
	for _, p := range b.pipelines {
		if p.Name == name {
			return p.RedriveTopic(), true
		}
	}
	return "", false
}

// lateStore is the store of pipelines that are built before it is opened.
type lateStore struct{ store atomic.Pointer[store.Store] }

func (l *lateStore) open(s *store.Store) { l.store.Store(s) }

func (l *lateStore) scope(pipelineID string) handler.Claims { return lateClaims{l, pipelineID} }

type lateClaims struct {
	late       *lateStore
	pipelineID string
}

var errNoStore = handler.Unavailable(errors.New("the store is not open"))

func (c lateClaims) Take(ctx context.Context, key string, by handler.Claim) (handler.Verdict, error) {
	if s := c.late.store.Load(); s != nil {
		return s.Claims(c.pipelineID).Take(ctx, key, by)
	}
	return 0, errNoStore
}

func (c lateClaims) Look(ctx context.Context, key string, by handler.Claim) (handler.Verdict, error) {
	if s := c.late.store.Load(); s != nil {
		return s.Claims(c.pipelineID).Look(ctx, key, by)
	}
	return 0, errNoStore
}

func (c lateClaims) Release(ctx context.Context, key string, origin handler.Origin) error {
	if s := c.late.store.Load(); s != nil {
		return s.Claims(c.pipelineID).Release(ctx, key, origin)
	}
	return errNoStore
}
