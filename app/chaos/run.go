package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// lab is everything that a run starts.
type lab struct {
	options    Options
	topics     topics
	cluster    *cluster
	proxies    proxies
	redis      *redis
	late       *late
	fleet      *fleet
	ledger     *ledger
	tail       *tail
	load       *load
	recoveries *recoveries
}

// Run brings the faults of o about under load, and checks the promises. The
// error is that of the run itself; what the service did wrong stands in the
// report.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	began := time.Now()
	random := rand.New(rand.NewPCG(o.Seed, 0))
	order := plan(random, o.Faults)
	o.Log("seed %d, %d faults: %q", o.Seed, len(order), order)

	l := &lab{options: o, topics: newTopics(), ledger: newLedger()}
	defer l.close()
	if err := l.open(ctx); err != nil {
		return nil, err
	}
	o.Log("%d instances are ready; people begin to submit", o.Instances)
	l.load.start(ctx, o.Seed)
	if err := l.warmUp(ctx); err != nil {
		return nil, err
	}
	o.Log("the service keeps up with the load; the faults begin")
	if err := l.bringAbout(ctx, order, random); err != nil {
		return nil, l.keepLogs(ctx, err)
	}
	report, err := l.conclude(ctx)
	if err != nil {
		return nil, l.keepLogs(ctx, err)
	}
	report.Began, report.Took = began, time.Since(began)
	if report.Failed() {
		return report, l.keepLogs(ctx, nil)
	}
	return report, nil
}

// open starts everything but the load, and waits until the service is ready.
func (l *lab) open(ctx context.Context) (err error) {
	o := l.options
	if l.cluster, err = newCluster(o.Brokers, o.Script); err != nil {
		return err
	}
	settings := setup{dir: o.Dir, brokers: o.Brokers, delivery: o.Delivery, topics: l.topics}
	if o.Script != "" {
		if l.proxies, err = startProxies(ctx, l.cluster); err != nil {
			return err
		}
		settings.brokers, settings.replicas = l.proxies.addresses(), min(3, len(l.proxies))
	}
	if o.Store == RedisStore {
		if l.redis, err = startRedis(ctx, o.Dir); err != nil {
			return err
		}
		settings.redis = l.redis.address
	}
	if l.late, err = startLate(); err != nil {
		return err
	}
	settings.lookup = l.late.url
	l.fleet = &fleet{binary: o.Binary, setup: settings, log: o.Log}
	for range o.Instances {
		if _, err := l.fleet.add(); err != nil {
			return err
		}
	}
	if err := l.fleet.awaitReady(ctx); err != nil {
		return err
	}
	if l.tail, err = startTail(o.Brokers, l.topics, l.ledger, o.People); err != nil {
		return err
	}
	l.recoveries = newRecoveries(l.tail, o.Log)
	l.load = newLoad(l.topics, l.fleet, l.ledger, o.People, o.Rate)
	return nil
}

// close ends whatever still runs.
func (l *lab) close() {
	if l.fleet != nil {
		l.fleet.kill()
	}
	if l.tail != nil {
		l.tail.stop()
	}
	if l.late != nil {
		_ = l.late.stop() // nobody asks it any more
	}
	if l.redis != nil {
		_ = l.redis.kill() // neither this one
	}
	l.proxies.stop()
	if l.cluster != nil {
		l.cluster.close()
	}
}

