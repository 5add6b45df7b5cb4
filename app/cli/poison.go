package cli

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/app/poison"
)

func newPoison() *cobra.Command {
	return newGroup("poison", "Look into messages that pipelines gave up on, and send them back",
		newPoisonLs(), newPoisonGroups(), newPoisonShow(), newPoisonRedrive(), newPoisonEdit(),
		newPoisonAct(action.Archive), newPoisonAct(action.Restore), newPoisonAct(action.Discard),
		newPoisonJobs(), newPoisonExport(), newPoisonWatch())
}

func newPoisonLs() *cobra.Command {
	var (
		service service
		output  format
		pages   pages
		choice  choice
	)
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List poisoned messages, newest first",
		Long: `Lists open messages, or those in another --state, newest first. All that is asked
for has to hold. --filter takes a condition in CEL over id, state, pipeline, class,
step, reason, fingerprint, key, topic, partition, offset, attempts, redrives, fate,
truncated, failed_at, first_failed_at, now, headers, event and data; a message that
lacks what it asks for is not listed.`,
		Example: `kafka-notify poison ls --pipeline follow --class lookup_missing
kafka-notify poison ls --state all --search Emma
kafka-notify poison ls --filter 'failed_at > now - duration("1h") && data.followee_id == "1"'`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := pages.check(cmd); err != nil {
				return err
			}
			client, err := service.client(cmd)
			if err != nil {
				return err
			}
			total, query := 0, choice.query
			list, next, err := collect(&pages, func(limit int, cursor string) ([]poison.Entry, string, error) {
				query.Limit, query.Cursor = limit, cursor
				page, err := client.Poison(cmd.Context(), query)
				total = page.Total
				return page.Entries, page.NextCursor, err
			})
			if err != nil {
				return err
			}
			if output == formatJSON {
				return writeJSON(cmd.OutOrStdout(), poison.Listing{Entries: list, NextCursor: next, Total: total})
			}
			if len(list) == 0 {
				fmt.Fprintln(cmd.ErrOrStderr(), choice.none())
				return nil
			}
			writePoisonList(cmd, list, next, total)
			return nil
		},
	}
	service.addFlags(cmd)
	output.addFlag(cmd)
	pages.addFlags(cmd)
	choice.addFlags(cmd, string(poison.Open))
	return cmd
}

func newPoisonGroups() *cobra.Command {
	var (
		service service
		output  format
		choice  choice
	)
	cmd := &cobra.Command{
		Use:   "groups",
		Short: "List poisoned messages by their cause",
		Long: `Lists the causes of open messages, or of those in another --state: pipeline, class,
step, and the reason but for ids, numbers and hosts in it; with the last 24 hours,
the oldest first.`,
		Example: `kafka-notify poison groups
kafka-notify poison groups --pipeline follow --state all`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := service.client(cmd)
			if err != nil {
				return err
			}
			groups, err := client.PoisonGroups(cmd.Context(), choice.query)
			if err != nil {
				return err
			}
			if output == formatJSON {
				return writeJSON(cmd.OutOrStdout(), api.PoisonGroups{Groups: groups})
			}
			if len(groups) == 0 {
				fmt.Fprintln(cmd.ErrOrStderr(), choice.none())
				return nil
			}
			writePoisonGroups(cmd, groups)
			return nil
		},
	}
	service.addFlags(cmd)
	output.addFlag(cmd)
	choice.addFlags(cmd, string(poison.Open))
	return cmd
}

func writePoisonGroups(cmd *cobra.Command, groups []poison.Group) {
	rows := make([][]string, len(groups))
	for i, g := range groups {
		rows[i] = []string{
			strconv.Itoa(g.Count), sparkline(g.Hours), clock(g.LastSeen), g.Pipeline, g.Class, g.Step, g.Reason, g.Fingerprint,
		}
	}
	writeTable(cmd.OutOrStdout(), []string{"MESSAGES", "LAST 24 H", "LAST", "PIPELINE", "CLASS", "STEP", "REASON", "FINGERPRINT"}, rows)
}

// sparkline draws counts as bars of which the highest is full.
func sparkline(counts []int) string {
	const bars = " ▁▂▃▄▅▆▇█"
	steps := []rune(bars)
	most := max(1, slices.Max(counts))
	line := make([]rune, len(counts))
	for i, n := range counts {
		line[i] = steps[(n*(len(steps)-1)+most-1)/most]
	}
	return string(line)
}

func writePoisonList(cmd *cobra.Command, list []poison.Entry, next string, total int) {
	rows := make([][]string, len(list))
	for i, e := range list {
		rows[i] = []string{e.ID, string(e.State), clock(e.LastFailedAt), e.Pipeline, e.Class, e.Step, reason(&e)}
	}
	writeTable(cmd.OutOrStdout(), []string{"ID", "STATE", "WHEN", "PIPELINE", "CLASS", "STEP", "REASON"}, rows)
	if total > len(list) {
		fmt.Fprintf(cmd.ErrOrStderr(), "%d of %d\n", len(list), total)
	}
	hintMore(cmd, next)
}

