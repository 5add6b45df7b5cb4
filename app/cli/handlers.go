package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func newHandlers() *cobra.Command {
	return newGroup("handlers", "Show what pipelines can be made of", newHandlersList(), newHandlersShow())
}

func newHandlersList() *cobra.Command {
	var output format
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the handler types",
		Example: "kafka-notify handlers list",
		Args:    arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			registry := handler.Default()
			list := []handler.Description{}
			for _, name := range registry.Names() {
				d, _ := registry.Describe(name)
				list = append(list, d)
			}
			if output == formatJSON {
				return writeJSON(cmd.OutOrStdout(), map[string]any{"handlers": list})
			}
			rows := make([][]string, len(list))
			for i, d := range list {
				rows[i] = []string{d.Name, d.Summary}
			}
			writeTable(cmd.OutOrStdout(), []string{"TYPE", "WHAT IT DOES"}, rows)
			return nil
		},
	}
	output.addFlag(cmd)
	return cmd
}

func newHandlersShow() *cobra.Command {
	var output format
	cmd := &cobra.Command{
		Use:     "show TYPE",
		Short:   "Show a handler type: its parameters and an example",
		Example: "kafka-notify handlers show enrich",
		Args:    arguments("TYPE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			registry := handler.Default()
			d, ok := registry.Describe(args[0])
			if !ok {
				return fmt.Errorf("there is no handler type %q (%s)", args[0], config.Suggest(args[0], registry.Names()))
			}
			if output == formatJSON {
				return writeJSON(cmd.OutOrStdout(), d)
			}
			writeHandler(cmd.OutOrStdout(), d)
			return nil
		},
	}
	output.addFlag(cmd)
	return cmd
}

func writeHandler(w io.Writer, d handler.Description) {
	fmt.Fprintf(w, "%s: %s\n", d.Name, d.Summary)
	if len(d.Params) > 0 {
		fmt.Fprintln(w, "\nParameters:")
		writeParams(w, d.Params, "  ")
	}
	fmt.Fprintln(w, "\nExample:")
	for line := range strings.Lines(strings.Trim(d.Example, "\n")) {
		fmt.Fprintf(w, "  %s\n", strings.TrimRight(line, "\n"))
	}
}

// writeParams writes a line for each parameter, and those of a mapping below
// it, further in.
func writeParams(w io.Writer, params []handler.Param, indent string) {
	wide := 0
	for _, p := range params {
		wide = max(wide, cells(p.Name))
	}
	for _, p := range params {
		fmt.Fprintf(w, "%s%-*s  %s\n", indent, wide, p.Name, paramText(p))
		writeParams(w, p.Params, indent+"  ")
	}
}

func paramText(p handler.Param) string {
	text := p.Kind
	if p.Required {
		text += ", required"
	}
	if p.Default != "" {
		text += ", default " + p.Default
	}
	if p.Doc != "" {
		text += ": " + p.Doc
	}
	return text
}
