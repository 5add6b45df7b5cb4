package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/config"
)

// Source is one topic that a pipeline reads, as a consumer group and with retry
// tiers of its own.
type Source struct {
	Topic string
	ID    string // what group and retry topics are named after
	Group string

	former string // ID under a file with one source instead of several, or the other way round; "" if another pipeline has that name
	pos    string // file:line of its entry in `subscribe`
}

// groupOf is the consumer group of an id: a pipeline's or a source's.
func groupOf(id string) string { return "kafka-notify." + id }

// tierGroup is the consumer group of one of its retry tiers.
func tierGroup(id string, tier int) string { return fmt.Sprintf("%s.retry.%d", groupOf(id), tier) }

func newSources(pc config.Pipeline) []*Source {
	var sources []*Source
	for _, s := range pc.Sources() {
		at := s.Topic.Node.Pos()
		sources = append(sources, &Source{
			Topic: s.Topic.Value, ID: s.ID, Group: groupOf(s.ID), former: s.FormerID,
			pos: fmt.Sprintf("%s:%d", at.File, at.Line),
		})
	}
	return sources
}

// keepApart sees that no source takes what belongs to another pipeline for what
// an earlier file has left of its own.
func keepApart(pipelines []*Pipeline) {
	owner := make(map[string]*Pipeline)
	for _, p := range pipelines {
		owner[p.ID] = p
		for _, s := range p.Sources {
			owner[s.ID] = p
		}
	}
	for _, p := range pipelines {
		for _, s := range p.Sources {
			if of := owner[s.former]; of != nil && of != p {
				s.former = ""
			}
		}
	}
}

// source is the source of that topic, nil without one.
func (p *Pipeline) source(topic string) *Source {
	for _, s := range p.Sources {
		if s.Topic == topic {
			return s
		}
	}
	return nil
}

// ids are all that groups and retry topics of p are, or were, named after.
func (p *Pipeline) ids() []string {
	ids := []string{p.ID}
	for _, s := range p.Sources {
		ids = append(ids, s.ID)
		if s.former != "" {
			ids = append(ids, s.former)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// subscribe is what p reads, as people write it.
func (p *Pipeline) subscribe() string {
	return p.join(func(s *Source) string { return s.Topic })
}

func (p *Pipeline) groups() string {
	return p.join(func(s *Source) string { return s.Group })
}

func (p *Pipeline) join(text func(*Source) string) string {
	texts := make([]string, len(p.Sources))
	for i, s := range p.Sources {
		texts[i] = text(s)
	}
	return strings.Join(texts, ", ")
}

// begin gives the group of a source its first offsets. If the source was read
// under another name, whoever did so must have gone: an instance that ended
// without a word is waited for.
func (s *Source) begin(ctx context.Context, client *kafka.Client, at config.Start, log *slog.Logger) error {
	start := kafka.Start{Oldest: at.Oldest, At: at.Time}
	if s.former != "" {
		start.Former = groupOf(s.former)
	}
	deadline := time.Now().Add(formerPatience)
	for told := false; ; told = true {
		err := client.BeginAt(ctx, s.Group, s.Topic, start)
		switch {
		case !errors.Is(err, kafka.ErrFormerBusy):
			return err
		case time.Now().After(deadline):
			return fmt.Errorf("%s is still read by the group %s, and would be read twice: an instance of the service runs with another "+
				"`subscribe` of this pipeline. Stop all of them before this one starts: %w", s.Topic, start.Former, err)
		case !told:
			log.Warn("waiting until the group that read a topic before is gone", "topic", s.Topic, "group", start.Former, "next", s.Group)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// formerPatience is longer than a group keeps a member that was killed, and a
// broker its transaction.
const formerPatience = 45 * time.Second
