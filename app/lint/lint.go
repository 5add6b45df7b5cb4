// Package lint looks for what is wrong with a configuration as a whole, though
// each part of it is well-formed: what can't work is an error, what works but
// can hardly be meant is a warning.
package lint

import (
	"maps"
	"slices"

	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// Check returns what is wrong with a configuration, as far as its pipelines
// could be built. What is not used it knows only when all were, from types that
// are sound.
func Check(cfg *config.Config, pipelines []*pipeline.Pipeline, sound bool) config.Faults {
	l := &linter{cfg: cfg}
	for _, p := range pipelines {
		if p.Chain() != nil {
			l.pipelines = append(l.pipelines, subject{p.Name, cfg.Pipelines[p.Name], p.Chain()})
		}
	}
	l.topics()
	l.collisions()
	l.unread()
	l.unusedParameters()
	l.lateGuards()
	l.patience()
	if sound && len(l.pipelines) == len(cfg.Pipelines) {
		l.unusedLookups()
		l.unusedTypes()
	}
	return l.faults
}

type linter struct {
	cfg       *config.Config
	pipelines []subject // in the order of their names
	faults    config.Faults
}

// subject is one pipeline as it is written, and as it was built.
type subject struct {
	name  string
	as    config.Pipeline
	chain *handler.Chain
}

// step is a handler of the pipeline.
func (s subject) step(i int) *handler.Step { return s.chain.Step(i) }

func (l *linter) error(f config.Fault) { l.faults = append(l.faults, f) }

func (l *linter) warn(f config.Fault) { l.faults = append(l.faults, f.AsWarning()) }

// readers names the pipelines that subscribe to each topic.
func (l *linter) readers() map[string][]string {
	readers := make(map[string][]string)
	for _, name := range sorted(l.cfg.Pipelines) {
		for _, topic := range l.cfg.Pipelines[name].Subscribe.Topics() {
			readers[topic] = append(readers[topic], name)
		}
	}
	return readers
}

// sorted are the names of a section of the file.
func sorted[T any](section map[string]T) []string { return slices.Sorted(maps.Keys(section)) }
