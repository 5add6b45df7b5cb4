package main

import (
	"fmt"
	"strings"
	"time"
)

// metric is what a run measures. The columns of the table and the keys of the
// JSON are these.
type metric string

const (
	eventRate  metric = "events_per_second"
	acceptRate metric = "accepted_per_second"
	median     metric = "p50_ms"
	tail       metric = "p99_ms"
	memory     metric = "resident_bytes" // at the most
	cores      metric = "cpu_cores"      // kept busy by the contestant alone
	late       metric = "not_readable"   // events that never became readable, or not in time
	repeats    metric = "repeats"        // notifications that stand in a topic twice
)

// unit is how a metric's numbers are to be read.
func (m metric) unit() string {
	switch m {
	case eventRate:
		return "events/s"
	case acceptRate:
		return "accepted/s"
	case median:
		return "ms, p50"
	case tail:
		return "ms, p99"
	default:
		return string(m)
	}
}

// format writes one number of the metric.
func (m metric) format(v float64) string {
	switch m {
	case eventRate, acceptRate:
		return thousands(v)
	case memory:
		return fmt.Sprintf("%.0f MB", v/1e6)
	default:
		if v >= 1000 {
			return thousands(v)
		}
		return fmt.Sprintf("%.2f", v)
	}
}

// thousands is a whole number with a comma at every thousand.
func thousands(v float64) string {
	digits := fmt.Sprintf("%.0f", v)
	var out strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out.WriteByte(',')
		}
		out.WriteRune(d)
	}
	return out.String()
}

// Names of the scenarios, as -only takes them.
const (
	routeScenario   = "route"
	peopleScenario  = "people"
	newScenario     = "new"
	submitScenario  = "submit"
	batchScenario   = "batch"
	latencyScenario = "latency"
	failingScenario = "failing"
)

var scenarioNames = []string{
	routeScenario, peopleScenario, newScenario, submitScenario, batchScenario, latencyScenario, failingScenario,
}

// Contestants that several scenarios have.
const (
	ours          = "ours, exactly_once"
	stock         = "ours, at_least_once (stock watermill-kafka)"
	transactional = "bare franz-go, transactional"
	plainFranz    = "bare franz-go, plain"
	bareSarama    = "bare sarama"
	tutorialFront = "bare net/http + sarama SyncProducer"
	asyncProducer = "bare sarama AsyncProducer"
	healthy       = "ours, nothing fails"
	failing       = "ours, 10 % fail"
)

// scenario is how the results of one kind are shown and judged.
type scenario struct {
	name    string
	title   func(s sizes) string
	metrics []metric // of a line each; memory and cores are columns
	// contestant is the one that is judged, "" where nobody is.
	contestant string
	targets    []target
}

// target is what our median is to be beside a baseline's.
type target struct {
	against string
	metric  metric
	// want is a ratio, at least or, for what is better small, at most.
	want   float64
	atMost bool
}

func (t target) met(ratio float64) bool {
	if t.atMost {
		return ratio <= t.want
	}
	return ratio >= t.want
}

func (t target) text() string {
	sign := "≥"
	if t.atMost {
		sign = "≤"
	}
	return fmt.Sprintf("%s %.4g ×", sign, t.want)
}

// scenarios are in the order of the table.
var scenarios = []scenario{
	{
		name: routeScenario, metrics: []metric{eventRate}, contestant: ours,
		title: func(s sizes) string {
			return fmt.Sprintf("Route: a backlog of %s follow events to %s people, %d partitions",
				thousands(float64(s.Events)), thousands(float64(s.People)), s.Partitions)
		},
		targets: []target{
			{against: stock, metric: eventRate, want: 3},
			{against: transactional, metric: eventRate, want: 0.45},
		},
	},
	{
		name: peopleScenario, metrics: []metric{eventRate},
		title: func(sizes) string { return "The same, ours, with another number of people" },
	},
	{
		name: newScenario, metrics: []metric{eventRate},
		title: func(s sizes) string {
			return fmt.Sprintf("The same, ours, to %s new people: their topics are made on the way", thousands(float64(s.People)))
		},
	},
	{
		name: submitScenario, metrics: []metric{acceptRate}, contestant: ours,
		title: func(s sizes) string {
			return fmt.Sprintf("Submit: single events over HTTP, %d keep-alive connections", s.Connections)
		},
		targets: []target{{against: tutorialFront, metric: acceptRate, want: 1}},
	},
	{
		name: batchScenario, metrics: []metric{acceptRate}, contestant: ours,
		title: func(s sizes) string {
			return fmt.Sprintf("Submit: NDJSON requests of %d events, %d connections", s.Batch, s.BatchConnections)
		},
		targets: []target{{against: asyncProducer, metric: acceptRate, want: 0.5}},
	},
	{
		name: latencyScenario, metrics: []metric{median, tail}, contestant: ours,
		title: func(s sizes) string {
			return fmt.Sprintf("From POST to readable (read_committed) in the delivery topic, %s events/s for %s; memory and CPU meanwhile",
				thousands(float64(s.Rate)), span(s.Latency))
		},
		targets: []target{{against: transactional, metric: median, want: 1.5, atMost: true}},
	},
	{
		name: failingScenario, metrics: []metric{median, tail}, contestant: failing,
		title: func(s sizes) string {
			return fmt.Sprintf("The same for %s while the HTTP lookup answers 500 for 10 %% of the people: messages of the others", span(s.Failing))
		},
		targets: []target{{against: healthy, metric: tail, want: 1.25, atMost: true}},
	},
}

// span writes a duration for people.
func span(d time.Duration) string {
	if d >= time.Minute && d%time.Minute == 0 {
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%g s", d.Seconds())
}

// measurements are all runs of one repetition, those of -only.
func (b *bench) measurements() []measurement {
	var all []measurement
	for _, m := range b.everything() {
		if b.opts.wants(m.scenario) {
			all = append(all, m)
		}
	}
	return all
}

func (b *bench) everything() []measurement {
	s := b.sizes
	all := []measurement{
		{routeScenario, ours, b.route(exactlyOnce, s.People, false)},
		{routeScenario, stock, b.route(atLeastOnce, s.People, false)},
		{routeScenario, transactional, b.route(bareLoop("franz-transactional", s.Transaction), s.People, false)},
		{routeScenario, plainFranz, b.route(bareLoop("franz-loop", s.Transaction), s.People, false)},
		{routeScenario, bareSarama, b.route(bareLoop("sarama-loop", s.Transaction), s.People, false)},
	}
	for _, people := range s.Curve {
		all = append(all, measurement{peopleScenario, peopleName(people), b.route(exactlyOnce, people, false)})
	}
	return append(all,
		measurement{newScenario, peopleName(s.People), b.route(exactlyOnce, s.People, true)},
		measurement{submitScenario, ours, b.submit(1, s.Connections)},
		measurement{submitScenario, tutorialFront, b.submitBare(s.Connections)},
		measurement{batchScenario, ours, b.submit(s.Batch, s.BatchConnections)},
		measurement{batchScenario, asyncProducer, b.produceBare},
		measurement{latencyScenario, ours, b.latencyOfService},
		measurement{latencyScenario, transactional, b.latencyOfLoop},
		measurement{failingScenario, healthy, b.latencyOfOthers(0)},
		measurement{failingScenario, failing, b.latencyOfOthers(10)},
	)
}

func peopleName(n int) string { return thousands(float64(n)) + " people" }
