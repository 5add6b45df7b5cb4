package suite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// outcome is one thing that became of an event.
type outcome struct {
	output                     *action.TrialOutput
	dropped, poisoned, refused string
	by, reason                 string // by is the whole step: handler type and place
	accepted                   bool   // what nobody expected
}

// outcomesOf are those of a trial: notifications in their order, then drops.
func outcomesOf(t action.Trial) []outcome {
	if t.Class != "" {
		return []outcome{{poisoned: t.Class, by: t.Step, reason: t.Reason}}
	}
	var list []outcome
	for i := range t.Outputs {
		list = append(list, outcome{output: &t.Outputs[i]})
	}
	for _, d := range t.Drops {
		list = append(list, outcome{dropped: d.Reason, by: d.Step})
	}
	return list
}

// handlerOf is the handler type of a step, "enrich" of "enrich like.yaml:31".
func handlerOf(step string) string {
	name, _, _ := strings.Cut(step, " ")
	return name
}

// compare holds what became of an event against what is expected.
func compare(subject string, want []config.Outcome, got []outcome) []Failure {
	at := placeOf(want[0].Node)
	want = slices.Clone(want)
	slices.SortStableFunc(want, func(a, b config.Outcome) int { return rank(a) - rank(b) })
	expected, came := &lines{}, &lines{}
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(got):
			expected.want(want[i])
		case i >= len(want):
			came.got(got[i], config.Outcome{})
		default:
			expected.want(want[i])
			came.got(got[i], want[i])
		}
	}
	if expected.String() == came.String() {
		return nil
	}
	return []Failure{{At: at, Message: subject, Diff: diff(expected.String(), came.String())}}
}

// rank has notifications come first: of drops among them, the order is not
// compared.
func rank(o config.Outcome) int {
	if o.IsNotification() {
		return 0
	}
	return 1
}

// diff has each line behind - (expected), + (came) or a blank (both).
func diff(expected, came string) string {
	edits := udiff.Lines(expected, came)
	text, err := udiff.ToUnified("expected", "got", expected, edits, strings.Count(expected, "\n")+1)
	if err != nil { // cannot happen: the edits are those of the text
		return "-" + expected + "+" + came
	}
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "@@") && !strings.HasPrefix(line, "---") && !strings.HasPrefix(line, "+++") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// lines is a text of outcomes, in the same words whether they are expected or
// have come.
type lines struct{ strings.Builder }

func (l *lines) add(format string, args ...any) { fmt.Fprintf(l, format+"\n", args...) }

// field adds a field, a text of several lines with a line for each.
func (l *lines) field(name, text string) {
	if strings.Contains(text, "\n") {
		l.add("  %s:\n    %s", name, strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    "))
		return
	}
	l.add("  %s: %s", name, text)
}

// want adds what is expected.
func (l *lines) want(o config.Outcome) {
	switch {
	case !o.Dropped.Node.IsZero():
		l.add("dropped: %s", o.Dropped.Value)
	case !o.Poisoned.Node.IsZero():
		l.add("poisoned: %s", o.Poisoned.Value)
	case !o.Refused.Node.IsZero():
		l.add("refused: %s", o.Refused.Value)
	default:
		l.add("notification")
	}
	if !o.Topic.Node.IsZero() {
		l.field("topic", o.Topic.Value)
	}
	for _, f := range []struct {
		name string
		node config.Node
	}{{"recipient", o.Recipient}, {"actor", o.Actor}} {
		if !f.node.IsZero() {
			l.field(f.name, idText(f.node.Text(), f.node.Kind() == config.Null))
		}
	}
	if !o.Text.IsZero() {
		l.text(o.Text.Text())
	}
	if !o.Data.IsZero() {
		l.field("data", canonical(o.Data.JSON()))
	}
	if !o.By.Node.IsZero() {
		l.field("by", o.By.Value)
	}
	if !o.Reason.IsZero() {
		l.field("reason", o.Reason.Text())
	}
}

// text adds the text of a notification as it stands there.
func (l *lines) text(text string) {
	if strings.Contains(text, "\n") {
		l.field("text", text)
		return
	}
	l.field("text", quoted(text))
}

// got adds what came, as far as it was expected; all of it where something else
// was.
func (l *lines) got(o outcome, want config.Outcome) {
	switch {
	case o.accepted:
		l.add("accepted")
	case o.output != nil:
		l.add("notification")
		l.notification(o.output, want)
	case o.dropped != "":
		l.add("dropped: %s", o.dropped)
		l.why(o, want, want.Dropped.Value == o.dropped)
	case o.poisoned != "":
		l.add("poisoned: %s", o.poisoned)
		l.why(o, want, want.Poisoned.Value == o.poisoned)
	default:
		l.add("refused: %s", o.refused)
		l.why(o, want, want.Refused.Value == o.refused)
	}
}

func (l *lines) notification(o *action.TrialOutput, want config.Outcome) {
	all := !want.IsNotification()
	n := o.Notification
	if all || !want.Topic.Node.IsZero() {
		l.field("topic", o.Topic)
	}
	if all || !want.Recipient.IsZero() {
		l.field("recipient", idText(n.Recipient.ID, false))
	}
	if !want.Actor.IsZero() {
		actor := n.Actor
		if actor == nil {
			actor = &handler.Person{}
		}
		l.field("actor", idText(actor.ID, n.Actor == nil))
	}
	if all || !want.Text.IsZero() {
		l.text(n.Text)
	}
	if !want.Data.IsZero() {
		l.field("data", canonical(n.Data))
	}
}

// why adds who did it and the reason, as far as they were expected; both where
// it was not expected at all.
func (l *lines) why(o outcome, want config.Outcome, expected bool) {
	by := o.by
	if expected && handlerOf(by) == want.By.Value {
		by = want.By.Value
	}
	if by != "" && (!expected || !want.By.Node.IsZero()) {
		l.field("by", by)
	}
	reason := o.reason
	if part := want.Reason.Text(); expected && strings.Contains(reason, part) {
		reason = part
	}
	if reason != "" && (!expected || !want.Reason.IsZero()) {
		l.field("reason", reason)
	}
}

// idText is an id as it is compared: an integer counts as its digits.
func idText(id string, null bool) string {
	if null {
		return "null"
	}
	return quoted(id)
}

// canonical is JSON with a line for each member, sorted, so that equal values are
// equal texts. Integers keep all their digits.
func canonical(text []byte) string {
	e := handler.Event{Data: text}
	value, err := e.Value()
	if err != nil {
		return string(text)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return string(text)
	}
	return strings.TrimSuffix(out.String(), "\n")
}
