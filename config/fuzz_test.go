package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trieungochai/kafka-notify/config"
)

// FuzzConfig loads arbitrary bytes: nothing panics, every fault lies inside
// the file, and what loads can be shown, loaded again, and is then the same.
func FuzzConfig(f *testing.F) {
	seeds, err := filepath.Glob("testdata/faults/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range append(seeds, "testdata/full.yaml", "testdata/full.shown.yaml", "kafka-notify.yaml") {
		data, err := os.ReadFile(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 10_000 {
			return // slow, and nothing new
		}
		path := writeFile(t, "fuzz.yaml", string(data))
		c, err := config.Load(testEnv, path)
		if err != nil {
			checkFaults(t, data, err)
			return
		}
		shown, err := c.Show()
		if err != nil {
			t.Fatal(err)
		}
		again, err := config.Load(testEnv, writeFile(t, "shown.yaml", string(shown)))
		if err != nil {
			t.Fatalf("what is shown does not load:\n%s\n%s", shown, err)
		}
		maskedFields := cmp.Options{
			cmpopts.IgnoreFields(config.HTTPLookup{}, "URL", "Headers"),
			cmpopts.IgnoreFields(config.KafkaSASL{}, "Password"),
			cmpopts.EquateEmpty(), // no lookups, or an empty list of them
		}
		if diff := cmp.Diff(c, again, sameConfig, maskedFields); diff != "" {
			t.Fatalf("loaded again (-before +after):\n%s\nshown:\n%s", diff, shown)
		}
	})
}

func checkFaults(t *testing.T, data []byte, err error) {
	t.Helper()
	var faults config.Faults
	if !errors.As(err, &faults) {
		t.Fatalf("not faults: %v", err)
	}
	text := strings.ReplaceAll(strings.TrimPrefix(string(data), "\uFEFF"), "\r\n", "\n")
	lines := strings.Split(text, "\n")
	for _, fault := range faults {
		p := fault.Pos
		if p.Line < 1 || p.Line > len(lines) || p.Col < 1 || p.Col > utf8.RuneCountInString(lines[p.Line-1])+1 {
			t.Errorf("%s lies outside the file", p)
		}
		if fault.Message == "" {
			t.Errorf("a fault without a message at %s", p)
		}
	}
}
