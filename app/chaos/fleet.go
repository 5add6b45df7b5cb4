package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// fleet is all instances, and the supervisor that starts those again that end
// by themselves.
type fleet struct {
	binary string
	setup  setup
	log    func(format string, args ...any)

	mu      sync.Mutex
	members []*instance
	numbers int // given so far
	deaths  []string
	closed  bool
}

// supervisorPause is how long a supervisor waits before it starts a process
// again that has ended by itself.
const supervisorPause = time.Second

// add starts one more instance, and returns before it is ready.
func (f *fleet) add() (*instance, error) {
	listen, err := freeAddress()
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.numbers++
	number := f.numbers
	f.mu.Unlock()
	dir, err := f.setup.write(number, listen)
	if err != nil {
		return nil, err
	}
	i := &instance{number: number, url: "http://" + listen, binary: f.binary, dir: dir, died: f.died}
	if err := i.start(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.members = append(f.members, i)
	f.mu.Unlock()
	return i, nil
}

// died keeps what an instance died of that nobody ended, and starts it again.
func (f *fleet) died(i *instance, err error) {
	f.mu.Lock()
	death := fmt.Sprintf("instance %d ended by itself at %s (%v), see %s",
		i.number, time.Now().UTC().Format(time.TimeOnly), err, i.log())
	f.deaths = append(f.deaths, death)
	f.mu.Unlock()
	f.log("%s", death)
	time.AfterFunc(supervisorPause, func() {
		f.mu.Lock()
		wanted := !f.closed && slices.Contains(f.members, i)
		f.mu.Unlock()
		if wanted {
			_ = i.start() // it may have been started by the fault that ended it
		}
	})
}

// remove ends an instance for good, as an operator does.
func (f *fleet) remove(ctx context.Context, i *instance) error {
	err := i.end(ctx, syscall.SIGTERM)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.members = slices.DeleteFunc(f.members, func(m *instance) bool { return m == i })
	if err != nil {
		return fmt.Errorf("instance %d was stopped (SIGTERM) and failed, see %s: %w", i.number, i.log(), err)
	}
	return nil
}

// pick is any instance that runs, nil when none does.
func (f *fleet) pick(random *rand.Rand) *instance {
	f.mu.Lock()
	defer f.mu.Unlock()
	var alive []*instance
	for _, i := range f.members {
		if i.running() {
			alive = append(alive, i)
		}
	}
	if len(alive) == 0 {
		return nil
	}
	return alive[random.IntN(len(alive))]
}

// all are the members.
func (f *fleet) all() []*instance {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.members)
}

// awaitReady waits until every instance is ready.
func (f *fleet) awaitReady(ctx context.Context) error {
	var group errgroup.Group
	for _, i := range f.all() {
		group.Go(func() error { return i.awaitReady(ctx) })
	}
	return group.Wait()
}

// stop ends all instances in good order. The error tells of those that failed
// at it.
func (f *fleet) stop(ctx context.Context) error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	var group sync.WaitGroup
	members := f.all()
	errs := make([]error, len(members))
	for n, i := range members {
		group.Go(func() { errs[n] = f.remove(ctx, i) })
	}
	group.Wait()
	return errors.Join(errs...)
}

// kill ends whatever still runs.
func (f *fleet) kill() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, i := range f.all() {
		_ = i.kill(ctx) // it may have ended already
	}
}

// unasked are the ends that nobody asked for.
func (f *fleet) unasked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.deaths)
}
