package config_test

import (
	"errors"
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

var update = flag.Bool("update", false, "write what Load says into the .want files")

// testEnv is the environment of all tests.
func testEnv(name string) (string, bool) {
	value, ok := map[string]string{
		"PORT":              "8081",
		"SECRET":            "hunter2-hunter2",
		"DIGITS":            "0123456789",
		"EMPTY":             "",
		"YES":               "true",
		"NEGATIVE":          "-4711",
		"NEGATIVE_DURATION": "-4711s",
	}[name]
	return value, ok
}

// TestFaults loads every file and every folder of testdata/faults and compares
// what Load says with the .want file beside it. A new case is a new file or
// folder, and a run with -update.
func TestFaults(t *testing.T) {
	paths, err := filepath.Glob("testdata/faults/*")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases found: %v", err)
	}
	for _, path := range paths {
		if filepath.Ext(path) == ".want" {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			_, err := config.Load(testEnv, path)
			var faults config.Faults
			if !errors.As(err, &faults) {
				t.Fatalf("Load returned %v, not faults", err)
			}
			got := strings.ReplaceAll(err.Error(), filepath.Dir(path)+string(filepath.Separator), "") + "\n"
			handlertest.NoSecret(t, got, "hunter2", "4711")
			handlertest.Golden(t, strings.TrimSuffix(path, ".yaml")+".want", got, *update)
		})
	}
}
