package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/trieungochai/kafka-notify/app/schema"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func newConfigSchema() *cobra.Command {
	var file configFile
	cmd := &cobra.Command{
		Use:   "schema [FILE]...",
		Short: "Print the JSON Schema of the configuration, with which editors complete and check it",
		Long: `Print the JSON Schema of the configuration, with which editors complete and check it. It knows the handler types of
this binary and, when a file is named, those that the file declares, and its lookups, event types and pipelines: print
it again when these change. Faults of the file are no hindrance. An editor with yaml-language-server finds the schema
by a comment in the file's first line:

# yaml-language-server: $schema=kafka-notify.schema.json`,
		Example: `kafka-notify config schema kafka-notify.yaml > kafka-notify.schema.json
kafka-notify config schema                    # of any configuration`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := file.setArguments(cmd, args); err != nil {
				return err
			}
			cfg, err := file.known()
			if err != nil {
				return err
			}
			return writeJSON(cmd.OutOrStdout(), schema.Of(handler.Default(), cfg))
		},
	}
	file.addFlag(cmd)
	return cmd
}

// known returns what can be read of the file, whatever is wrong with the rest;
// nil without a file.
func (f *configFile) known() (*config.Config, error) {
	if len(f.paths) == 0 {
		return nil, nil
	}
	cfg, err := f.load()
	var faults config.Faults
	if err != nil && (cfg == nil || !errors.As(err, &faults)) {
		return nil, err
	}
	return cfg, nil
}
