package app

import (
	"context"
	"errors"
	"fmt"
)

// teardown is one named step of stopping.
type teardown struct {
	name string
	stop func(context.Context) error
}

// onStop adds a step; the steps run in reverse order.
func (a *App) onStop(name string, stop func(context.Context) error) {
	a.onStops = append(a.onStops, teardown{name, stop})
}

// background runs work until its step of stopping.
func (a *App) background(name string, work func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		work(ctx)
	}()
	a.onStop(name, func(context.Context) error {
		cancel()
		<-done
		return nil
	})
}

// Stop takes the service down: readiness off, HTTP drained, no new messages,
// those in flight finished and committed, publishers closed, broker and store
// last. What ctx cuts short is redelivered by the next start. Calling it again
// does nothing.
func (a *App) Stop(ctx context.Context) error {
	a.stopping.Store(true)
	var errs []error
	for len(a.onStops) > 0 {
		last := a.onStops[len(a.onStops)-1]
		a.onStops = a.onStops[:len(a.onStops)-1]
		if err := last.stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", last.name, err))
		}
	}
	return errors.Join(errs...)
}