// reason is why the message failed, without the step, which is shown beside it.
func reason(e *poison.Entry) string { return strings.TrimPrefix(e.Reason, e.Step+": ") }

func newPoisonShow() *cobra.Command {
	var (
		service service
		output  format
	)
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Show a poisoned message, why it failed, and what was done about it",
		Example: "kafka-notify poison show 0b0c6f3e-94a1-5d0f-8d3e-3b1f0e2a7c55",
		Args:    arguments("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := service.client(cmd)
			if err != nil {
				return err
			}
			entry, err := client.PoisonEntry(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if output == formatJSON {
				return writeJSON(cmd.OutOrStdout(), entry)
			}
			writeEntry(cmd.OutOrStdout(), &entry.Entry)
			writeTimeline(cmd.OutOrStdout(), entry.Timeline)
			if entry.State == poison.Open && !entry.Truncated {
				fmt.Fprintf(cmd.OutOrStdout(), "\nOnce the cause is repaired, send it back:\n\n  kafka-notify poison redrive %s%s\n",
					shellQuote(entry.ID), service.flags())
			}
			return nil
		},
	}
	service.addFlags(cmd)
	output.addFlag(cmd)
	return cmd
}

// writeEntry writes an entry as people read it: first what went wrong, then
// the message.
func writeEntry(w io.Writer, e *poison.Entry) {
	for _, field := range [][2]string{
		{"id", e.ID},
		{"state", state(e)},
		{"reason", reason(e)},
		{"class", e.Class},
		{"pipeline", e.Pipeline},
		{"failed in", e.Step},
		{"event", strings.TrimSpace(e.EventType + " " + e.EventID)},
		{"origin", fmt.Sprintf("%s/%d/%d", e.Topic, e.Partition, e.Offset)},
		{"attempts", strconv.Itoa(e.Attempts)},
		{"first failed", clock(e.FirstFailedAt)},
		{"last failed", clock(e.LastFailedAt)},
		{"redrives", strconv.Itoa(e.Redrives)},
		{"fingerprint", e.Fingerprint},
		{"record", fmt.Sprintf("%s/%d/%d", e.Record.Topic, e.Record.Partition, e.Record.Offset)},
		{"key", e.Key},
	} {
		fmt.Fprintf(w, "%-12s  %s\n", field[0], printable(field[1]))
	}
	fmt.Fprintf(w, "\nHeaders:\n")
	for _, h := range e.Headers {
		fmt.Fprintf(w, "  %s: %s\n", printable(h.Key), printable(h.Value))
	}
	fmt.Fprintf(w, "\nPayload:\n%s\n", payload(e))
}

// state is where a message stands, and what became of it.
func state(e *poison.Entry) string {
	text := string(e.State)
	if e.Fate != "" {
		text += ", " + string(e.Fate)
	}
	if e.ExpiresAt != nil && time.Until(*e.ExpiresAt) < expiringSoon {
		text += ", expires " + clock(*e.ExpiresAt)
	}
	return text
}

// expiringSoon is how long before Kafka deletes a message people are told.
const expiringSoon = 7 * 24 * time.Hour

// writeTimeline writes what happened to a message.
func writeTimeline(w io.Writer, events []poison.Event) {
	fmt.Fprintf(w, "\nTimeline:\n")
	for i := range events {
		e := &events[i]
		fmt.Fprintf(w, "  %s  %s\n", clock(e.At), printable(happened(e)))
		if e.Diff != "" {
			fmt.Fprintf(w, "    %s\n", strings.ReplaceAll(strings.TrimRight(printableLines(e.Diff), "\n"), "\n", "\n    "))
		}
	}
}

// happened says in one line what happened.
func happened(e *poison.Event) string {
	text := e.What
	if e.Edited {
		text += ", edited,"
	}
	if e.By != nil {
		text += " by " + e.By.String()
	}
	if e.Job != "" {
		text += " (job " + e.Job + ")"
	}
	if e.Class != "" {
		text += " (" + e.Class + ", " + e.Step + ")"
	}
	if e.Reason != "" {
		text += ": " + strings.TrimPrefix(e.Reason, e.Step+": ")
	}
	if e.Refused != "" {
		text += "; refused: " + e.Refused
	}
	return text
}

// shownBytes is how much of a payload that is no text is shown.
const shownBytes = 1024

// payload lays the failed message out, two spaces in.
func payload(e *poison.Entry) string {
	var text string
	switch {
	case e.Truncated:
		text = "(the broker refused it as too large for the poison topic, so it is lost)"
	case len(e.Value) == 0:
		text = "(empty)"
	case !utf8.Valid(e.Value):
		text = hex.Dump(e.Value[:min(len(e.Value), shownBytes)])
		if more := len(e.Value) - shownBytes; more > 0 {
			text += fmt.Sprintf("(%d bytes more: --output json has them all)", more)
		}
	case json.Valid(e.Value):
		text = string(indented(e.Value))
	default:
		text = printableLines(string(e.Value))
	}
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ")
}
