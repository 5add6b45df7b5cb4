//go:build chaos || kafka

package chaos_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/trieungochai/kafka-notify/app/chaos"
	"github.com/trieungochai/kafka-notify/config"
)

// setting is a variable of the environment, or what counts without it.
func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// number is a setting that is one.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(setting(name, strconv.FormatUint(otherwise, 10)), 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// options are what both forms have in common. The folder stays when the test
// fails.
func options(t *testing.T) chaos.Options {
	t.Helper()
	dir, err := os.MkdirTemp("", "kafka-notify-chaos-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			_ = os.RemoveAll(dir)
		}
	})
	binary := os.Getenv("CHAOS_BINARY") // another one than this tree's
	if binary == "" {
		binary = filepath.Join(dir, "kafka-notify")
		build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../kafka-notify")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, out)
		}
	}
	began := time.Now()
	return chaos.Options{
		Binary: binary, Dir: dir,
		Delivery: setting("CHAOS_DELIVERY", config.ExactlyOnce),
		Store:    setting("CHAOS_STORE", chaos.DefaultStore),
		Seed:     number(t, "CHAOS_SEED", rand.Uint64N(1e6)),
		Log: func(format string, args ...any) {
			t.Logf("%6.1f s  %s", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
		},
	}
}

// run runs, and fails the test where the service broke a promise.
func run(t *testing.T, o chaos.Options) *chaos.Report {
	t.Helper()
	report, err := chaos.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", report.Text())
	if report.Failed() {
		file := filepath.Join(o.Dir, "failures.txt")
		if err := os.WriteFile(file, []byte(report.Failures(true)), 0o600); err != nil {
			t.Error(err)
		}
		t.Errorf("promises were broken: all of it is in %s, beside the logs", file)
	}
	return report
}
