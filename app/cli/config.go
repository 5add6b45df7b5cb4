package cli

import "github.com/spf13/cobra"

func newConfig() *cobra.Command {
	return newGroup("config", "Check, test, show and draw the configuration",
		newConfigCheck(), newConfigTest(), newConfigExplain(), newConfigShow(), newConfigGraph(), newConfigSchema())
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
