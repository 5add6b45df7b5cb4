package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/trieungochai/kafka-notify/config"
)

// journey is the measurement of how long events take: when each was due, and
// when its notification could be read.
type journey struct {
	w        workload
	rate     int            // events a second
	start    time.Time      // when the first is due
	readable []atomic.Int64 // nanoseconds after due; 0: not yet
	left     atomic.Int64   // of those that count
	warm     int            // the first that counts
	// counts says which events are measured.
	counts func(n int) bool
}

// newJourney has the events of a warm-up and a measurement, at the rate of the
// latency scenarios.
func (r *round) newJourney(length time.Duration, counts func(recipient int) bool) *journey {
	warm := int(r.sizes.WarmUp.Seconds() * float64(r.sizes.Rate))
	events := warm + int(length.Seconds()*float64(r.sizes.Rate))
	w := newWorkload(r.name, events, r.sizes.People, r.sizes.Partitions)
	j := &journey{w: w, rate: r.sizes.Rate, readable: make([]atomic.Int64, events), warm: warm}
	j.counts = func(n int) bool { return n >= warm && counts(n%w.people) }
	for n := range events {
		if j.counts(n) {
			j.left.Add(1)
		}
	}
	return j
}

func everybody(int) bool { return true }

// due is when an event should be sent. One that is sent late counts from then
// all the same, or a slow contestant would slow its own measurement down.
func (j *journey) due(n int) time.Time {
	return j.start.Add(time.Duration(n) * time.Second / time.Duration(j.rate))
}

// saw notes the first time that an event's notification is read.
func (j *journey) saw(n int, at time.Time) {
	if n < 0 || n >= len(j.readable) || j.readable[n].Load() > 0 {
		return
	}
	j.readable[n].Store(max(at.Sub(j.due(n)).Nanoseconds(), 1))
	if j.counts(n) {
		j.left.Add(-1)
	}
}

