package chaos_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/trieungochai/kafka-notify/app/chaos"
	"github.com/trieungochai/kafka-notify/config"
)

func report() *chaos.Report {
	return &chaos.Report{
		Options: chaos.Options{
			Delivery: config.ExactlyOnce, Store: chaos.RedisStore, Seed: 42, Instances: 3, People: 60, Rate: 300,
			Brokers: []string{"a:1", "b:1", "c:1"},
		},
		Began: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Took: 10*time.Minute + 300*time.Millisecond,
		Kafka: "4.4.0", Redis: "7.0.15", Accepted: 1000,
		Recoveries: []chaos.Recovery{
			{Fault: chaos.KillBroker, From: "the kill", Times: 2, Median: 1500 * time.Millisecond, Max: 9 * time.Second},
		},
		Findings: &chaos.Findings{Fates: map[chaos.Fate]int{chaos.Delivered: 980, chaos.Poisoned: 20}},
	}
}

func TestReport(t *testing.T) {
	r := report()
	if r.Failed() || r.Failures(true) != "" {
		t.Errorf("nothing failed, and it says:\n%s", r.Failures(true))
	}
	for name, text := range map[string]string{"text": r.Text(), "markdown": r.Markdown()} {
		for _, want := range []string{
			"broker killed (SIGKILL)", "1.5 s", "9.0 s", "the kill", "1000", "980", "read with read_committed",
			"2026-01-02", "10m0s", "42", "exactly_once", "Apache Kafka 4.4.0", "redis 7.0.15", "300 events/s for 60 people",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not in:\n%s", name, want, text)
			}
		}
	}
	if want := "| broker killed (SIGKILL) | 2 | 1.5 s | 9.0 s | the kill |\n"; !strings.Contains(r.Markdown(), want) {
		t.Errorf("%q is not in:\n%s", want, r.Markdown())
	}
}

// Each kind of failure fails the run by itself, and is shown: some lines at the
// end, all of them in the file.
func TestReportShowsFailures(t *testing.T) {
	lines := make([]string, 30)
	for i := range lines {
		lines[i] = fmt.Sprintf("line %d.", i)
	}
	for name, set := range map[string]func(*chaos.Report){
		"lost":                   func(r *chaos.Report) { r.Findings.Lost = lines },
		"where it should not be": func(r *chaos.Report) { r.Findings.Misplaced = lines },
		"out of order":           func(r *chaos.Report) { r.Findings.Disordered = lines },
		"twice":                  func(r *chaos.Report) { r.Findings.Twice = lines },
		"other":                  func(r *chaos.Report) { r.Other = lines },
	} {
		r := report()
		set(r)
		short, all := r.Failures(false), r.Failures(true)
		if !r.Failed() || !strings.HasPrefix(short, name+": 30\n") {
			t.Errorf("%s: failed %t:\n%s", name, r.Failed(), short)
		}
		if strings.Contains(short, "line 29.") || !strings.Contains(short, "and 10 more") || !strings.Contains(all, "line 29.") {
			t.Errorf("%s: short:\n%s\nall:\n%s", name, short, all)
		}
		if !strings.Contains(r.Markdown(), "Broken promises") || !strings.Contains(r.Text(), "line 0.") {
			t.Errorf("%s is not in the report", name)
		}
	}
}
