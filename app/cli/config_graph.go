package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/trieungochai/kafka-notify/app"
	"github.com/trieungochai/kafka-notify/app/graph"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// drawings are the languages of graphs.
var drawings = map[string]func(*graph.Graph, io.Writer) error{"mermaid": (*graph.Graph).Mermaid, "dot": (*graph.Graph).DOT}

func newConfigGraph() *cobra.Command {
	var file configFile
	var language, pipeline string
	cmd := &cobra.Command{
		Use:   "graph [FILE]...",
		Short: "Draw topics, pipelines, handlers, retry and poison",
		Example: `kafka-notify config graph kafka-notify.yaml                     # Mermaid, for a Markdown file
kafka-notify config graph --pipeline follow --format dot | dot -Tsvg > follow.svg`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := file.setArguments(cmd, args); err != nil {
				return err
			}
			draw, ok := drawings[language]
			if !ok {
				return usagef(cmd, "--format: %q is none (%s)", language, config.Suggest(language, []string{"mermaid", "dot"}))
			}
			cfg, err := file.load()
			if err != nil {
				return err
			}
			g, err := app.Graph(cfg, handler.Default(), pipeline)
			if err != nil {
				return err
			}
			return draw(g, cmd.OutOrStdout())
		},
	}
	file.addFlag(cmd)
	cmd.Flags().StringVar(&language, "format", "mermaid", "draw in `LANGUAGE`: mermaid or dot")
	cmd.Flags().StringVar(&pipeline, "pipeline", "", "draw the pipeline `NAME` alone")
	return cmd
}
