package cli

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/app/poison"
)

func newPoison() *cobra.Command {
	return newGroup("poison", "Look into messages that pipelines gave up on, and send them back",
		newPoisonLs(), newPoisonShow(), newPoisonRedrive())
}

func newPoisonLs() *cobra.Command {
	var (
		service service
		output  format
		pages   pages
		query   poison.Query
	)
	cmd := &cobra.Command{
		Use:     "ls",
		Short:   "List poisoned messages, newest first",
		Example: "kafka-notify poison ls --pipeline follow --class lookup_missing",
		Args:    arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := pages.check(cmd); err != nil {
				return err
			}
			client, err := service.client(cmd)
			if err != nil {
				return err
			}
			list, next, err := collect(&pages, func(limit int, cursor string) ([]poison.Entry, string, error) {
				query.Limit, query.Cursor = limit, cursor
				page, err := client.Poison(cmd.Context(), query)
				return page.Entries, page.NextCursor, err
			})
			if err != nil {
				return err
			}
			if output == formatJSON {
				return writeJSON(cmd.OutOrStdout(), api.PoisonPage{Entries: list, NextCursor: next})
			}
			writePoisonList(cmd, list, next)
			return nil
		},
	}
	service.addFlags(cmd)
	output.addFlag(cmd)
	pages.addFlags(cmd)
	cmd.Flags().StringVar(&query.Pipeline, "pipeline", "", "those of this `PIPELINE`")
	cmd.Flags().StringVar(&query.Class, "class", "", "those of this `CLASS`: decode, schema, lookup_missing, …")
	return cmd
}

func writePoisonList(cmd *cobra.Command, list []poison.Entry, next string) {
	if len(list) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "No poisoned messages.")
		return
	}
	rows := make([][]string, len(list))
	for i, e := range list {
		rows[i] = []string{e.ID, clock(e.LastFailedAt), e.Pipeline, e.Class, e.Step, reason(&e)}
	}
	writeTable(cmd.OutOrStdout(), []string{"ID", "WHEN", "PIPELINE", "CLASS", "STEP", "REASON"}, rows)
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
		Short:   "Show a poisoned message and why it failed",
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
			writeEntry(cmd.OutOrStdout(), &entry)
			if !entry.Truncated {
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

func newPoisonRedrive() *cobra.Command {
	var (
		service service
		output  format
	)
	cmd := &cobra.Command{
		Use:   "redrive ID",
		Short: "Send a poisoned message back to its pipeline",
		Long: `Sends a poisoned message back to the pipeline that gave up on it, and to no
other. Repair the cause first: what fails again is poisoned again.`,
		Example: "kafka-notify poison redrive 0b0c6f3e-94a1-5d0f-8d3e-3b1f0e2a7c55",
		Args:    arguments("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := service.client(cmd)
			if err != nil {
				return err
			}
			receipt, err := client.Redrive(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if output == formatJSON {
				return writeJSON(cmd.OutOrStdout(), receipt)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s went back to pipeline %s through %s (redrive %d)\n",
				printable(receipt.ID), printable(receipt.Pipeline), printable(receipt.Topic), receipt.Redrives)
			return nil
		},
	}
	service.addFlags(cmd)
	output.addFlag(cmd)
	return cmd
}
