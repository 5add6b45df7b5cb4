package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trieungochai/kafka-notify/config"
)

func newConfig() *cobra.Command {
	return newGroup("config", "Check and show the configuration", newConfigCheck(), newConfigShow())
}

func newConfigCheck() *cobra.Command {
	var file configFile
	cmd := &cobra.Command{
		Use:   "check [FILE]...",
		Short: "Find every fault of a configuration without starting anything",
		Example: `kafka-notify config check kafka-notify.yaml
kafka-notify config check etc                  # all *.yaml and *.yml files of a folder`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := file.setArguments(cmd, args); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			cfg, err := file.check(cmd.Context())
			var faults config.Faults
			switch {
			case errors.As(err, &faults):
				// The faults are what was asked for, so they go to stdout.
				fmt.Fprintf(out, "%s\n", printableLines(faults.Error()))
				fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", file.name(), plural(len(faults), "fault"))
				return errFailed
			case err != nil:
				return err
			}
			fmt.Fprintf(out, "%s: ok (%s)\n", file.name(), strings.Join([]string{
				plural(len(cfg.Events), "event type"),
				plural(len(cfg.Pipelines), "pipeline"),
				plural(len(cfg.Lookups), "lookup"),
			}, ", "))
			return nil
		},
	}
	file.addFlag(cmd)
	return cmd
}

func newConfigShow() *cobra.Command {
	var file configFile
	cmd := &cobra.Command{
		Use:   "show [FILE]...",
		Short: "Show the configuration with all defaults filled in and secrets masked",
		Example: `kafka-notify config show                      # the built-in one
kafka-notify config show kafka-notify.yaml`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := file.setArguments(cmd, args); err != nil {
				return err
			}
			cfg, err := file.load()
			if err != nil {
				return err
			}
			text, err := cfg.Show()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
	file.addFlag(cmd)
	return cmd
}
