package cli

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/suite"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func newConfigTest() *cobra.Command {
	var (
		service service
		output  format
		test    testRun
	)
	cmd := &cobra.Command{
		Use:   "test [FILE]...",
		Short: "Run the tests of a configuration's pipelines",
		Long: `Runs what stands under tests: in the configuration: events go through the pipelines
without a broker, on a clock that stands still, with the lookups that the tests fake,
and what becomes of them is compared with what is expected. The exit code is 1 when a
test fails, and when there is none. --coverage lists the handlers, and the ways on
from them, that no test has reached.

--from-poison writes a test out of a message that a pipeline of a running service gave
up on, as YAML, to put into the configuration or into a file of its own.`,
		Example: `kafka-notify config test kafka-notify.yaml --coverage
kafka-notify config test kafka-notify.yaml --run 'follow.*twice'
kafka-notify config test --from-poison 264eecc9-d496-502b-bb20-eb454e240ac6`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := service.file.setArguments(cmd, args); err != nil {
				return err
			}
			if test.poison != "" {
				return writeTest(cmd, &service, test.poison)
			}
			return test.run(cmd, &service.file, output)
		},
	}
	service.addFlags(cmd)
	output.addFlag(cmd)
	flags := cmd.Flags()
	flags.StringVar(&test.names, "run", "", "run only the tests whose names match `REGEXP`")
	flags.BoolVar(&test.coverage, "coverage", false, "list what no test has reached")
	flags.StringVar(&test.poison, "from-poison", "", "write a test out of the poisoned message `ID`")
	return cmd
}

// testRun is the flags of config test.
type testRun struct {
	names, poison string
	coverage      bool
}

func (t *testRun) run(cmd *cobra.Command, file *configFile, output format) error {
	names, err := regexp.Compile(t.names)
	if err != nil {
		return usagef(cmd, "--run: %s", err)
	}
	cfg, err := file.checked(cmd)
	if err != nil {
		return err
	}
	tests, err := suite.New(cmd.Context(), cfg, handler.Default())
	if err != nil {
		return err
	}
	defer tests.Close()
	report, err := tests.Run(cmd.Context(), names.MatchString)
	switch {
	case errors.Is(err, suite.ErrNone) && len(cfg.Tests) > 0:
		return fmt.Errorf("the name of none of the %s in %s matches %q", plural(len(cfg.Tests), "test"), file.name(), t.names)
	case errors.Is(err, suite.ErrNone):
		return fmt.Errorf("there are no tests in %s: write some under tests:, or out of a failure with --from-poison", file.name())
	case err != nil:
		return err
	}
	if t.coverage {
		report.Coverage = tests.Coverage()
	}
	if output != formatJSON {
		writeReport(cmd.OutOrStdout(), &report)
	} else if err := writeJSON(cmd.OutOrStdout(), report); err != nil {
		return err
	}
	if report.Failed > 0 {
		return errFailed
	}
	return nil
}

func writeReport(w io.Writer, r *suite.Report) {
	for _, t := range r.Tests {
		if t.Passed {
			fmt.Fprintf(w, "ok    %s\n", printable(t.Name))
			continue
		}
		fmt.Fprintf(w, "FAIL  %s\n", printable(t.Name))
		for _, f := range t.Failures {
			writeFailure(w, &f)
		}
	}
	if r.Failed > 0 {
		fmt.Fprintf(w, "%d of %s failed, in %.1f ms\n", r.Failed, plural(len(r.Tests), "test"), r.Took)
	} else {
		fmt.Fprintf(w, "%s passed, in %.1f ms\n", plural(r.Passed, "test"), r.Took)
	}
	if r.Coverage != nil {
		writeCoverage(w, r.Coverage)
	}
}

func writeFailure(w io.Writer, f *suite.Failure) {
	if f.Diff == "" {
		fmt.Fprintf(w, "      %s: %s\n", printable(f.At), printable(f.Message))
		return
	}
	fmt.Fprintf(w, "      %s: %s (-expected +got):\n", printable(f.At), printable(f.Message))
	for line := range strings.Lines(f.Diff) {
		fmt.Fprintf(w, "        %s\n", printable(strings.TrimSuffix(line, "\n")))
	}
}

func writeCoverage(w io.Writer, c *suite.Coverage) {
	fmt.Fprintf(w, "They reach %d of %s and %d of %d branches.\n", c.HandlersReached, plural(c.Handlers, "handler"), c.BranchesReached, c.Branches)
	if len(c.Missing) == 0 {
		return
	}
	rows := make([][]string, len(c.Missing))
	for i, m := range c.Missing {
		rows[i] = []string{m.At, m.Handler, m.Branch}
		if m.Branch == "" {
			rows[i][2] = "no message comes here"
		}
	}
	writeTable(w, []string{"NOT REACHED", "HANDLER", "BRANCH"}, rows)
}

// writeTest writes a test out of a poisoned message.
func writeTest(cmd *cobra.Command, service *service, id string) error {
	client, err := service.client(cmd)
	if err != nil {
		return err
	}
	message, err := client.PoisonEntry(cmd.Context(), id)
	if err != nil {
		return err
	}
	var trial *action.Trial
	preview, err := client.TryEdit(cmd.Context(), id, message.Value)
	if err == nil {
		trial = &preview.Trial
	}
	text, err := suite.FromPoison(message.Entry, trial, err)
	if err != nil {
		return fmt.Errorf("write a test out of message %s: %w", id, err)
	}
	_, err = cmd.OutOrStdout().Write(safeJSON(text)) // such characters stand in double quotes, as in JSON
	return err
}
