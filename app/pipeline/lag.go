package pipeline

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/trieungochai/kafka-notify/app/record"
)

// Status is what every pipeline is and does; it asks the cluster for the lag.
func (r *Router) Status(ctx context.Context) []Status {
	all := make([]Status, 0, len(r.pipelines))
	for _, p := range r.pipelines {
		all = append(all, r.status(ctx, p))
	}
	return all
}

// Resume lets the pipeline of that name go on, if it has paused itself, and
// returns its status; false when there is no such pipeline. It is for this
// process alone: each has a breaker of its own.
func (r *Router) Resume(ctx context.Context, name string) (Status, bool) {
	for _, p := range r.pipelines {
		if p.Name == name {
			p.Resume()
			return r.status(ctx, p), true
		}
	}
	return Status{}, false
}

func (r *Router) status(ctx context.Context, p *Pipeline) Status {
	s := Status{
		Name: p.Name, ID: p.ID, Subscribe: p.subscribe(), Group: p.groups(), Sources: make([]SourceStatus, len(p.Sources)),
		State: Running, Delivery: p.delivery,
		Breaker:   p.breaker.status(),
		Delivered: p.delivered.Load(), Dropped: p.droppedTotal.Load(),
		Retried: p.retried.Load(), Poisoned: p.poisoned.Load(),
		Drops: p.counts.all(), Steps: p.Steps(), Rates: p.history.rates(p.sample()), DeliveredBySecond: p.history.delivered(),
	}
	for i, source := range p.Sources {
		s.Sources[i] = SourceStatus{Topic: source.Topic, Group: source.Group, Lag: -1}
	}
	for _, step := range p.chain.Steps() {
		s.Handlers = append(s.Handlers, step.Type)
	}
	var errs []error
	for _, l := range r.loops {
		if l.pipeline == p {
			r.measure(ctx, l, &s)
			errs = append(errs, l.sub.Err())
		}
	}
	r.total(&s)
	if err := errors.Join(errs...); err != nil {
		s.Error = err.Error()
	}
	switch {
	case r.stopped.Load():
		s.State = Stopped
	case s.Breaker != nil:
		s.State = Paused
	case s.Error != "" || p.waiting.messages.Load() > 0:
		s.State = Waiting
	}
	return s
}

// measure adds one group's lag to its pipeline's status, and to the metrics.
func (r *Router) measure(ctx context.Context, l *loop, s *Status) {
	lag, oldest := int64(-1), time.Time{}
	if lags, err := r.wiring.Client.Lag(ctx, l.group, l.topic); err == nil {
		lag = 0
		for _, at := range lags {
			lag += at.Lag()
			if l.tier == sourceTier {
				oldest = earlier(oldest, acceptedAt(at.First))
			}
		}
		r.wiring.Metrics.lag.WithLabelValues(s.Name, l.topic).Set(float64(lag))
	}
	if l.tier != sourceTier {
		var delay time.Duration
		if l.tier > redriveTier && l.tier <= len(l.pipeline.retry.Later) {
			delay = l.pipeline.retry.Later[l.tier-1]
		}
		s.Tiers = append(s.Tiers, TierStatus{Topic: l.topic, DelaySeconds: delay.Seconds(), Lag: lag})
		return
	}
	source := &s.Sources[slices.IndexFunc(s.Sources, func(of SourceStatus) bool { return of.Topic == l.topic })]
	source.Lag = lag
	if !oldest.IsZero() {
		source.OldestUnprocessedSeconds = max(0, time.Since(oldest).Seconds())
	}
}

// total sums up the sources of a status, in it and in the metrics.
func (r *Router) total(s *Status) {
	for _, source := range s.Sources {
		if s.Lag += source.Lag; source.Lag < 0 {
			s.Lag = -1
			break
		}
	}
	for _, source := range s.Sources {
		s.OldestUnprocessedSeconds = max(s.OldestUnprocessedSeconds, source.OldestUnprocessedSeconds)
	}
	r.wiring.Metrics.oldest.WithLabelValues(s.Name).Set(s.OldestUnprocessedSeconds)
}

// acceptedAt is when a record was accepted; the zero time without a record.
func acceptedAt(rec *record.Record) time.Time {
	if rec == nil {
		return time.Time{}
	}
	if accepted, err := time.Parse(time.RFC3339Nano, rec.Get(record.HeaderAcceptedAt)); err == nil {
		return accepted
	}
	return rec.Timestamp
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// Watch keeps the lag metrics fresh until ctx ends.
func (r *Router) Watch(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			asking, cancel := context.WithTimeout(ctx, every)
			r.Status(asking)
			cancel()
		}
	}
}
