// Package suite runs the tests of a configuration: events go through its
// pipelines without a broker, on a clock that stands still, with claims in
// memory and lookups that the tests fake. It also explains what the pipelines
// would make of a single event, and writes a test out of a failure.
package suite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/app/lookup"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// Suite is the tests of a configuration, ready to run one after the other.
type Suite struct {
	cfg       *config.Config
	types     *event.Types
	pipelines map[string]*pipeline.Pipeline
	stage     *stage
	files     *lookup.Set
	coverage  *coverage
}

// New builds the pipelines of cfg once for all its tests, and reads the files of
// its lookups. The error is config.Faults where it is at fault.
func New(ctx context.Context, cfg *config.Config, registry *handler.Registry) (*Suite, error) {
	files, err := startFiles(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s := &Suite{cfg: cfg, stage: newStage(cfg, files), files: files}
	parts := pipeline.Parts{Lookups: s.stage.lookups(), Claims: s.stage.claims, Now: s.stage.clock}
	if s.types, s.pipelines, err = compile(cfg, registry, parts); err != nil {
		files.Stop()
		return nil, err
	}
	s.coverage = newCoverage(s.pipelines)
	return s, nil
}

// Close ends what New has started.
func (s *Suite) Close() { s.files.Stop() }

// startFiles reads the lookups of cfg that are files.
func startFiles(ctx context.Context, cfg *config.Config) (*lookup.Set, error) {
	files := make(map[string]config.Lookup)
	for name, l := range cfg.Lookups {
		if l.HTTP == nil {
			files[name] = l
		}
	}
	set, faults := lookup.New(files, cfg, slog.New(slog.DiscardHandler))
	if err := faults.Err(); err != nil {
		return nil, err
	}
	if err := set.Start(ctx); err != nil {
		return nil, err
	}
	return set, nil
}

// compile builds the event types and pipelines of cfg; parts lacks these.
func compile(cfg *config.Config, registry *handler.Registry, parts pipeline.Parts) (*event.Types, map[string]*pipeline.Pipeline, error) {
	types, faults := event.Compile(cfg.Events)
	registry, found := registry.Declare(cfg.HandlerTypes)
	faults = append(faults, found...)
	parts.Registry, parts.Types = registry, types
	list, found := pipeline.Compile(cfg, parts)
	if err := append(faults, found...).Err(); err != nil {
		return nil, nil, err
	}
	pipelines := make(map[string]*pipeline.Pipeline, len(list))
	for _, p := range list {
		pipelines[p.Name] = p
	}
	return types, pipelines, nil
}

// Report is what came of the tests.
type Report struct {
	Tests  []Result `json:"tests"`
	Passed int      `json:"passed"`
	Failed int      `json:"failed"`
	// Took is how long they took, in milliseconds.
	Took float64 `json:"took_ms"`
	// Coverage is nil unless it was asked for.
	Coverage *Coverage `json:"coverage,omitempty"`
}

// Result is what came of one test.
type Result struct {
	Name string `json:"name"`
	// At is where it stands, file:line.
	At       string    `json:"at"`
	Passed   bool      `json:"passed"`
	Failures []Failure `json:"failures,omitempty"`
}

// Failure is one thing that was expected and did not come.
type Failure struct {
	// At is where it is expected, file:line.
	At      string `json:"at"`
	Message string `json:"message"`
	// Diff has a line for each thing that was expected (-), that came (+), or
	// both; "" where Message says all.
	Diff string `json:"diff,omitempty"`
}

// ErrNone says that there was no test to run.
var ErrNone = errors.New("no test was run")

// Run runs the tests whose names match; the error is ErrNone where there are
// none, and otherwise ctx's.
func (s *Suite) Run(ctx context.Context, match func(name string) bool) (Report, error) {
	report := Report{Tests: []Result{}}
	began := time.Now()
	for _, t := range s.cfg.Tests {
		if err := ctx.Err(); err != nil {
			return report, err
		}
		if !match(t.Name.Value) {
			continue
		}
		result := s.test(ctx, t)
		if result.Passed {
			report.Passed++
		} else {
			report.Failed++
		}
		report.Tests = append(report.Tests, result)
	}
	report.Took = time.Since(began).Seconds() * 1000
	if len(report.Tests) == 0 {
		return report, ErrNone
	}
	return report, nil
}

// Coverage is what the tests that ran have reached.
func (s *Suite) Coverage() *Coverage { return s.coverage.report() }

// test runs one test.
func (s *Suite) test(ctx context.Context, t config.Test) Result {
	result := Result{Name: t.Name.Value, At: placeOf(t.Name.Node)}
	s.stage.begin(t)
	defer s.stage.end()
	for i, e := range t.Events {
		result.Failures = append(result.Failures, s.event(ctx, t, i)...)
		for _, name := range s.stage.unfaked() {
			result.Failures = append(result.Failures, Failure{
				At:      placeOf(e.Node),
				Message: fmt.Sprintf("event %d asks the lookup %s, which is an HTTP service: say what it answers under lookups of the test", i+1, name),
			})
		}
	}
	result.Passed = len(result.Failures) == 0
	return result
}

// event submits one event of a test and compares what becomes of it.
func (s *Suite) event(ctx context.Context, t config.Test, i int) []Failure {
	e := t.Events[i]
	if e.After != nil {
		s.stage.now = s.stage.now.Add(*e.After)
	}
	sub := s.submission(e, i)
	if sub.refusal != nil || !e.Expect[0].Refused.Node.IsZero() {
		return compare(fmt.Sprintf("event %d, %s", i+1, e.Type.Value), e.Expect, sub.outcomes())
	}
	var failures []Failure
	for _, name := range s.cfg.Readers(e.Type.Value) {
		var want []config.Outcome
		for _, o := range e.Expect {
			if s.cfg.PipelineOf(t, e, o) == name {
				want = append(want, o)
			}
		}
		if !s.concerns(t, name) {
			continue // it may ask lookups that the test says nothing of
		}
		trial := s.pipelines[name].Rehearse(ctx, sub.record, s.coverage.saw)
		if len(want) > 0 && len(s.stage.asked) == 0 {
			failures = append(failures, compare(fmt.Sprintf("event %d, %s, pipeline %s", i+1, e.Type.Value, name), want, outcomesOf(trial))...)
		}
	}
	return failures
}

// concerns tells whether a test expects anything of a pipeline.
func (s *Suite) concerns(t config.Test, pipeline string) bool {
	for _, e := range t.Events {
		for _, o := range e.Expect {
			if s.cfg.PipelineOf(t, e, o) == pipeline {
				return true
			}
		}
	}
	return false
}

// placeOf is a place as a failure names it.
func placeOf(n config.Node) string {
	at := n.Pos()
	return fmt.Sprintf("%s:%d", at.File, at.Line)
}
