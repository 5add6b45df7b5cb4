package cli_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/trieungochai/kafka-notify/app/cli"
	_ "github.com/trieungochai/kafka-notify/handlers" // as main does
)

// TestMain lets the test binary be kafka-notify itself, as the scripts run it,
// and otherwise runs the tests.
func TestMain(m *testing.M) {
	testscript.Main(leakCheck{m}, map[string]func(){"kafka-notify": kafkaNotify})
}

// kafkaNotify is what main is.
func kafkaNotify() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// leakCheck fails when goroutines outlive the tests.
type leakCheck struct{ *testing.M }

func (l leakCheck) Run() int {
	code := l.M.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
