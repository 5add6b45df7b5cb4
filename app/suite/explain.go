package suite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/lookup"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/store"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// Explanation is what would become of an event.
type Explanation struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	// Refused is why the service would not accept it, "" where it would: then
	// Topic and Key are those of its record.
	Refused string `json:"refused,omitempty"`
	Topic   string `json:"topic,omitempty"`
	Key     string `json:"key,omitempty"`
	// Pipelines are what those that read it would make of it, by name.
	Pipelines []action.Trial `json:"pipelines"`
}

// Explain says what would become of an event, written as it is posted: native
// JSON or a CloudEvent. Lookups are asked; nothing is published, and no claim is
// looked at or taken. Of several pipelines that read the event only says which
// is meant; "" are all. The error is config.Faults where the configuration is at
// fault.
func Explain(ctx context.Context, cfg *config.Config, registry *handler.Registry, text []byte, only string) (*Explanation, error) {
	e, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("read the event: %w", err)
	}
	lookups, faults := lookup.New(cfg.Lookups, cfg, slog.New(slog.DiscardHandler))
	if err := faults.Err(); err != nil {
		return nil, err
	}
	defer lookups.Stop()
	if err := lookups.Start(ctx); err != nil {
		return nil, err
	}
	claims := store.OpenMemory(time.Now)
	defer func() { _ = claims.Close() }() // nothing of it is kept
	parts := pipeline.Parts{Lookups: make(map[string]handler.Lookup), Claims: claims.Claims, Now: time.Now}
	for _, name := range lookups.Names() {
		parts.Lookups[name], _ = lookups.Get(name)
	}
	types, pipelines, err := compile(cfg, registry, parts)
	if err != nil {
		return nil, err
	}
	t, ok := types.Get(e.Type)
	if !ok {
		return nil, errors.New(types.Unknown(e.Type))
	}
	readers := cfg.Readers(e.Type)
	if only != "" {
		if !slices.Contains(readers, only) {
			return nil, fmt.Errorf("no pipeline %q reads events of type %s (%s)", only, e.Type, config.Suggest(only, readers))
		}
		readers = []string{only}
	}
	if e.ID == "" {
		e.ID = uuid.Must(uuid.NewV7()).String()
	}
	x := &Explanation{ID: e.ID, Type: e.Type, Pipelines: []action.Trial{}}
	rec, refused := accept(e, t, time.Now().UTC())
	if refused != nil {
		x.Refused = refused.err.Error()
		return x, nil
	}
	x.Topic, x.Key = rec.Topic, string(rec.Key)
	for _, name := range readers {
		x.Pipelines = append(x.Pipelines, pipelines[name].Try(ctx, rec))
	}
	return x, nil
}
