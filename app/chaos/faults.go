package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"
)

// faults brings them about. Each method is one fault: it begins it, ends it, and
// has the recovery measured. It returns when whatever it broke runs again; that
// the service has recovered is waited for by who called.
type faults struct {
	random      *rand.Rand
	fleet       *fleet
	cluster     *cluster
	proxies     proxies
	redis       *redis
	topics      topics
	recoveries  *recoveries
	killsAtOnce int
	log         func(format string, args ...any)
}

// run brings one fault about.
func (f *faults) run(ctx context.Context, fault Fault) error {
	f.log("fault: %s", fault)
	switch fault {
	case Nothing:
		f.recoveries.measure(ctx, Nothing, time.Now())
		return nil
	case KillInstance:
		return f.killInstances(ctx)
	case FreezeInstance:
		return f.freezeInstance(ctx)
	case ScaleInstances:
		return f.scaleInstances(ctx)
	case KillBroker, KillController:
		return f.killBroker(ctx, fault)
	case CutBrokers:
		return f.cutBrokers(ctx)
	case SlowBrokers:
		return f.toxic(ctx, fault, 10*time.Second,
			`{"name":"latency-up","type":"latency","stream":"upstream","attributes":{"latency":100,"jitter":50}}`,
			`{"name":"latency-down","type":"latency","stream":"downstream","attributes":{"latency":100,"jitter":50}}`,
			`{"name":"narrow","type":"bandwidth","stream":"downstream","attributes":{"rate":64}}`) // KB/s a connection
	case ResetBrokers:
		return f.toxic(ctx, fault, 4*time.Second,
			`{"name":"reset","type":"reset_peer","stream":"downstream","attributes":{"timeout":0}}`)
	case KillStore:
		return f.killStore(ctx)
	case RefusePoison:
		return f.refusePoison(ctx)
	case StarvePoison:
		return f.starvePoison(ctx)
	}
	return fmt.Errorf("nobody knows how to bring about %q", fault)
}

// between is a random time from low to high.
func (f *faults) between(low, high time.Duration) time.Duration {
	return low + time.Duration(f.random.Int64N(int64(high-low)))
}

// sleep is false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// victim is any instance; when all are dead at the moment, the first that isn't.
func (f *faults) victim(ctx context.Context) (*instance, error) {
	for {
		if one := f.fleet.pick(f.random); one != nil {
			return one, nil
		}
		if !sleep(ctx, 100*time.Millisecond) {
			return nil, ctx.Err()
		}
	}
}

// killInstances kills several, one after the other, each before the service
// can have recovered from the one before.
func (f *faults) killInstances(ctx context.Context) error {
	restarts := make(chan error, f.killsAtOnce)
	for range f.killsAtOnce {
		victim, err := f.victim(ctx)
		if err != nil {
			return err
		}
		at := time.Now()
		if err := victim.kill(ctx); err != nil {
			return err
		}
		f.log("killed instance %d", victim.number)
		f.recoveries.measure(ctx, KillInstance, at)
		pause := f.between(200*time.Millisecond, 2*time.Second)
		go func() {
			if !sleep(ctx, pause) {
				restarts <- ctx.Err()
				return
			}
			restarts <- victim.start()
		}()
		if !sleep(ctx, f.between(1500*time.Millisecond, 3*time.Second)) {
			return ctx.Err()
		}
	}
	var errs []error
	for range f.killsAtOnce {
		errs = append(errs, <-restarts)
	}
	return errors.Join(append(errs, f.fleet.awaitReady(ctx))...)
}

// freezeInstance stops one for longer than the groups wait for a member, so
// that the others take its partitions. It then goes on amid its work, as if they
// were still its own.
func (f *faults) freezeInstance(ctx context.Context) error {
	victim, err := f.victim(ctx)
	if err != nil {
		return err
	}
	at := time.Now()
	if err := victim.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	f.log("froze instance %d", victim.number)
	f.recoveries.measure(ctx, FreezeInstance, at)
	waited := sleep(ctx, 15*time.Second)
	at = time.Now()
	if err := victim.signal(syscall.SIGCONT); err != nil {
		return err
	}
	if !waited {
		return ctx.Err()
	}
	f.recoveries.measure(ctx, thawed, at)
	return f.fleet.awaitReady(ctx)
}

// scaleInstances adds an instance, and stops any one a few seconds later.
func (f *faults) scaleInstances(ctx context.Context) error {
	at := time.Now()
	one, err := f.fleet.add()
	if err != nil {
		return err
	}
	f.log("added instance %d", one.number)
	f.recoveries.measure(ctx, added, at)
	if err := one.awaitReady(ctx); err != nil {
		return err
	}
	if !sleep(ctx, 3*time.Second) {
		return ctx.Err()
	}
	if one, err = f.victim(ctx); err != nil {
		return err
	}
	at = time.Now()
	f.recoveries.measure(ctx, stopped, at)
	stopping, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	err = f.fleet.remove(stopping, one)
	f.log("stopped instance %d in %v", one.number, time.Since(at).Round(time.Millisecond))
	return err
}

