package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trieungochai/kafka-notify/config"
)

func newConfigCheck() *cobra.Command {
	var file configFile
	var output format
	cmd := &cobra.Command{
		Use:   "check [FILE]...",
		Short: "Find everything wrong with a configuration without starting anything",
		Long: `Find everything wrong with a configuration without starting anything.

Errors keep the service from starting, and make the exit code 1. With warnings it
runs, but hardly as it was meant: an event type that no pipeline reads, a lookup or
a handler type that nothing uses, a deduplicate behind a route.`,
		Example: `kafka-notify config check kafka-notify.yaml
kafka-notify config check etc                  # all *.yaml and *.yml files of a folder`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := file.setArguments(cmd, args); err != nil {
				return err
			}
			cfg, faults, err := file.check(cmd.Context())
			switch {
			case err != nil:
				return err
			case output == formatJSON:
				err = writeJSON(cmd.OutOrStdout(), newReport(faults))
			default:
				writeFaults(cmd.OutOrStdout(), cmd.ErrOrStderr(), file.name(), cfg, faults)
			}
			if len(faults.Errors()) > 0 {
				return errFailed
			}
			return err
		},
	}
	file.addFlag(cmd)
	output.addFlag(cmd)
	return cmd
}

// checked reads the files for a command that has no use for faulty ones: errors
// are written as check writes them.
func (f *configFile) checked(cmd *cobra.Command) (*config.Config, error) {
	cfg, faults, err := f.check(cmd.Context())
	if err != nil {
		return nil, err
	}
	if errs := faults.Errors(); len(errs) > 0 {
		writeFaults(cmd.OutOrStdout(), cmd.ErrOrStderr(), f.name(), cfg, errs)
		return nil, errFailed
	}
	return cfg, nil
}

// writeFaults writes what is wrong, which is what was asked for and goes to
// stdout, in the order of the file; and how much that is.
func writeFaults(out, stderr io.Writer, name string, cfg *config.Config, faults config.Faults) {
	errs, warnings := len(faults.Errors()), len(faults.Warnings())
	if len(faults) > 0 {
		fmt.Fprintf(out, "%s\n", printableLines(faults.Error()))
	}
	var counts []string
	if errs > 0 {
		counts = append(counts, plural(errs, "error"))
	}
	if warnings > 0 {
		counts = append(counts, plural(warnings, "warning"))
	}
	if errs > 0 {
		fmt.Fprintf(stderr, "%s: %s\n", name, strings.Join(counts, ", "))
		return
	}
	counts = append([]string{
		plural(len(cfg.Events), "event type"),
		plural(len(cfg.Pipelines), "pipeline"),
		plural(len(cfg.Lookups), "lookup"),
	}, counts...)
	fmt.Fprintf(out, "%s: ok (%s)\n", name, strings.Join(counts, ", "))
}

// checkReport is what check finds, as JSON.
type checkReport struct {
	OK       bool         `json:"ok"`
	Errors   []checkFault `json:"errors"`
	Warnings []checkFault `json:"warnings"`
}

type checkFault struct {
	checkPlace
	Hint string `json:"hint,omitempty"`
	// Notes are further places, such as the use of the handler type in whose
	// definition the fault lies.
	Notes []checkPlace `json:"notes,omitempty"`
}

type checkPlace struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

func newReport(faults config.Faults) checkReport {
	errs := faults.Errors()
	return checkReport{OK: len(errs) == 0, Errors: checkFaults(errs), Warnings: checkFaults(faults.Warnings())}
}

func checkFaults(faults config.Faults) []checkFault {
	all := make([]checkFault, 0, len(faults))
	for _, f := range faults {
		fault := checkFault{checkPlace: placeOf(f.Pos, f.Message), Hint: f.Hint}
		for _, n := range f.Notes {
			fault.Notes = append(fault.Notes, placeOf(n.Pos, n.Message))
		}
		all = append(all, fault)
	}
	return all
}

func placeOf(at config.Pos, message string) checkPlace {
	return checkPlace{File: at.File, Line: at.Line, Column: at.Col, Message: message}
}
