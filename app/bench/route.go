package main

import (
	"context"
	"fmt"
	"time"

	"github.com/trieungochai/kafka-notify/config"
)

// router starts a contestant that turns the workload's events into
// notifications.
type router func(ctx context.Context, r *round, scenario string, w workload) (*child, error)

func exactlyOnce(ctx context.Context, r *round, scenario string, w workload) (*child, error) {
	return r.service(ctx, scenario, w, serviceConfig{delivery: config.ExactlyOnce})
}

func atLeastOnce(ctx context.Context, r *round, scenario string, w workload) (*child, error) {
	return r.service(ctx, scenario, w, serviceConfig{delivery: config.AtLeastOnce})
}

func bareLoop(role string, batch int) router {
	return func(ctx context.Context, r *round, _ string, w workload) (*child, error) {
		return spawn(ctx, r.dir, role, task{
			Brokers: r.cluster.brokers, Topic: w.topic(), Group: w.group(), Batch: batch,
		})
	}
}

// route measures how fast a backlog becomes notifications. The backlog is there
// before the contestant starts, and so are the people's topics, unless they are
// to be new. Afterwards the topics are read back: every event must have become
// one notification.
func (b *bench) route(start router, people int, newPeople bool) func(context.Context, *round) (values, error) {
	return func(ctx context.Context, r *round) (got values, err error) {
		events := b.sizes.Events
		w := newWorkload(r.name, events, people, b.sizes.Partitions)
		b.show("making topics and backlog")
		if err := r.prepare(ctx, w, !newPeople); err != nil {
			return nil, err
		}
		if err := r.cluster.fill(ctx, w, events); err != nil {
			return nil, err
		}
		b.show("starting")
		scenario := fmt.Sprintf("route-%d", people)
		if newPeople {
			scenario += "-new"
		}
		// The first snapshot shows nothing: a short run may be over at the second.
		watch := &watch{cluster: r.cluster, w: w, discover: newPeople, snapshots: []snapshot{{at: time.Now()}}}
		contestant, err := start(ctx, r, scenario, w)
		if err != nil {
			return nil, err
		}
		err = watch.follow(ctx, contestant, events, func(done int) { b.bar(done, events) })
		if err := r.release(contestant, err); err != nil {
			return nil, err
		}
		b.show("reading back")
		d, err := r.cluster.readBack(ctx, w, events, watch.topics)
		if err != nil {
			return nil, err
		}
		if d.events != events {
			return nil, fmt.Errorf("%d of %d events became notifications: the others are lost, dropped or poisoned\n%w",
				d.events, events, contestant.failure("said"))
		}
		p := watch.pace(d.offsets, d.records)
		return values{
			eventRate: p.perSecond, memory: float64(p.resident), cores: p.cores,
			repeats: float64(d.records - d.events),
		}, nil
	}
}

// prepare makes the event topic and, where the people are known, theirs.
func (r *round) prepare(ctx context.Context, w workload, people bool) error {
	if err := r.cluster.create(ctx, w.partitions, w.topic()); err != nil {
		return err
	}
	if !people {
		// They will be there when the run is over.
		r.cluster.topics = append(r.cluster.topics, w.deliveryTopics()...)
		return nil
	}
	return r.cluster.create(ctx, 1, w.deliveryTopics()...)
}
