// Package schema is the JSON Schema of the configuration file, for editors: the file's own keys, and
// the handler types that there are.
package schema

import (
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// Of returns the schema of a configuration whose handlers are those of the registry and those that
// cfg declares. In it lookups, topics and pipelines have to be among those of cfg, which may have
// faults; nil is one of which nothing is known.
func Of(registry *handler.Registry, cfg *config.Config) *config.JSONSchema {
	if cfg != nil {
		// What is wrong with a type is a matter of the file: it can be used all the same.
		registry, _ = registry.Declare(cfg.HandlerTypes)
	}
	names := cfg.Names()
	s := config.FileSchema(names)
	s.Definitions = registry.Definitions(names)
	return s
}
