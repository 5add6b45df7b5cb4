package main

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/trieungochai/kafka-notify/config"
)

// submit measures our HTTP front: single events, or NDJSON requests of several,
// over connections that each wait for their answer. The pipeline of the service
// reads another event type, as the baselines have none.
func (b *bench) submit(batch, connections int) func(context.Context, *round) (values, error) {
	return func(ctx context.Context, r *round) (values, error) {
		w := newWorkload(r.name, b.sizes.People, b.sizes.People, b.sizes.Partitions)
		if err := r.prepare(ctx, w, false); err != nil {
			return nil, err
		}
		name := "submit"
		if batch > 1 {
			name = "batch"
		}
		service, err := r.service(ctx, name, w, serviceConfig{delivery: config.ExactlyOnce, idle: true})
		if err != nil {
			return nil, err
		}
		got, err := r.flood(ctx, service, w, batch, connections)
		return got, r.release(service, err)
	}
}

// submitBare measures the tutorial's front with the same requests.
func (b *bench) submitBare(connections int) func(context.Context, *round) (values, error) {
	return func(ctx context.Context, r *round) (values, error) {
		w := newWorkload(r.name, b.sizes.People, b.sizes.People, b.sizes.Partitions)
		if err := r.prepare(ctx, w, false); err != nil {
			return nil, err
		}
		handler, err := spawn(ctx, r.dir, "handler", task{Brokers: r.cluster.brokers, Topic: w.topic()})
		if err != nil {
			return nil, err
		}
		got, err := r.flood(ctx, handler, w, 1, connections)
		return got, r.release(handler, err)
	}
}

// flood submits for a while and counts what is answered with a 202 once the
// warm-up is over. In the end every accepted event must stand in the topic.
func (r *round) flood(ctx context.Context, server *child, w workload, batch, connections int) (values, error) {
	if err := awaitReady(ctx, server.addr); err != nil {
		return nil, err
	}
	r.show("submitting")
	var accepted atomic.Int64
	flooding, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- flood(flooding, server.addr, connections, w.requests(server.addr, batch), &accepted) }()
	got, err := r.during(ctx, server, func() (int64, error) { return accepted.Load() * int64(batch), nil })
	stop()
	if flooded := <-ended; flooded != nil {
		return nil, flooded
	}
	if err != nil {
		return nil, err
	}
	written, err := r.cluster.written(ctx, w.topic(), w.partitions)
	if all := accepted.Load() * int64(batch); err == nil && written < all {
		err = fmt.Errorf("%d events were accepted, and %d stand in the topic", all, written)
	}
	return got, err
}

// during measures how fast count grows between the end of the warm-up and that
// of the measurement.
func (r *round) during(ctx context.Context, contestant *child, count func() (int64, error)) (values, error) {
	var counts [2]int64
	var used [2]usage
	var at [2]time.Time
	for i, wait := range []time.Duration{r.sizes.WarmUp, r.sizes.Submit} {
		select {
		case <-time.After(wait):
		case <-contestant.done:
			return nil, contestant.ended()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		var err error
		if counts[i], err = count(); err != nil {
			return nil, err
		}
		used[i], at[i] = contestant.usage(), time.Now()
	}
	seconds := at[1].Sub(at[0]).Seconds()
	return values{
		acceptRate: float64(counts[1]-counts[0]) / seconds,
		memory:     float64(used[1].peak),
		cores:      (used[1].cpu - used[0].cpu).Seconds() / seconds,
	}, nil
}

// requests are made once and sent in turn: events of all people, without ids,
// so that the server gives each its own.
func (w workload) requests(addr string, batch int) [][]byte {
	requests := make([][]byte, 0, w.people)
	for first := 0; first < w.people; first += batch {
		var body bytes.Buffer
		for i := range batch {
			if i > 0 {
				body.WriteByte('\n')
			}
			fmt.Fprintf(&body, `{"type":%q,"data":%s}`, w.eventType(), w.data((first+i)%w.people))
		}
		contentType := "application/json"
		if batch > 1 {
			contentType = "application/x-ndjson"
		}
		requests = append(requests, postRequest(addr, contentType, body.Bytes()))
	}
	return requests
}

// produceBare measures a bare AsyncProducer that is fed the same events, by
// what the broker has of them.
func (b *bench) produceBare(ctx context.Context, r *round) (values, error) {
	w := newWorkload(r.name, b.sizes.People, b.sizes.People, b.sizes.Partitions)
	if err := r.prepare(ctx, w, false); err != nil {
		return nil, err
	}
	producer, err := spawn(ctx, r.dir, "async-producer", task{
		Brokers: r.cluster.brokers, Run: w.run, People: w.people, Followers: w.followers,
	})
	if err != nil {
		return nil, err
	}
	r.show("producing")
	got, err := r.during(ctx, producer, func() (int64, error) {
		return r.cluster.written(ctx, w.topic(), w.partitions)
	})
	return got, r.release(producer, err)
}
