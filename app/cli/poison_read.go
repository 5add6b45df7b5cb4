package cli

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/trieungochai/kafka-notify/app/poison"
)

func newPoisonExport() *cobra.Command {
	var (
		service service
		choice  choice
	)
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write poisoned messages as JSON lines",
		Long: `Writes every message that is selected as one line of JSON, the oldest first, with
its payload as value (JSON), value_text or value_base64. If it breaks off, the exit
code is 1.`,
		Example: `kafka-notify poison export > poison.ndjson
kafka-notify poison export --state all --pipeline follow | jq -r .reason`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := service.client(cmd)
			if err != nil {
				return err
			}
			return client.ExportPoison(cmd.Context(), choice.query, &jsonLines{w: cmd.OutOrStdout()})
		},
	}
	service.addFlags(cmd)
	choice.addFlags(cmd, string(poison.Open))
	return cmd
}

// jsonLines makes lines of JSON safe for a terminal. What is no whole line is
// not written.
type jsonLines struct {
	w    io.Writer
	rest []byte
}

// Write implements io.Writer.
func (l *jsonLines) Write(p []byte) (int, error) {
	end := bytes.LastIndexByte(p, '\n') + 1
	if end == 0 {
		l.rest = append(l.rest, p...)
		return len(p), nil
	}
	_, err := l.w.Write(safeJSON(append(l.rest, p[:end]...)))
	l.rest = append(l.rest[:0], p[end:]...)
	return len(p), err
}

func newPoisonWatch() *cobra.Command {
	var (
		service service
		output  format
	)
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Show what changes, until interrupted",
		Long: `Writes a line now and whenever anything changes: how many messages are in each
state, and which redrive jobs run. With --output json each line is a document.`,
		Example: "kafka-notify poison watch",
		Args:    arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := service.client(cmd)
			if err != nil {
				return err
			}
			last := ""
			return client.WatchPoison(cmd.Context(), func(s poison.Summary) error {
				if output == formatJSON {
					return writeJSONLine(cmd.OutOrStdout(), s)
				}
				if text := summaryOf(&s); text != last {
					last = text
					fmt.Fprintf(cmd.OutOrStdout(), "%s  %s\n", clock(time.Now()), printable(text))
				}
				return nil
			})
		},
	}
	service.addFlags(cmd)
	output.addFlag(cmd)
	return cmd
}

// summaryOf says in one line what there is.
func summaryOf(s *poison.Summary) string {
	text := fmt.Sprintf("%d open, %d redriven, %d archived, %d discarded", s.Open, s.Redriven, s.Archived, s.Discarded)
	for i := range s.Jobs {
		text += "; " + progressOf(&s.Jobs[i])
	}
	return text
}
