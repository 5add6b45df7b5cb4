package main

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
)

// section is a scenario of the table.
type section struct {
	title string
	lines [][]string
}

var columns = []string{"contestant", "median", "min – max", "unit", "ours is", "to reach", "memory", "CPU", "note"}

// sections are the table. Memory and CPU are those of the contestant's process
// alone: not the broker's, not the load's.
func (r *report) sections() []section {
	var all []section
	for _, s := range scenarios {
		one := section{title: s.title(r.Sizes)}
		for _, name := range r.contestants(s.name) {
			for i, m := range s.metrics {
				one.lines = append(one.lines, r.line(s, name, m, i == 0))
			}
		}
		if len(one.lines) > 0 {
			all = append(all, one)
		}
	}
	return all
}

func (r *report) line(s scenario, contestant string, m metric, first bool) []string {
	got := r.find(s.name, contestant, m)
	cells := make([]string, len(columns))
	cells[0], cells[3] = contestant, m.unit()
	if got != nil {
		cells[1], cells[2] = m.format(got.Median), m.format(got.Min)+" – "+m.format(got.Max)
	}
	if v, ok := r.verdict(s.name, contestant, m); ok {
		cells[4] = fmt.Sprintf("%.2f ×", v.Ratio)
		if v.Pass != nil {
			cells[5] = v.Target + map[bool]string{true: " pass", false: " FAIL"}[*v.Pass]
		}
	}
	if !first {
		return cells
	}
	if used := r.find(s.name, contestant, memory); used != nil && used.Median > 0 {
		cells[6] = memory.format(used.Median)
	}
	if used := r.find(s.name, contestant, cores); used != nil {
		cells[7] = fmt.Sprintf("%.0f %%", 100*used.Median)
	}
	cells[8] = r.note(s.name, contestant)
	return cells
}

// note tells what went less than well.
func (r *report) note(scenario, contestant string) string {
	var notes []string
	if n := r.find(scenario, contestant, repeats); n != nil && n.Max > 0 {
		notes = append(notes, fmt.Sprintf("up to %.0f twice in the topics", n.Max))
	}
	if n := r.find(scenario, contestant, late); n != nil && n.Max > 0 {
		notes = append(notes, fmt.Sprintf("up to %.0f not readable %s after the last was sent", n.Max, span(r.Sizes.Settle)))
	}
	return strings.Join(notes, "; ")
}

// where says what the run was made on, and how long it took.
func (r *report) where() string {
	m := r.Machine
	text := fmt.Sprintf("%s, %d repetitions in %s. Broker: %s. Machine: %s, %d cores, %s, Linux %s, %s, load %s before.",
		r.Started.Format("2006-01-02 15:04 MST"), r.Repetitions, r.Took, r.Broker, m.CPU, m.Cores, m.Memory, m.Kernel, m.Go, m.Load)
	if load, err := strconv.ParseFloat(m.Load, 64); err == nil && load > float64(m.Cores)/2 {
		text += " The machine was busy with something else: measure again when it is idle."
	}
	if r.Quick {
		text += " A quick run: the numbers mean nothing."
	}
	return text
}

// text is the table for a terminal.
func (r *report) text() string {
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, s := range r.sections() {
		// A line without tabs would end the columns: the title stands alone in the first.
		fmt.Fprintln(table, s.title)
		fmt.Fprintln(table, "  "+strings.Join(columns, "\t"))
		for _, cells := range s.lines {
			fmt.Fprintln(table, "  "+strings.Join(cells, "\t"))
		}
		fmt.Fprintln(table)
	}
	_ = table.Flush() // into memory
	return out.String() + r.where() + "\n"
}

// markdown is the table for the page.
func (r *report) markdown() string {
	var out strings.Builder
	row := func(cells []string) { out.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	out.WriteString(r.where() + "\n")
	for _, s := range r.sections() {
		out.WriteString("\n**" + s.title + "**\n\n")
		row(columns)
		out.WriteString("|---|--:|--:|---|--:|---|--:|--:|---|\n")
		for _, cells := range s.lines {
			row(cells)
		}
	}
	return out.String()
}

// summary is one run's outcome in a few words.
func summary(scenario string, got values) string {
	var parts []string
	for _, s := range scenarios {
		if s.name != scenario {
			continue
		}
		for _, m := range s.metrics {
			parts = append(parts, m.format(got[m])+" "+m.unit())
		}
	}
	parts = append(parts, memory.format(got[memory]), fmt.Sprintf("CPU %.0f %%", 100*got[cores]))
	return strings.Join(parts, ", ")
}
