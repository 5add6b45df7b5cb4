package main

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

//go:embed chart.svg
var chartTemplate string

// bar is one contestant's median. All numbers are pixels.
type bar struct {
	Label, Value string
	Y, Width     float64
	Low, High    float64 // ends of the line from the least to the most
	Class        string  // ours, stock or bare
}

// group are the bars of one metric of one scenario: they share a scale.
type group struct {
	Title string
	Y     float64
	Bars  []bar
}

// point of the curve.
type point struct {
	X, Y, Low, High float64
	People, Value   string
}

type drawing struct {
	Title, Under  string
	Width, Height float64
	Groups        []group
	CurveY        float64 // top of the curve's area
	CurveTitle    string
	Points        []point
	Path          string
	Grid          []point
}

// Measures of the drawing, in pixels.
const (
	chartWidth  = 860
	labelWidth  = 300
	barWidth    = 400
	barHeight   = 18
	barStep     = 24
	groupGap    = 34
	curveHeight = 220
	curveLeft   = 80
)

// chart draws medians as bars, ours beside the baselines, and how the number of
// people changes ours. It is readable on light and on dark pages.
func (r *report) chart() ([]byte, error) {
	d := drawing{
		Width: chartWidth, Title: "kafka-notify beside its baselines",
		Under: fmt.Sprintf("Medians and extremes of %d. Broker: %s. %s, %d cores.",
			r.Repetitions, r.Broker, r.Machine.CPU, r.Machine.Cores),
	}
	y := 80.0
	for _, s := range scenarios {
		if s.contestant == "" {
			continue
		}
		for _, m := range s.metrics {
			if g, ok := r.group(s, m, y); ok {
				d.Groups = append(d.Groups, g)
				y += float64(len(g.Bars))*barStep + groupGap
			}
		}
	}
	y = r.curve(&d, y)
	d.Height = y
	t, err := template.New("chart").Funcs(template.FuncMap{"xml": escapeXML, "add": func(a, b float64) float64 { return a + b }}).Parse(chartTemplate)
	if err != nil {
		return nil, fmt.Errorf("the chart's template: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, d); err != nil {
		return nil, fmt.Errorf("draw the chart: %w", err)
	}
	return out.Bytes(), nil
}

func escapeXML(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(text)
}

func (r *report) group(s scenario, m metric, y float64) (group, bool) {
	g := group{Title: shortTitles[s.name] + " (" + m.unit() + ")", Y: y}
	most := 0.0
	var results []*result
	for _, name := range r.contestants(s.name) {
		if one := r.find(s.name, name, m); one != nil {
			results = append(results, one)
			most = max(most, one.Max)
		}
	}
	if most == 0 {
		return g, false
	}
	for i, one := range results {
		class := "bare"
		switch {
		case one.Contestant == s.contestant:
			class = "ours"
		case strings.HasPrefix(one.Contestant, "ours"):
			class = "stock"
		}
		g.Bars = append(g.Bars, bar{
			Label: one.Contestant, Value: m.format(one.Median), Class: class,
			Y:     y + 10 + float64(i)*barStep,
			Width: barWidth * one.Median / most,
			Low:   labelWidth + barWidth*one.Min/most, High: labelWidth + barWidth*one.Max/most,
		})
	}
	return g, true
}

// shortTitles are those of the chart.
var shortTitles = map[string]string{
	routeScenario:   "Route a backlog",
	submitScenario:  "Submit single events",
	batchScenario:   "Submit NDJSON batches",
	latencyScenario: "POST to readable, less is better",
	failingScenario: "POST to readable while others fail, less is better",
}

// curve draws events a second over the number of people, and returns where the
// drawing ends.
func (r *report) curve(d *drawing, y float64) float64 {
	type at struct {
		people int
		result *result
	}
	var all []at
	most := 0.0
	for _, people := range append([]int{r.Sizes.People}, r.Sizes.Curve...) {
		one := r.find(peopleScenario, peopleName(people), eventRate)
		if people == r.Sizes.People {
			one = r.find(routeScenario, ours, eventRate)
		}
		if one != nil {
			all = append(all, at{people, one})
			most = max(most, one.Max)
		}
	}
	if len(all) < 2 || most == 0 {
		return y
	}
	d.CurveY, d.CurveTitle = y, "Route, ours, by the number of people (events/s)"
	least, last := all[0].people, all[0].people
	for _, one := range all {
		least, last = min(least, one.people), max(last, one.people)
	}
	top, scale := y+20, niceAbove(most)
	height := func(v float64) float64 { return top + curveHeight*(1-v/scale) }
	for step := range 5 {
		v := scale * float64(step) / 4
		d.Grid = append(d.Grid, point{Y: height(v), Value: thousands(v)})
	}
	for _, one := range all {
		along := math.Log(float64(one.people)/float64(least)) / math.Log(float64(last)/float64(least))
		d.Points = append(d.Points, point{
			X: curveLeft + 20 + along*(chartWidth-curveLeft-80), Y: height(one.result.Median),
			Low: height(one.result.Min), High: height(one.result.Max),
			People: thousands(float64(one.people)), Value: thousands(one.result.Median),
		})
	}
	d.Path = path(d.Points)
	return top + curveHeight + 60
}

// niceAbove is a round number not below v, which is above 0.
func niceAbove(v float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, factor := range []float64{1, 2, 4, 8} {
		if v <= factor*unit {
			return factor * unit
		}
	}
	return 10 * unit
}

// path joins the points from left to right.
func path(points []point) string {
	sorted := sortedByX(points)
	var out strings.Builder
	for i, p := range sorted {
		out.WriteString(map[bool]string{true: "M", false: " L"}[i == 0])
		out.WriteString(strconv.FormatFloat(p.X, 'f', 1, 64) + "," + strconv.FormatFloat(p.Y, 'f', 1, 64))
	}
	return out.String()
}

func sortedByX(points []point) []point {
	return slices.SortedFunc(slices.Values(points), func(a, b point) int { return cmp.Compare(a.X, b.X) })
}
