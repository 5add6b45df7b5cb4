package cli

import (
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/trieungochai/kafka-notify/app/action"
)

// writeTrial shows what a pipeline would do with a message, step by step.
func writeTrial(w io.Writer, t *action.Trial) {
	writeSteps(w, t.Steps)
	if t.StepsLeftOut > 0 {
		fmt.Fprintf(w, "  … and %s more\n", plural(t.StepsLeftOut, "step"))
	}
	writeOutcome(w, t)
}

// writeSteps shows what each handler did, and what is new of the message behind
// it.
func writeSteps(w io.Writer, steps []action.TrialStep) {
	last := make(map[string]action.TrialStep) // of each part of the event
	part := ""
	for _, s := range steps {
		before, ok := last[s.Part]
		if !ok {
			before = last[whole(s.Part)]
		}
		if s.Part != part {
			fmt.Fprintf(w, " %s\n", s.Part)
			part = s.Part
		}
		fmt.Fprintf(w, "  %s %s\n", printable(s.Step), printable(s.Did))
		for _, asked := range s.Asked {
			fmt.Fprintf(w, "      asks %s for %s: %s\n", printable(asked.Lookup), jsonText(asked.Key), printable(answerOf(asked)))
		}
		for _, name := range slices.Sorted(maps.Keys(s.Values)) {
			if old, ok := before.Values[name]; !ok || !reflect.DeepEqual(old, s.Values[name]) {
				fmt.Fprintf(w, "      %s = %s\n", printable(name), jsonText(s.Values[name]))
			}
		}
		if s.Data != nil {
			fmt.Fprintf(w, "      data = %s\n", printable(string(s.Data)))
		}
		if s.Text != before.Text {
			fmt.Fprintf(w, "      text = %s\n", jsonText(s.Text))
		}
		last[s.Part] = s
	}
}

// whole is the part of an event that a part was made of.
func whole(part string) string {
	return part[:max(strings.LastIndex(part, ", "), 0)]
}

func answerOf(asked action.TrialLookup) string {
	switch {
	case asked.Error != "":
		return asked.Error
	case asked.Record == nil:
		return "nothing"
	default:
		return jsonText(asked.Record)
	}
}

// writeOutcome says what would become of a message in the end.
func writeOutcome(w io.Writer, t *action.Trial) {
	text := "It would be " + t.Outcome
	switch {
	case t.Class != "":
		text = "It would fail (" + t.Class + ", " + t.Step + ")"
	case t.Step != "":
		text += " by " + t.Step
	}
	if t.Reason != "" {
		text += ": " + t.Reason
	}
	fmt.Fprintln(w, printable(text))
	for _, o := range t.Outputs {
		fmt.Fprintf(w, "  %s: %s\n", printable(o.Topic), printable(o.Notification.Text))
	}
	if len(t.Outputs) == 0 {
		return
	}
	for _, d := range t.Drops {
		fmt.Fprintf(w, "  dropped by %s: %s\n", printable(d.Step), printable(d.Reason))
	}
}