// killBroker kills a broker, the controller or another one, and starts it again
// on its data after the others have noticed.
func (f *faults) killBroker(ctx context.Context, fault Fault) error {
	controller, err := f.cluster.controller(ctx)
	if err != nil {
		return err
	}
	victim := controller
	if fault == KillBroker {
		if victim, err = f.broker(ctx, controller); err != nil {
			return err
		}
	}
	at := time.Now()
	if err := f.cluster.kill(ctx, victim); err != nil {
		return err
	}
	f.log("killed broker %d", victim)
	f.recoveries.measure(ctx, fault, at)
	if !sleep(ctx, f.between(12*time.Second, 18*time.Second)) {
		return ctx.Err()
	}
	return f.restartBroker(ctx, victim)
}

func (f *faults) restartBroker(ctx context.Context, victim int32) error {
	at := time.Now()
	if err := f.cluster.restart(ctx, victim); err != nil {
		return err
	}
	f.recoveries.measure(ctx, returned, at)
	return f.cluster.awaitReplicas(ctx)
}

// broker is any broker but those.
func (f *faults) broker(ctx context.Context, but ...int32) (int32, error) {
	nodes, err := f.cluster.nodes(ctx)
	if err != nil {
		return 0, err
	}
	nodes = slices.DeleteFunc(nodes, func(id int32) bool { return slices.Contains(but, id) })
	if len(nodes) == 0 {
		return 0, errors.New("there is no broker that could be killed")
	}
	return nodes[f.random.IntN(len(nodes))], nil
}

func (f *faults) cutBrokers(ctx context.Context) error {
	f.proxies.stop()
	waited := sleep(ctx, 8*time.Second)
	if err := f.proxies.mend(); err != nil {
		return err
	}
	if !waited {
		return ctx.Err()
	}
	f.recoveries.measure(ctx, CutBrokers, time.Now())
	return nil
}

// toxic puts toxics on every connection for a time.
func (f *faults) toxic(ctx context.Context, fault Fault, lasts time.Duration, toxics ...string) error {
	for _, toxic := range toxics {
		if err := f.proxies.poison(toxic); err != nil {
			return err
		}
	}
	waited := sleep(ctx, lasts)
	if err := f.proxies.heal(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if !waited {
		return ctx.Err()
	}
	f.recoveries.measure(ctx, fault, time.Now())
	return nil
}

func (f *faults) killStore(ctx context.Context) error {
	if err := f.redis.kill(); err != nil {
		return err
	}
	if !sleep(ctx, 3*time.Second) {
		return ctx.Err()
	}
	at := time.Now()
	if err := f.redis.start(ctx); err != nil {
		return err
	}
	f.recoveries.measure(ctx, KillStore, at)
	return nil
}

// refusePoison makes the broker refuse each record of the poison topic for good,
// as it does after a mistake in its limits. The markers of transactions are
// smaller and must pass: a broker that refuses those (as it does with
// message.timestamp.before.max.ms: 0) never ends the transaction.
func (f *faults) refusePoison(ctx context.Context) error {
	const largest = "max.message.bytes"
	if err := f.cluster.configure(ctx, f.topics.poison(), map[string]string{largest: "128"}); err != nil {
		return err
	}
	waited := sleep(ctx, 10*time.Second)
	err := f.cluster.configure(context.WithoutCancel(ctx), f.topics.poison(), map[string]string{largest: poisonBytes})
	if err != nil || !waited {
		return errors.Join(err, ctx.Err())
	}
	f.recoveries.measure(ctx, RefusePoison, time.Now())
	return nil
}

// poisonBytes is more than the largest record that the service makes here.
const poisonBytes = "2097152"

// starvePoison asks for three replicas at every write of the poison topic while
// only two are alive: the broker refuses for the moment, and so for as long as
// it lasts. More replicas than there are would not do: Kafka then takes the
// number there is.
func (f *faults) starvePoison(ctx context.Context) error {
	const needed = "min.insync.replicas"
	leader, err := f.cluster.leader(ctx, f.topics.poison())
	if err != nil {
		return err
	}
	controller, err := f.cluster.controller(ctx)
	if err != nil {
		return err
	}
	victim, err := f.broker(ctx, leader, controller)
	if err != nil {
		return err
	}
	if err := f.cluster.configure(ctx, f.topics.poison(), map[string]string{needed: "3"}); err != nil {
		return err
	}
	if err := f.cluster.kill(ctx, victim); err != nil {
		return err
	}
	f.log("killed broker %d", victim)
	waited := sleep(ctx, 20*time.Second)
	err = f.cluster.configure(context.WithoutCancel(ctx), f.topics.poison(), map[string]string{needed: "2"})
	if err != nil || !waited {
		return errors.Join(err, ctx.Err())
	}
	f.recoveries.measure(ctx, StarvePoison, time.Now())
	return f.restartBroker(ctx, victim)
}