// warmUp waits until everybody's topic is made and the service keeps up with
// the load: where it doesn't, every measure would show the backlog and no fault.
func (l *lab) warmUp(ctx context.Context) error {
	deadline := time.Now().Add(warmWithin)
	for !l.tail.heardSince(time.Now().Add(-keepsUp - 2*l.load.period)) {
		if time.Now().After(deadline) {
			return l.keepLogs(ctx, fmt.Errorf("without any fault the service does not keep up with %d events/s on this machine, %d wait: lower the rate",
				l.options.Rate, l.tail.missing(l.ledger.accepted())))
		}
		if !sleep(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}

// bringAbout has one fault after the other, each after the service has got over
// the one before.
func (l *lab) bringAbout(ctx context.Context, order []Fault, random *rand.Rand) error {
	f := &faults{
		random: random, fleet: l.fleet, cluster: l.cluster, proxies: l.proxies, redis: l.redis, topics: l.topics,
		recoveries: l.recoveries, killsAtOnce: l.options.KillsAtOnce, log: l.options.Log,
	}
	for n, fault := range order {
		if err := f.run(ctx, fault); err != nil {
			return fmt.Errorf("fault %d of %d, %s: %w", n+1, len(order), fault, err)
		}
		l.recoveries.wait()
		if !sleep(ctx, f.between(time.Second, 2*time.Second)) {
			return ctx.Err()
		}
	}
	return nil
}

// conclude ends the load, lets the service work off what it has, stops it, and
// holds the promises against the topics.
func (l *lab) conclude(ctx context.Context) (*Report, error) {
	o := l.options
	o.Log("no more events; waiting until all is worked off")
	l.load.stop()
	accepted := l.ledger.accepted()
	unsettled := l.settle(ctx, accepted)
	evidence := Evidence{Accepted: accepted, Strict: o.strict(), Shared: o.Store == RedisStore}
	var err error
	if one := l.fleet.pick(rand.New(rand.NewPCG(o.Seed, 1))); one != nil {
		if evidence.Lists, err = lists(ctx, one, l.topics, o.People); err != nil {
			return nil, err
		}
	}
	stopping, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	stopErr := l.fleet.stop(stopping)
	if err := l.collect(ctx, &evidence); err != nil {
		return nil, err
	}
	report := &Report{
		Options: o, Findings: Verify(evidence), Accepted: len(accepted), Recoveries: l.recoveries.summary(),
		Kafka: l.cluster.version(ctx), Redis: redisVersion(ctx),
		Other: append(l.load.oddAnswers(), l.recoveries.never...),
	}
	report.Other = append(report.Other, l.fleet.unasked()...)
	for _, err := range []error{unsettled, stopErr} {
		if err != nil {
			report.Other = append(report.Other, err.Error())
		}
	}
	return report, nil
}

// settle waits until every accepted event has come to where it must, nothing
// waits in the source topics and nothing more comes.
func (l *lab) settle(ctx context.Context, accepted []Event) error {
	began := time.Now()
	for {
		missing := l.tail.missing(accepted)
		lag, err := l.lag(ctx)
		if err == nil && missing == 0 && lag == 0 && l.tail.quietFor() > quiet {
			l.options.Log("all is worked off after %v", time.Since(began).Round(time.Millisecond))
			return nil
		}
		if time.Since(began) > settleWithin {
			return errors.Join(fmt.Errorf("not worked off within %v: %d events are missing, the lag is %d", settleWithin, missing, lag), err)
		}
		if !sleep(ctx, 500*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// lag is what waits in the source topics.
func (l *lab) lag(ctx context.Context) (sum int64, err error) {
	for topic, group := range l.topics.groups() {
		lag, err := l.cluster.lag(ctx, group, topic)
		if err != nil {
			return 0, err
		}
		sum += lag
	}
	return sum, nil
}

// collect reads what stands in the topics.
func (l *lab) collect(ctx context.Context, ev *Evidence) error {
	users := l.topics.users(l.options.People)
	others := []string{l.topics.steps(), l.topics.late(), l.topics.poison(), l.topics.stepTier()}
	all, err := l.cluster.read(ctx, append(others, users...)...)
	if err != nil {
		return err
	}
	ev.Sources = append(all[l.topics.steps()], all[l.topics.late()]...)
	ev.Poison, ev.Tiered = all[l.topics.poison()], all[l.topics.stepTier()]
	for _, topic := range users {
		ev.Delivered = append(ev.Delivered, all[topic])
	}
	return nil
}

// keepLogs saves the brokers' logs beside those of the instances, and says
// where; err is what made it necessary.
func (l *lab) keepLogs(ctx context.Context, err error) error {
	l.options.Log("the logs are in %s", l.options.Dir)
	return errors.Join(err, l.cluster.keepLogs(context.WithoutCancel(ctx), l.options.Dir))
}
