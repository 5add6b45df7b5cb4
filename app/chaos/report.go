package chaos

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is the result of a run.
type Report struct {
	Options    Options
	Began      time.Time
	Took       time.Duration
	Kafka      string // its release
	Redis      string
	Accepted   int
	Recoveries []Recovery
	Findings   *Findings
	// Other is what went wrong besides: ends that nobody asked for, answers that
	// no client should get, faults that the service did not get over.
	Other []string
}

// Failed reports whether a promise was broken.
func (r *Report) Failed() bool {
	f := r.Findings
	return len(f.Lost)+len(f.Misplaced)+len(f.Disordered)+len(f.Twice)+len(r.Other) > 0
}

// shown is how many lines a report has of one kind of failure.
const shown = 20

// Failures are the broken promises, at most shown of a kind unless all are
// wanted.
func (r *Report) Failures(all bool) string {
	var b strings.Builder
	for _, kind := range []struct {
		name  string
		lines []string
	}{
		{"lost", r.Findings.Lost},
		{"where it should not be", r.Findings.Misplaced},
		{"out of order", r.Findings.Disordered},
		{"twice", r.Findings.Twice},
		{"other", r.Other},
	} {
		if len(kind.lines) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s: %d\n", kind.name, len(kind.lines))
		for n, line := range kind.lines {
			if n == shown && !all {
				fmt.Fprintf(&b, "  and %d more\n", len(kind.lines)-n)
				break
			}
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	return b.String()
}

// totals are the numbers of the run, with their names.
func (r *Report) totals() [][2]string {
	f := r.Findings
	number := func(name string, n int) [2]string { return [2]string{name, strconv.Itoa(n)} }
	counted := "stand twice in a delivery topic (counted only: " + r.Options.Delivery + ")"
	if r.Options.strict() {
		counted = "stand twice in a delivery topic, read with read_committed"
	}
	return [][2]string{
		number("events accepted", r.Accepted),
		number("of these sent again by their client, and twice in their source topic", f.Resent),
		number("to be delivered in order", f.Fates[Delivered]),
		number("to be delivered by a retry tier", f.Fates[Retried]),
		number("to be poisoned", f.Fates[Poisoned]),
		number("to be dropped by filter", f.Fates[Dropped]),
		number("lost", len(f.Lost)),
		number("where they should not be", len(f.Misplaced)),
		number("out of order", len(f.Disordered)),
		number("notification ids that "+counted, f.Repeats),
		number("poison_ids that stand twice in the poison topic", f.PoisonRepeats),
		number("took a retry tier for want of time", f.Tiered),
		number("other failures", len(r.Other)),
	}
}

// circumstances are what the run ran on.
func (r *Report) circumstances() [][2]string {
	store := "embedded, one an instance"
	if r.Options.Store == RedisStore {
		store = "redis " + r.Redis
	}
	return [][2]string{
		{"date", r.Began.UTC().Format(time.DateOnly)},
		{"duration", r.Took.Round(time.Second).String()},
		{"seed", strconv.FormatUint(r.Options.Seed, 10)},
		{"delivery", r.Options.Delivery},
		{"instances", strconv.Itoa(r.Options.Instances)},
		{"brokers", fmt.Sprintf("%d, Apache Kafka %s", len(r.Options.Brokers), r.Kafka)},
		{"store", store},
		{"load", fmt.Sprintf("%d events/s for %d people", r.Options.Rate, r.Options.People)},
		{"machine", fmt.Sprintf("%s, %s/%s, %d cores for all of it", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())},
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// Text is the report for a terminal.
func (r *Report) Text() string {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FAULT\tTIMES\tRECOVERY: MEDIAN\tMAX\tCOUNTED FROM")
	for _, one := range r.Recoveries {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", one.Fault, one.Times, seconds(one.Median), seconds(one.Max), one.From)
	}
	fmt.Fprintln(w)
	for _, line := range append(r.totals(), r.circumstances()...) {
		fmt.Fprintf(w, "%s\t%s\n", line[0], line[1])
	}
	_ = w.Flush() // into memory
	return b.String() + r.Failures(false)
}

// Markdown is the report as a page of the documentation.
func (r *Report) Markdown() string {
	var b strings.Builder
	b.WriteString(pageHead)
	b.WriteString("| fault | times | recovery, median | max | counted from |\n|---|---:|---:|---:|---|\n")
	for _, one := range r.Recoveries {
		fmt.Fprintf(&b, "| %s | %d | %s | %s | %s |\n", one.Fault, one.Times, seconds(one.Median), seconds(one.Max), one.From)
	}
	b.WriteString(pageTotals)
	b.WriteString("| | |\n|---|---:|\n")
	for _, line := range r.totals() {
		fmt.Fprintf(&b, "| %s | %s |\n", line[0], line[1])
	}
	b.WriteString("\n## The run\n\n| | |\n|---|---|\n")
	for _, line := range r.circumstances() {
		fmt.Fprintf(&b, "| %s | %s |\n", line[0], line[1])
	}
	fmt.Fprintf(&b, "\nThe same faults in the same order: `make chaos CHAOS_SEED=%d`.\n", r.Options.Seed)
	if r.Failed() {
		fmt.Fprintf(&b, "\n## Broken promises\n\n```\n%s```\n", r.Failures(false))
	}
	return b.String()
}

const pageHead = `# Under faults

` + "`make chaos`" + ` writes this page. It runs several instances of the service against three brokers, with a proxy in front of
each, and submits events all the time, while instances, brokers and the store are killed, frozen, cut off and slowed.
Then it reads every topic and holds each accepted event against the fate that its data decided beforehand. How it does
that stands in ` + "`app/chaos`" + `.

## Faults and recovery

The service has recovered when everybody has been delivered an event that was submitted after the moment the time is
counted from. The people's keys are spread over all partitions.

`

const pageTotals = `
## Promises

`
