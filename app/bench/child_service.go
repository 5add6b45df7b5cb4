package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"

	"github.com/trieungochai/kafka-notify/app"
	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// runBroker is the embedded broker, as the service opens it, in a process of
// its own.
func runBroker(ctx context.Context, t task) error {
	broker, err := kafka.OpenBroker(ctx, "127.0.0.1:0", t.Dir, warnings())
	if err != nil {
		return err
	}
	ready(broker.Addr())
	<-ctx.Done()
	return broker.Close()
}

// runService is the service itself.
func runService(ctx context.Context, t task) error {
	cfg, err := config.Load(os.LookupEnv, t.Config)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	finish := func() error { return nil }
	if t.Profile != "" {
		if finish, err = startProfile(t.Profile); err != nil {
			return err
		}
	}
	// The profiles end before the stopping begins.
	var profiled error
	context.AfterFunc(ctx, func() {
		profiled = finish()
		stop()
	})
	o := app.Options{Config: cfg, Registry: handler.Default(), Logger: warnings()}
	err = app.Run(running, o, func(a *app.App) { ready(a.Addr()) })
	return errors.Join(err, profiled)
}

// startProfile begins a CPU profile; finish ends it and writes one of the heap:
// what is in use at the end, and all that was allocated.
func startProfile(name string) (finish func() error, err error) {
	cpu, err := os.Create(name + ".cpu.pprof")
	if err != nil {
		return nil, fmt.Errorf("make a CPU profile: %w", err)
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, fmt.Errorf("make a CPU profile: %w", err)
	}
	return func() error {
		pprof.StopCPUProfile()
		heap, err := os.Create(name + ".heap.pprof")
		if err != nil {
			return fmt.Errorf("make a heap profile: %w", errors.Join(err, cpu.Close()))
		}
		runtime.GC()
		return errors.Join(pprof.WriteHeapProfile(heap), heap.Close(), cpu.Close())
	}, nil
}
