package app

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/trieungochai/kafka-notify/app/graph"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// Graph draws cfg, or one pipeline of it if only is not empty. It does no I/O. The
// error is config.Faults where cfg is at fault.
func Graph(cfg *config.Config, registry *handler.Registry, only string) (*graph.Graph, error) {
	if _, ok := cfg.Pipelines[only]; !ok && only != "" {
		return nil, fmt.Errorf("there is no pipeline %q (%s)", only, config.Suggest(only, slices.Sorted(maps.Keys(cfg.Pipelines))))
	}
	b, faults := build(cfg, registry, slog.New(slog.DiscardHandler))
	if b.lookups != nil {
		defer b.lookups.Stop()
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	pipelines := slices.DeleteFunc(b.pipelines, func(p *pipeline.Pipeline) bool { return only != "" && p.Name != only })
	return graph.New(cfg, pipelines), nil
}
