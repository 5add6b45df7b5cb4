package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestOptions(t *testing.T) {
	for _, tt := range []struct {
		args string
		want options
		err  string
	}{
		{"", options{repetitions: 3, out: "docs"}, ""},
		{"-only route,submit", options{repetitions: 3, only: []string{"route", "submit"}}, ""},
		{"-quick", options{repetitions: 3, quick: true}, ""},
		{"-quick -out there", options{repetitions: 3, quick: true, out: "there"}, ""},
		{"-brokers a:1,b:2 -repetitions 5", options{brokers: []string{"a:1", "b:2"}, repetitions: 5, out: "docs"}, ""},
		{"-only rout", options{}, `no scenario "rout"`},
		{"-only route -out docs", options{}, "exclude each other"},
		{"-repetitions 0", options{}, "at least 1"},
		{"route", options{}, `unexpected argument "route"`},
	} {
		t.Run(tt.args, func(t *testing.T) {
			got, err := parseOptions(strings.Fields(tt.args), io.Discard)
			switch {
			case tt.err != "":
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
			case err != nil:
				t.Error(err)
			default:
				if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(options{}), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("options (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// Transactions' markers take offsets and are not counted: here, one stands
// after every two records.
func TestPace(t *testing.T) {
	start := time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)
	at := func(seconds float64, ends ...int64) snapshot {
		return snapshot{
			at: start.Add(time.Duration(seconds * float64(time.Second))), ends: ends,
			used: usage{cpu: time.Duration(seconds * float64(time.Second) / 2), peak: int64(100 * seconds)},
		}
	}
	offsets := map[string][]int64{"a": {0, 1, 3, 4, 6, 7, 9, 10, 12, 13}, "b": {0, 1, 3, 4, 6, 7, 9, 10, 12, 13}}
	for _, tt := range []struct {
		name      string
		snapshots []snapshot
		want      pace
	}{
		{
			"5 to 95 %", // from 2 notifications at 10 s to 20 at 14 s
			[]snapshot{at(0, 0, 0), at(10, 3, 0), at(12, 9, 9), at(14, 15, 15), at(20, 15, 15)},
			pace{perSecond: 4.5, cores: 0.5, resident: 2000},
		},
		{
			"one step", // all 20 within 2 s
			[]snapshot{at(0, 0, 0), at(10, 0, 0), at(12, 15, 15)},
			pace{perSecond: 10, cores: 0.5, resident: 1200},
		},
		{
			"a topic that came later", // from 6 at 1 s to 20 at 3 s
			[]snapshot{at(0), at(1, 9), at(3, 15, 15)},
			pace{perSecond: 7, cores: 0.5, resident: 300},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := watch{topics: []string{"a", "b"}, snapshots: tt.snapshots}
			if diff := cmp.Diff(tt.want, w.pace(offsets, 20), cmp.AllowUnexported(pace{})); diff != "" {
				t.Errorf("pace (-want +got):\n%s", diff)
			}
		})
	}
}

func TestVerdicts(t *testing.T) {
	r := &report{Sizes: options{}.sizes(10_000)}
	for _, rate := range []float64{90, 300, 310} {
		r.add(routeScenario, ours, values{eventRate: rate})
	}
	r.add(routeScenario, stock, values{eventRate: 101})
	r.add(routeScenario, transactional, values{eventRate: 500})
	r.add(routeScenario, bareSarama, values{eventRate: 150})
	r.add(latencyScenario, ours, values{median: 3, tail: 9})
	r.add(latencyScenario, transactional, values{median: 2, tail: 3})
	r.finish()
	no, yes := false, true
	want := []verdict{
		{routeScenario, ours, stock, eventRate, 300. / 101, "≥ 3 ×", &no},
		{routeScenario, ours, transactional, eventRate, 0.6, "≥ 0.45 ×", &yes},
		{routeScenario, ours, bareSarama, eventRate, 2, "", nil},
		{latencyScenario, ours, transactional, median, 1.5, "≤ 1.5 ×", &yes},
		{latencyScenario, ours, transactional, tail, 3, "", nil},
	}
	if diff := cmp.Diff(want, r.Verdicts); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	if got := r.find(routeScenario, ours, eventRate); got.Min != 90 || got.Median != 300 || got.Max != 310 {
		t.Errorf("of 90, 300 and 310: %+v", got)
	}
	text := r.text()
	for _, cell := range []string{"2.97 ×", "≥ 3 × FAIL", "90 – 310", "≥ 0.45 × pass"} {
		if !strings.Contains(text, cell) {
			t.Errorf("the table has no %q:\n%s", cell, text)
		}
	}
}

func TestFillKeepsTheRestOfThePage(t *testing.T) {
	const text = "# P\n<!-- performance: begin -->\nold\n<!-- performance: end -->\nrest <!-- performance-kafka: begin -->\n"
	got, err := (&report{Broker: "the broker"}).fill(text)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(got, "# P\n<!-- performance: begin -->\n") || !strings.HasSuffix(got, "<!-- performance: end -->\nrest <!-- performance-kafka: begin -->\n") ||
		strings.Contains(got, "old") || !strings.Contains(got, "the broker") {
		t.Errorf("page:\n%s", got)
	}
	if _, err := (&report{apache: true}).fill(text); err == nil {
		t.Error("a page without an end marker was filled")
	}
}

func TestThousands(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 7.4: "7", 999.6: "1,000", 20_000: "20,000", 1_234_567: "1,234,567"} {
		if got := thousands(v); got != want {
			t.Errorf("thousands(%v) = %s, want %s", v, got, want)
		}
	}
}

// An event that never became readable counts with the time it has waited.
func TestJourneyResult(t *testing.T) {
	r := &round{bench: &bench{sizes: sizes{People: 10, Partitions: 1, Rate: 100, WarmUp: time.Second}}, name: "r"}
	j := r.newJourney(time.Second, func(recipient int) bool { return recipient%10 != 0 })
	if left := j.left.Load(); left != 90 {
		t.Fatalf("%d events count, want nine tenths of those after the warm-up", left)
	}
	j.start = time.Now().Add(-time.Hour)
	for n := range j.readable {
		if n != 199 {
			j.saw(n, j.due(n).Add(5*time.Millisecond))
			j.saw(n, j.due(n).Add(time.Minute)) // a second copy changes nothing
		}
	}
	j.saw(-1, time.Now())
	got := j.result()
	if got[median] != 5 || got[tail] != 5 || got[late] != 1 || j.left.Load() != 1 {
		t.Errorf("result %v, %d left", got, j.left.Load())
	}
}

func TestUsageOfThisProcess(t *testing.T) {
	const stat = "7 (a (b) c) S 1 1 1 0 -1 0 0 0 0 0 250 50 0 0 20 0 1 0 1 1 1\n"
	dir := t.TempDir()
	write(t, dir, "stat", stat)
	write(t, dir, "status", "Name:\ta\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\nThreads:\t1\n")
	want := usage{cpu: 3 * time.Second, resident: 1 << 20, peak: 2 << 20}
	if diff := cmp.Diff(want, usageOf(dir), cmp.AllowUnexported(usage{})); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
	if got := usageOf(t.TempDir()); got != (usage{}) {
		t.Errorf("usage without /proc: %+v", got)
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
