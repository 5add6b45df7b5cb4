// Command kafka-notify is a notification router on Kafka.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/trieungochai/kafka-notify/app/cli"
	_ "github.com/trieungochai/kafka-notify/handlers" // the built-in handler types
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	return cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}
