package lint_test

import (
	"errors"
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/app"
	"github.com/trieungochai/kafka-notify/config"
	_ "github.com/trieungochai/kafka-notify/handlers"
	"github.com/trieungochai/kafka-notify/handlers/handler"
	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

var update = flag.Bool("update", false, "write what is found into the .want files")

// cases are configurations in which every part is well-formed YAML, and something is wrong all the
// same, or, with warnings alone, hardly meant.
const cases = "../../config/testdata/check"

func env(name string) (string, bool) { return "hunter2", name == "SECRET" }

// TestCheck checks every file of cases and compares what is found with the .want file beside it. A
// new case is a new file, and a run with -update.
func TestCheck(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(cases, "*.yaml"))
	if err != nil || len(files) < 36 {
		t.Fatalf("%d cases found: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			got := strings.ReplaceAll(found(t, file), cases+"/", "") + "\n"
			handlertest.NoSecret(t, got, "hunter2")
			handlertest.Golden(t, strings.TrimSuffix(file, ".yaml")+".want", got, *update)
		})
	}
}

// found is what Load and Check find in a file.
func found(t *testing.T, file string) string {
	t.Helper()
	cfg, err := config.Load(env, file)
	var faults config.Faults
	if err != nil && !errors.As(err, &faults) {
		t.Fatal(err)
	}
	more, err := app.Check(t.Context(), cfg, handler.Default())
	if err != nil {
		t.Fatal(err)
	}
	return append(faults, more...).Error()
}
