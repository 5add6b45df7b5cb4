package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// report is a whole run. It is what the JSON file holds; table, page and chart
// are made from it.
type report struct {
	Started     time.Time `json:"started"`
	Took        string    `json:"took"`
	Broker      string    `json:"broker"`
	Quick       bool      `json:"quick,omitempty"` // the numbers mean nothing
	Repetitions int       `json:"repetitions"`
	Machine     machine   `json:"machine"`
	Sizes       sizes     `json:"sizes"`
	Results     []*result `json:"results"`
	Verdicts    []verdict `json:"verdicts"`

	apache bool // not the embedded broker
}

// result is one metric of one contestant in one scenario.
type result struct {
	Scenario   string    `json:"scenario"`
	Contestant string    `json:"contestant"`
	Metric     metric    `json:"metric"`
	Values     []float64 `json:"values"` // one a repetition
	Median     float64   `json:"median"`
	Min        float64   `json:"min"`
	Max        float64   `json:"max"`
}

// verdict is our median beside that of a baseline. Without a target it is shown
// and not judged.
type verdict struct {
	Scenario   string  `json:"scenario"`
	Contestant string  `json:"contestant"`
	Against    string  `json:"against"`
	Metric     metric  `json:"metric"`
	Ratio      float64 `json:"ratio"`
	Target     string  `json:"target,omitempty"`
	Pass       *bool   `json:"pass,omitempty"`
}

func newReport(o options, s sizes) *report {
	return &report{
		Started: time.Now().UTC().Truncate(time.Second), Quick: o.quick, Repetitions: o.repetitions,
		Machine: thisMachine(), Sizes: s, apache: len(o.brokers) > 0,
	}
}

// add keeps what one run measured.
func (r *report) add(scenario, contestant string, got values) {
	for _, m := range []metric{eventRate, acceptRate, median, tail, memory, cores, late, repeats} {
		value, ok := got[m]
		if !ok {
			continue
		}
		found := r.find(scenario, contestant, m)
		if found == nil {
			found = &result{Scenario: scenario, Contestant: contestant, Metric: m}
			r.Results = append(r.Results, found)
		}
		found.Values = append(found.Values, value)
	}
}

// find is nil where that was not measured.
func (r *report) find(scenario, contestant string, m metric) *result {
	for _, one := range r.Results {
		if one.Scenario == scenario && one.Contestant == contestant && one.Metric == m {
			return one
		}
	}
	return nil
}

// contestants of a scenario, in the order they were measured.
func (r *report) contestants(scenario string) (names []string) {
	for _, one := range r.Results {
		if one.Scenario == scenario && !slices.Contains(names, one.Contestant) {
			names = append(names, one.Contestant)
		}
	}
	return names
}

// finish makes medians and verdicts of the values.
func (r *report) finish() {
	r.Took = time.Since(r.Started).Round(time.Second).String()
	for _, one := range r.Results {
		sorted := slices.Sorted(slices.Values(one.Values))
		n := len(sorted)
		one.Min, one.Max = sorted[0], sorted[n-1]
		one.Median = (sorted[(n-1)/2] + sorted[n/2]) / 2
	}
	for _, s := range scenarios {
		r.judge(s)
	}
}

// judge puts the scenario's contestant beside each of the others.
func (r *report) judge(s scenario) {
	for _, m := range s.metrics {
		mine := r.find(s.name, s.contestant, m)
		if mine == nil {
			continue
		}
		for _, name := range r.contestants(s.name) {
			other := r.find(s.name, name, m)
			if name == s.contestant || other == nil || other.Median == 0 {
				continue
			}
			v := verdict{Scenario: s.name, Contestant: s.contestant, Against: name, Metric: m, Ratio: mine.Median / other.Median}
			i := slices.IndexFunc(s.targets, func(t target) bool { return t.against == name && t.metric == m })
			if i >= 0 {
				met := s.targets[i].met(v.Ratio)
				v.Target, v.Pass = s.targets[i].text(), &met
			}
			r.Verdicts = append(r.Verdicts, v)
		}
	}
}

func (r *report) verdict(scenario, against string, m metric) (verdict, bool) {
	for _, v := range r.Verdicts {
		if v.Scenario == scenario && v.Against == against && v.Metric == m {
			return v, true
		}
	}
	return verdict{}, false
}

func (r *report) json() ([]byte, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the results: %w", err)
	}
	return append(text, '\n'), nil
}
