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
	var file configFile
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the handler types, those that the configuration declares included",
		Example: `kafka-notify handlers list
kafka-notify handlers list --config kafka-notify.yaml`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := file.handlers()
			if err != nil {
				return err
			}
			if output == formatJSON {
				return writeJSON(cmd.OutOrStdout(), map[string]any{"handlers": list})
			}
			rows := make([][]string, len(list))
			for i, d := range list {
				rows[i] = []string{d.Name, d.Summary}
				if d.DeclaredIn != "" {
					rows[i][1] += " (" + d.DeclaredIn + ")"
				}
			}
			writeTable(cmd.OutOrStdout(), []string{"TYPE", "WHAT IT DOES"}, rows)
			return nil
		},
	}
	file.addFlag(cmd)
	output.addFlag(cmd)
	return cmd
}

func newHandlersShow() *cobra.Command {
	var output format
	var file configFile
	cmd := &cobra.Command{
		Use:   "show TYPE",
		Short: "Show a handler type: what it does, its parameters and an example",
		Example: `kafka-notify handlers show enrich
kafka-notify handlers show celebrate --config kafka-notify.yaml`,
		Args: arguments("TYPE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := file.handlers()
			if err != nil {
				return err
			}
			names := make([]string, len(list))
			for i, d := range list {
				names[i] = d.Name
				switch {
				case d.Name != args[0]:
				case output == formatJSON:
					return writeJSON(cmd.OutOrStdout(), d)
				default:
					writeHandler(cmd.OutOrStdout(), d)
					return nil
				}
			}
			return fmt.Errorf("there is no handler type %q (%s)", args[0], config.Suggest(args[0], names))
		},
	}
	file.addFlag(cmd)
	output.addFlag(cmd)
	return cmd
}

// handlers describes the handler types that pipelines of the file can use, in
// alphabetical order.
func (f *configFile) handlers() ([]handler.Description, error) {
	cfg, err := f.load()
	if err != nil {
		return nil, err
	}
	registry, faults := handler.Default().Declare(cfg.HandlerTypes)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	list := []handler.Description{}
	for _, name := range registry.Names() {
		d, _ := registry.Describe(name)
		if d.DeclaredIn != "" {
			d.Example = d.Usage(cfg.Names()["lookups"])
		}
		list = append(list, d)
	}
	return list, nil
}

func writeHandler(w io.Writer, d handler.Description) {
	lineWidth := readingWidth(w)
	fmt.Fprint(w, wrap(d.Name+": "+d.Summary, "", lineWidth))
	for text := range strings.SplitSeq(d.Doc, "\n\n") {
		if text != "" {
			fmt.Fprint(w, "\n"+wrap(text, "", lineWidth))
		}
	}
	if d.DeclaredIn != "" {
		fmt.Fprint(w, "\n"+wrap(fmt.Sprintf("Declared in %s, made of %s.", d.DeclaredIn, strings.Join(d.MadeOf, ", ")), "", lineWidth))
	}
	if len(d.Params) > 0 {
		fmt.Fprintln(w, "\nParameters:")
		writeParams(w, d.Params, "  ", lineWidth)
	}
	fmt.Fprintln(w, "\nExample:")
	for line := range strings.Lines(strings.Trim(d.Example, "\n")) {
		fmt.Fprintf(w, "  %s\n", printable(strings.TrimRight(line, "\n")))
	}
}

// writeParams writes each parameter, and those of a mapping below it, further
// in.
func writeParams(w io.Writer, params []handler.Param, indent string, lineWidth int) {
	wide := 0
	for _, p := range params {
		wide = max(wide, cells(p.Name))
	}
	for _, p := range params {
		text := p.Traits()
		if p.Doc != "" {
			text += ": " + p.Doc
		}
		name := indent + p.Name + strings.Repeat(" ", wide-cells(p.Name)+2)
		lines := wrap(text, strings.Repeat(" ", cells(name)), lineWidth)
		fmt.Fprint(w, name+strings.TrimLeft(lines, " "))
		writeParams(w, p.Params, indent+"  ", lineWidth)
	}
}
