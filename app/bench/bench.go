package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/trieungochai/kafka-notify/config"
)

// bench is one run of everything.
type bench struct {
	opts  options
	sizes sizes
	dir   string // for everything a run leaves on disk
	progress
	report *report
	runs   int
}

// measurement is one contestant in one scenario. run measures it once, on a
// cluster and under names of its own.
type measurement struct {
	scenario   string
	contestant string
	run        func(ctx context.Context, r *round) (values, error)
}

// values are what one run measured, by metric.
type values map[metric]float64

// round is one run of one measurement.
type round struct {
	*bench
	name    string // of the run: begins the names of its topics
	dir     string
	cluster *cluster
}

// runBench measures everything and writes the results.
func runBench(ctx context.Context, o options, stdout, stderr io.Writer) (err error) {
	standard, err := config.Default(os.LookupEnv)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "kafka-notify-bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if o.profile != "" {
		if o.profile, err = filepath.Abs(o.profile); err != nil {
			return err
		}
		if err := os.MkdirAll(o.profile, 0o750); err != nil {
			return err
		}
	}
	b := &bench{opts: o, sizes: o.sizes(standard.Batch.Messages), dir: dir, progress: newProgress(stderr)}
	b.report = newReport(o, b.sizes)
	if err := b.measureAll(ctx); err != nil {
		return err
	}
	b.report.finish()
	fmt.Fprint(stdout, b.report.text())
	if o.out == "" {
		return nil
	}
	return b.report.write(o.out)
}

// measureAll goes through all measurements, once a repetition: what slows the
// machine for a while then slows every contestant.
func (b *bench) measureAll(ctx context.Context) error {
	all := b.measurements()
	b.total = len(all) * b.opts.repetitions
	for repetition := range b.opts.repetitions {
		for _, m := range all {
			b.begin(fmt.Sprintf("%s · %s · %d/%d", m.scenario, m.contestant, repetition+1, b.opts.repetitions))
			got, err := b.once(ctx, m)
			if err != nil {
				b.end("failed")
				return fmt.Errorf("%s, %s: %w", m.scenario, m.contestant, err)
			}
			b.report.add(m.scenario, m.contestant, got)
			b.end(summary(m.scenario, got))
		}
	}
	return nil
}

// once measures on a fresh cluster.
func (b *bench) once(ctx context.Context, m measurement) (got values, err error) {
	b.runs++
	syscall.Sync() // what the last contestant wrote must not be this one's burden
	r := &round{bench: b, name: "b" + strconv.FormatInt(int64(rand.Uint32()), 36) + "-" + strconv.Itoa(b.runs)}
	r.dir = filepath.Join(b.dir, r.name)
	if err := os.Mkdir(r.dir, 0o750); err != nil {
		return nil, err
	}
	if r.cluster, err = openCluster(ctx, r.name, r.dir, b.opts.brokers); err != nil {
		return nil, err
	}
	if b.report.Broker == "" {
		b.report.Broker = r.cluster.describe(ctx)
	}
	defer func() {
		b.show("cleaning up")
		// The files stay until everything is measured: ext4 is slow to make new
		// ones for minutes after it has deleted thousands.
		err = errors.Join(err, r.cluster.close(ctx))
	}()
	return m.run(ctx, r)
}

// service starts ours on the round's cluster. Its profiles, if any, are named
// after the scenario.
func (r *round) service(ctx context.Context, scenario string, w workload, s serviceConfig) (*child, error) {
	path, topics, err := w.configure(r.dir, r.cluster.brokers, s)
	if err != nil {
		return nil, err
	}
	r.cluster.topics = append(r.cluster.topics, topics...)
	t := task{Config: path}
	if r.opts.profile != "" && s.delivery == config.ExactlyOnce {
		t.Profile = filepath.Join(r.opts.profile, scenario)
	}
	return spawn(ctx, r.dir, "service", t)
}

// stopPatience is how long a contestant may take to leave its group: what it
// did is measured by then.
const stopPatience = 15 * time.Second

// release ends a contestant: in order, where it has profiles to write or a
// group to leave on a cluster that stays. It returns what went wrong before, or
// while it ended.
func (r *round) release(c *child, err error) error {
	if r.cluster.broker != nil && r.opts.profile == "" || err != nil {
		return errors.Join(err, c.kill())
	}
	return c.stop(stopPatience)
}
