// Package cli is the command line: one file a command. Commands take their
// arguments and streams from Main and touch nothing else of the process.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/config"
)

// Exit codes of Main.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// Main runs the command that args name, without the program's own name, and
// returns the exit code: 0 done, 1 it failed, 2 wrong usage, or serve with a
// faulty file. When ctx ends the command stops.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := &output{w: stdout}
	root := newRoot()
	root.SetIn(stdin)
	root.SetOut(out)
	root.SetErr(stderr)
	// Without arguments cobra must not fall back to those of the process.
	root.SetArgs(append([]string{}, args...))

	err := root.ExecuteContext(ctx)
	if err == nil && out.err != nil {
		err = fmt.Errorf("write the output: %w", out.err)
	}
	return report(stderr, err)
}

func newRoot() *cobra.Command {
	root := newGroup("kafka-notify", "A notification router on Kafka",
		newServe(), newSend(), newInbox(), newTail(), newPoison(), newConfig(), newHandlers(), newVersion())
	root.Example = `kafka-notify serve
kafka-notify send follow follower_id=2 followee_id=1
kafka-notify inbox 1`
	root.Version = version()
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetUsageTemplate(usageTemplate)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(newHelp())
	root.CompletionOptions.DisableDefaultCmd = true
	root.SilenceErrors, root.SilenceUsage = true, true
	indentExamples(root)
	return root
}

// indentExamples lets commands write their examples flush left.
func indentExamples(cmd *cobra.Command) {
	if cmd.Example != "" {
		cmd.Example = "  " + strings.ReplaceAll(cmd.Example, "\n", "\n  ")
	}
	for _, c := range cmd.Commands() {
		indentExamples(c)
	}
}

// errFailed ends a command whose output says already what is wrong.
var errFailed = errors.New("failed")

// startError is why serve could not read its configuration: the exit code is
// that of wrong usage, so that a supervisor can tell it from a crash.
type startError struct{ error }

func (e startError) Unwrap() error { return e.error }

// report tells the user what went wrong and returns the exit code for it.
func report(stderr io.Writer, err error) int {
	var usage *usageError
	var start startError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		if usage.message != "" {
			fmt.Fprintf(stderr, "%s: %s; see %s --help\n", usage.command, printable(usage.message), usage.command)
		}
		return exitUsage
	case errors.Is(err, errFailed):
		return exitFailed
	}
	fmt.Fprintln(stderr, message(err))
	if errors.As(err, &start) {
		return exitUsage
	}
	return exitFailed
}

// message words an error for a terminal. Faults of a configuration begin with
// their place, so that editors can jump there; other errors with the program.
func message(err error) string {
	var faults config.Faults
	if errors.As(err, &faults) {
		return printableLines(err.Error())
	}
	text := err.Error()
	var problem *api.Problem
	if errors.As(err, &problem) && len(problem.Errors) == 1 && strings.HasSuffix(problem.Detail, problem.Errors[0].Detail) {
		text = problem.Detail // says it all: a list of one would repeat it
	}
	return "kafka-notify: " + printableLines(text)
}

// output is stdout. It remembers the first failed write, such as to a full
// disk, so that a command does not end as done when its output is lost.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(p)
	o.err = err
	return n, err
}
