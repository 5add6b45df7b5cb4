package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
)

const (
	// childCommand is the first argument of a child process.
	childCommand = "child"
	// readyLine begins the line by which a child says that it is ready; its
	// address follows where it listens.
	readyLine = "ready "
)

// roles are what a child can be. Each runs until ctx ends.
var roles = map[string]func(ctx context.Context, t task) error{
	"broker":              runBroker,
	"service":             runService,
	"sarama-loop":         runSaramaLoop,
	"franz-loop":          runFranzLoop,
	"franz-transactional": runTransactionalLoop,
	"handler":             runHandler,
	"async-producer":      runAsyncProducer,
}

// childMain runs the role that args name until stdin is closed, which the death
// of the parent does too.
func childMain(args []string) int {
	if len(args) != 2 || roles[args[0]] == nil {
		fmt.Fprintln(os.Stderr, "bench: this is how bench starts its own children")
		return 2
	}
	var t task
	if err := json.Unmarshal([]byte(args[1]), &t); err != nil {
		fmt.Fprintln(os.Stderr, "bench: the child's task:", err)
		return 2
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if err := roles[args[0]](ctx, t); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// ready tells the parent that the child is ready.
func ready(addr string) { fmt.Println(readyLine + addr) }

func warnings() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}
