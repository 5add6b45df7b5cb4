package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options are what the command line says.
type options struct {
	brokers     []string // of a cluster that is there; none: the embedded broker
	repetitions int
	only        []string // scenarios; none: all
	people      []int    // the curve; none: as sizes says
	quick       bool
	out         string // folder of JSON, chart and page; "" writes none
	profile     string // folder of our service's CPU and heap profiles; "" makes none
}

func parseOptions(args []string, output io.Writer) (options, error) {
	var o options
	var brokers, only, people string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.StringVar(&brokers, "brokers", "", "measure on this cluster, host:port,..., instead of the embedded broker")
	flags.IntVar(&o.repetitions, "repetitions", 3, "how often everything is measured; the table shows medians")
	flags.StringVar(&only, "only", "", "measure these scenarios: "+strings.Join(scenarioNames, ","))
	flags.StringVar(&people, "people", "", "measure the curve with these numbers of people (10,100,5000; on a cluster 20000 too)")
	flags.BoolVar(&o.quick, "quick", false, "tiny counts, to try the harness itself; the numbers mean nothing")
	flags.StringVar(&o.out, "out", "docs", "write the results into this folder, and into its performance.md; \"\" writes nothing,\n"+
		"and so do -only and -quick unless they come with it")
	flags.StringVar(&o.profile, "profile", "", "write CPU and heap profiles of our service into this folder,\n"+
		"those of the last repetition by scenario; they cost it a few percent")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.brokers, o.only = list(brokers), list(only)
	for _, name := range o.only {
		if !slices.Contains(scenarioNames, name) {
			return o, fmt.Errorf("-only: there is no scenario %q; choose among %s", name, strings.Join(scenarioNames, ", "))
		}
	}
	for _, text := range list(people) {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return o, fmt.Errorf("-people: %q is no number of people", text)
		}
		o.people = append(o.people, n)
	}
	given := false
	flags.Visit(func(f *flag.Flag) { given = given || f.Name == "out" })
	if !given && (o.quick || len(o.only) > 0) {
		o.out = ""
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.repetitions < 1:
		return o, fmt.Errorf("-repetitions must be at least 1, not %d", o.repetitions)
	case o.out != "" && len(o.only) > 0:
		return o, fmt.Errorf("-out and -only exclude each other: a page holds one whole run")
	}
	return o, nil
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

func (o options) wants(scenario string) bool {
	return len(o.only) == 0 || slices.Contains(o.only, scenario)
}

// sizes are how much each scenario does.
type sizes struct {
	Events     int   `json:"events"`     // of a backlog
	People     int   `json:"people"`     // that get notifications
	Partitions int   `json:"partitions"` // of the event topic
	Curve      []int `json:"curve"`      // numbers of people that are measured besides

	Connections      int           `json:"connections"` // of single submissions, keep-alive
	Batch            int           `json:"batch"`       // events of one NDJSON request
	BatchConnections int           `json:"batch_connections"`
	Submit           time.Duration `json:"submit_ns"` // how long submitting is measured

	Rate    int           `json:"rate"`       // events a second of the latency scenarios
	WarmUp  time.Duration `json:"warm_up_ns"` // before submitting and latency are measured
	Latency time.Duration `json:"latency_ns"`
	Failing time.Duration `json:"failing_ns"`
	Settle  time.Duration `json:"settle_ns"` // for what is under way when the last event is sent

	// Transaction is how many events go into one transaction: of ours, by
	// default, and of the bare transactional loop.
	Transaction int `json:"transaction"`
}

func (o options) sizes(transaction int) sizes {
	s := sizes{
		Events: 200_000, People: 1_000, Partitions: 32, Curve: []int{10, 100, 5_000},
		Connections: 64, Batch: 500, BatchConnections: 8, Submit: 5 * time.Second,
		Rate: 1_000, WarmUp: 2 * time.Second,
		Latency: 30 * time.Second, Failing: time.Minute, Settle: 20 * time.Second,
		Transaction: transaction,
	}
	if len(o.brokers) > 0 {
		s.Curve = append(s.Curve, 20_000)
	}
	if len(o.people) > 0 {
		s.Curve = o.people
	}
	if o.quick {
		s.Events, s.People, s.Curve = 400, 10, []int{2, 5, 20}
		s.Connections, s.Batch, s.BatchConnections, s.Submit = 4, 20, 2, 200*time.Millisecond
		s.Rate, s.WarmUp, s.Latency, s.Failing = 200, 100*time.Millisecond, 400*time.Millisecond, 400*time.Millisecond
		s.Settle = 3 * time.Second
	}
	return s
}
