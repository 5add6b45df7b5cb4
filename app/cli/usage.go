package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trieungochai/kafka-notify/config"
)

// usageError is wrong usage of a command: a flag or an argument that it has
// not, or lacks.
type usageError struct {
	command string // its path, such as "kafka-notify poison show"
	message string // what to do; empty when help was shown instead
}

func (e *usageError) Error() string { return e.command + ": " + e.message }

func usagef(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{command: cmd.CommandPath(), message: fmt.Sprintf(format, args...)}
}

// newGroup makes a command that only holds others.
func newGroup(name, short string, commands ...*cobra.Command) *cobra.Command {
	group := &cobra.Command{
		Use:   name,
		Short: short,
		// Arguments reach RunE only when they are no command of the group.
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) > 0:
				return unknownCommand(cmd, args[0])
			case cmd.HasParent():
				return usagef(cmd, "say which command: %s", strings.Join(commandNames(cmd), ", "))
			}
			// Whoever types the bare name wants to know what there is.
			cmd.SetOut(cmd.ErrOrStderr())
			if err := cmd.Help(); err != nil {
				return err
			}
			return usagef(cmd, "")
		},
	}
	group.AddCommand(commands...)
	return group
}

func unknownCommand(group *cobra.Command, name string) error {
	return usagef(group, "there is no command %q (%s)", name, config.Suggest(name, commandNames(group)))
}

func commandNames(group *cobra.Command) []string {
	var names []string
	for _, c := range group.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

// flagError words what the flag parser found. A flag of a mistyped command is
// unknown too, but the command is the mistake.
func flagError(cmd *cobra.Command, err error) error {
	if cmd.HasSubCommands() && cmd.Flags().NArg() > 0 {
		return unknownCommand(cmd, cmd.Flags().Arg(0))
	}
	return usagef(cmd, "%s", err)
}

// arguments requires exactly the arguments that it names, in order.
func arguments(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > len(names) {
			return usagef(cmd, "unexpected argument %q", args[len(names)])
		}
		if len(args) < len(names) {
			return usagef(cmd, "%s is missing", names[len(args)])
		}
		return nil
	}
}

// newHelp is cobra's help command, except that an unknown command is an error.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help on a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			about := cmd.Root()
			for _, name := range args {
				next := subcommand(about, name)
				if next == nil {
					return unknownCommand(about, name)
				}
				about = next
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

func subcommand(group *cobra.Command, name string) *cobra.Command {
	for _, c := range group.Commands() {
		if c.Name() == name {
			return c
		}
	}
	return nil
}

// count is a flag's value that is at least 1.
type count int

func (c *count) String() string { return strconv.Itoa(int(*c)) }
func (c *count) Type() string   { return "N" }

func (c *count) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return fmt.Errorf("must be a whole number, 1 or more")
	}
	*c = count(n)
	return nil
}

// usageTemplate is cobra's own without what is not used here, and with the
// words "COMMAND" and "[flags]" only where they apply.
const usageTemplate = `Usage:
  {{if .HasAvailableSubCommands}}{{.CommandPath}} COMMAND{{else}}{{.UseLine}}{{end}}
{{- if .HasExample}}

Example:
{{.Example}}
{{- end}}
{{- if .HasAvailableSubCommands}}

Commands:
{{- range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}

"{{.CommandPath}} COMMAND --help" tells more about a command.
{{- end}}
{{- if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
{{- end}}
`
