package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/trieungochai/kafka-notify/app/suite"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func newConfigExplain() *cobra.Command {
	var (
		file     configFile
		output   format
		pipeline string
	)
	cmd := &cobra.Command{
		Use:   "explain EVENT.json",
		Short: "Show what each handler would do with an event",
		Long: `Takes an event as it is posted, native JSON or a CloudEvent, from a file or, for -,
from standard input, and shows step by step what every pipeline that reads it would
do. Lookups are asked. Nothing is published, no broker is needed, and claims are
neither looked at nor taken: for deduplicate and the like this is the first event.`,
		Example: `kafka-notify config explain event.json --config kafka-notify.yaml
echo '{"type":"follow","data":{"follower_id":"2","followee_id":"1"}}' | kafka-notify config explain -`,
		Args: arguments("EVENT.json"),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := readInput(cmd, args[0])
			if err != nil {
				return err
			}
			cfg, err := file.checked(cmd)
			if err != nil {
				return err
			}
			explained, err := suite.Explain(cmd.Context(), cfg, handler.Default(), text, pipeline)
			if err != nil {
				return err
			}
			if output == formatJSON {
				return writeJSON(cmd.OutOrStdout(), explained)
			}
			writeExplanation(cmd.OutOrStdout(), explained)
			return nil
		},
	}
	file.addFlag(cmd)
	output.addFlag(cmd)
	cmd.Flags().StringVar(&pipeline, "pipeline", "", "only what the pipeline `NAME` would do")
	return cmd
}

// readInput reads a file, or standard input for -.
func readInput(cmd *cobra.Command, path string) ([]byte, error) {
	if path == "-" {
		text, err := io.ReadAll(cmd.InOrStdin())
		if err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
		return text, nil
	}
	return os.ReadFile(path)
}

func writeExplanation(w io.Writer, x *suite.Explanation) {
	if x.Refused != "" {
		fmt.Fprintf(w, "The event %s would be refused: %s\n", printable(x.Type), printable(x.Refused))
		return
	}
	fmt.Fprintf(w, "The event %s would be accepted, into %s with the key %s.\n", printable(x.Type), printable(x.Topic), jsonText(x.Key))
	if len(x.Pipelines) == 0 {
		fmt.Fprintln(w, "No pipeline reads it.")
	}
	for i := range x.Pipelines {
		t := &x.Pipelines[i]
		fmt.Fprintf(w, "\nPipeline %s\n", printable(t.Pipeline))
		writeTrial(w, t)
	}
}

// jsonText is a value as JSON in one line, safe for a terminal.
func jsonText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return printable(fmt.Sprint(v))
	}
	return string(safeJSON(text))
}