// travel sends all events at their rate and waits for those that count.
func (r *round) travel(ctx context.Context, j *journey, contestant *child, send func(n int, sent func(error))) (values, error) {
	j.start = time.Now().Add(100 * time.Millisecond)
	reader, err := r.cluster.newReader(ctx, j.w, j.saw)
	if err != nil {
		return nil, err
	}
	defer reader.close()
	var refused atomic.Pointer[error]
	var begin usage
	begun := time.Now()
	for n := range j.readable {
		if wait := time.Until(j.due(n)); wait > 0 {
			time.Sleep(wait)
		}
		if n == j.warm {
			begin, begun = contestant.usage(), time.Now()
		}
		send(n, func(err error) {
			if err != nil {
				refused.CompareAndSwap(nil, &err)
			}
		})
		if n%r.sizes.Rate == 0 {
			r.bar(n, len(j.readable))
		}
		if ctx.Err() != nil || refused.Load() != nil {
			break
		}
	}
	used, busy := contestant.usage(), time.Since(begun)
	for end := time.Now().Add(r.sizes.Settle); j.left.Load() > 0 && refused.Load() == nil &&
		time.Now().Before(end) && ctx.Err() == nil; {
		time.Sleep(5 * time.Millisecond)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := contestant.ended(); err != nil {
		return nil, err
	}
	if err := refused.Load(); err != nil {
		return nil, fmt.Errorf("an event was not accepted: %w", *err)
	}
	got := j.result()
	got[memory], got[cores] = float64(used.peak), (used.cpu-begin.cpu).Seconds()/busy.Seconds()
	return got, nil
}

// result are the percentiles of the events that count. One that is not readable
// by the end counts with the time that it has waited.
func (j *journey) result() values {
	now := time.Now()
	var took []time.Duration
	lost := 0
	for n := range j.readable {
		if !j.counts(n) {
			continue
		}
		d := time.Duration(j.readable[n].Load())
		if d == 0 {
			lost++
			d = now.Sub(j.due(n))
		}
		took = append(took, d)
	}
	slices.Sort(took)
	at := func(share float64) float64 {
		return took[int(share*float64(len(took)-1))].Seconds() * 1000
	}
	return values{median: at(0.5), tail: at(0.99), late: float64(lost)}
}

// latencyOfService measures ours, from the POST on.
func (b *bench) latencyOfService(ctx context.Context, r *round) (values, error) {
	j := r.newJourney(b.sizes.Latency, everybody)
	return r.travelByHTTP(ctx, j, "latency", serviceConfig{delivery: config.ExactlyOnce})
}

// travelByHTTP starts the service and posts the events to it.
func (r *round) travelByHTTP(ctx context.Context, j *journey, name string, s serviceConfig) (values, error) {
	if err := r.prepare(ctx, j.w, true); err != nil {
		return nil, err
	}
	service, err := r.service(ctx, name, j.w, s)
	if err != nil {
		return nil, err
	}
	got, err := r.post(ctx, j, service)
	return got, r.release(service, err)
}

// post sends each event over the next free one of the connections.
func (r *round) post(ctx context.Context, j *journey, service *child) (values, error) {
	if err := awaitReady(ctx, service.addr); err != nil {
		return nil, err
	}
	type posting struct {
		n    int
		sent func(error)
	}
	postings := make(chan posting, len(j.readable)) // sending never waits
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(postings)
	for range r.sizes.Connections {
		c, err := dial(service.addr)
		if err != nil {
			return nil, err
		}
		wg.Go(func() {
			defer func() { _ = c.Close() }()
			for p := range postings {
				body := fmt.Appendf(nil, `{"id":%q,"type":%q,"data":%s}`, j.w.eventID(p.n), j.w.eventType(), j.w.data(p.n))
				err := c.send(postRequest(service.addr, "application/json", body))
				p.sent(err)
				if err != nil {
					return
				}
			}
		})
	}
	return r.travel(ctx, j, service, func(n int, sent func(error)) { postings <- posting{n, sent} })
}

// latencyOfLoop measures a bare producer, a bare transactional loop and a bare
// consumer.
func (b *bench) latencyOfLoop(ctx context.Context, r *round) (values, error) {
	j := r.newJourney(b.sizes.Latency, everybody)
	if err := r.prepare(ctx, j.w, true); err != nil {
		return nil, err
	}
	loop, err := bareLoop("franz-transactional", b.sizes.Transaction)(ctx, r, "", j.w)
	if err != nil {
		return nil, err
	}
	got, err := r.produce(ctx, j, loop)
	return got, r.release(loop, err)
}

func (r *round) produce(ctx context.Context, j *journey, loop *child) (values, error) {
	producer, err := kgo.NewClient(kgo.SeedBrokers(r.cluster.brokers...), kgo.ProducerLinger(0),
		kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return nil, err
	}
	defer producer.Close()
	return r.travel(ctx, j, loop, func(n int, sent func(error)) {
		rec, err := j.w.record(n, time.Now())
		if err != nil {
			sent(err)
			return
		}
		producer.Produce(ctx, rec, func(_ *kgo.Record, err error) { sent(err) })
	})
}

// latencyOfOthers measures ours with an HTTP lookup that answers 500 for
// share percent of the people: an error that may heal, so their messages are
// tried again in place and then take the tiers. Only the others' count.
func (b *bench) latencyOfOthers(share int) func(context.Context, *round) (values, error) {
	return func(ctx context.Context, r *round) (values, error) {
		// Without failures the same people count as with them.
		others := func(recipient int) bool { return recipient%10 != 0 }
		j := r.newJourney(b.sizes.Failing, others)
		fails := func(recipient int) bool { return share > 0 && !others(recipient) }
		url, stop, err := j.w.lookup(fails)
		if err != nil {
			return nil, err
		}
		defer stop()
		name := "healthy"
		if share > 0 {
			name = "failing"
		}
		return r.travelByHTTP(ctx, j, name, serviceConfig{delivery: config.ExactlyOnce, users: url})
	}
}

// lookup serves the workload's people over HTTP, but for those that fail.
func (w workload) lookup(fails func(person int) bool) (url string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		key := strings.TrimPrefix(req.URL.Path, "/users/")
		number, isPerson := strings.CutPrefix(key, w.run+"-p")
		if n, err := strconv.Atoi(number); isPerson && err == nil && fails(n) {
			http.Error(rw, "the people are being repaired", http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(rw, `{"name":%q}`, "Person "+key)
	})}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // it says that stop has closed it
	}()
	stop = func() {
		_ = server.Close()
		<-served
	}
	return "http://" + listener.Addr().String() + "/users/{key}", stop, nil
}
