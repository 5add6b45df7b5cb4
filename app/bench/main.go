// Command bench measures the service beside its baselines: everything on the
// same broker, in the same run, each contestant in a process of its own. What
// is measured, and how, stands in docs/performance.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	_ "github.com/trieungochai/kafka-notify/handlers" // the built-in handler types
)

func main() { os.Exit(run(os.Args[1:])) }

// run is main without its exit. Contestants and the broker are this same binary,
// started again with childCommand as its first argument.
func run(args []string) int {
	if len(args) > 0 && args[0] == childCommand {
		return childMain(args[1:])
	}
	o, err := parseOptions(args, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := runBench(ctx, o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}
