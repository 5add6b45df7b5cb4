package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

// TestMain is also how the tests' own children start: they are this binary.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == childCommand {
		os.Exit(childMain(os.Args[2:]))
	}
	goleak.VerifyTestMain(m)
}

// A quick run goes through everything: each row is in JSON, table, page and
// chart.
func TestQuickRun(t *testing.T) {
	out := t.TempDir()
	skeleton, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(out, page), skeleton, 0o600); err != nil {
		t.Fatal(err)
	}
	profiles := filepath.Join(t.TempDir(), "profiles")
	var stdout, stderr bytes.Buffer
	o := options{quick: true, repetitions: 1, out: out, profile: profiles}
	if err := runBench(t.Context(), o, &stdout, &stderr); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var r report
	if err := json.Unmarshal(read(t, out, "performance.json"), &r); err != nil {
		t.Fatal(err)
	}
	chart := string(read(t, out, "performance.svg"))
	wellFormed(t, chart)
	text, markdown := stdout.String(), string(read(t, out, page))
	rows := make(map[string]int)
	for _, m := range (&bench{sizes: r.Sizes}).everything() {
		rows[m.scenario]++
		checkRow(t, &r, m, text, markdown, chart)
	}
	want := map[string]int{
		routeScenario: 5, peopleScenario: 3, newScenario: 1, submitScenario: 2, batchScenario: 2, latencyScenario: 2, failingScenario: 2,
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("rows by scenario (-want +got):\n%s", diff)
	}
	for _, s := range scenarios {
		for _, target := range s.targets {
			v, ok := r.verdict(s.name, target.against, target.metric)
			if !ok || v.Ratio <= 0 || v.Pass == nil || !strings.Contains(markdown, v.Target) {
				t.Errorf("%s against %s: verdict %+v", s.name, target.against, v)
			}
		}
		if title := shortTitles[s.name]; title != "" && !strings.Contains(chart, title) {
			t.Errorf("the chart has no %q", title)
		}
	}
	if lines := strings.Count(stderr.String(), "\n"); lines != len((&bench{sizes: r.Sizes}).everything()) {
		t.Errorf("%d lines of progress:\n%s", lines, stderr.String())
	}
	for _, name := range []string{"route-10.cpu.pprof", "latency.heap.pprof"} {
		if len(read(t, profiles, name)) == 0 {
			t.Errorf("the profile %s is empty", name)
		}
	}
}

// checkRow finds one measurement in everything that was written.
func checkRow(t *testing.T, r *report, m measurement, text, markdown, chart string) {
	t.Helper()
	i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == m.scenario })
	for _, metric := range scenarios[i].metrics {
		got := r.find(m.scenario, m.contestant, metric)
		if got == nil || len(got.Values) != 1 || got.Median <= 0 {
			t.Errorf("%s, %s, %s: %+v", m.scenario, m.contestant, metric, got)
			continue
		}
		for name, in := range map[string]string{"table": text, "page": markdown, "chart": chart} {
			if !strings.Contains(in, metric.format(got.Median)) && (name != "chart" || m.scenario != newScenario) {
				t.Errorf("%s, %s: the %s has no %s", m.scenario, m.contestant, name, metric.format(got.Median))
			}
		}
	}
	for name, in := range map[string]string{"table": text, "page": markdown} {
		if !strings.Contains(in, scenarios[i].title(r.Sizes)) || !strings.Contains(in, m.contestant) {
			t.Errorf("%s, %s is missing in the %s", m.scenario, m.contestant, name)
		}
	}
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func wellFormed(t *testing.T, text string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("the chart is no XML: %v", err)
		}
	}
}
