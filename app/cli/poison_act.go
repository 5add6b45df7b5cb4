package cli

import (
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/app/poison"
)

// anyState is the value of --state that selects messages in all of them.
const anyState = "all"

// choice is the flags that select poisoned messages.
type choice struct {
	query poison.Query
	state string
}

func (c *choice) addFlags(cmd *cobra.Command, state string) {
	c.state = state
	flags := cmd.Flags()
	flags.StringVar(&c.state, "state", state, "those in this `STATE`: open, redriven, archived or discarded; all for any")
	flags.StringVar(&c.query.Pipeline, "pipeline", "", "those of this `PIPELINE`")
	flags.StringVar(&c.query.Class, "class", "", "those of this `CLASS`: decode, schema, lookup_missing, …")
	flags.StringVar(&c.query.Filter, "filter", "", "those for which the condition `CEL` is true")
	flags.StringVar(&c.query.Words, "search", "", "those that hold these `WORDS`")
	flags.DurationVar(&c.query.OlderThan, "older-than", 0, "those that failed last so long ago, such as 48h, or longer")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error { return c.check(cmd) }
}

// check takes the state up, and reports what can't be meant.
func (c *choice) check(cmd *cobra.Command) error {
	switch {
	case cmd.Flags().Changed("older-than") && c.query.OlderThan <= 0:
		return usagef(cmd, "--older-than must be a duration such as 48h")
	case c.state == anyState:
		c.query.State = ""
	case !slices.Contains(poison.States, poison.State(c.state)):
		return usagef(cmd, "--state must be open, redriven, archived, discarded or all, not %q", c.state)
	default:
		c.query.State = poison.State(c.state)
	}
	return nil
}

// none says that nothing is selected.
func (c *choice) none() string {
	if c.query.State == "" {
		return "No poisoned messages."
	}
	return fmt.Sprintf("No %s poisoned messages; --state all shows the others too.", c.query.State)
}

// chosen are the flags and arguments that select what an action is for.
type chosen struct {
	choice
	ids   []string
	limit int
	yes   bool
}

func (c *chosen) addFlags(cmd *cobra.Command, state string) {
	c.choice.addFlags(cmd, state)
	flags := cmd.Flags()
	flags.StringSliceVar(&c.ids, "id", nil, "those of these `IDS`, as arguments name them too")
	flags.IntVar(&c.limit, "limit", 0, "at most `N`, the oldest first (0: all)")
	flags.BoolVarP(&c.yes, "yes", "y", false, "for all there are, where neither ids nor a filter say for which")
}

// filters are the flags that narrow down what an action is for. A state doesn't:
// that all archived messages are meant has to be said as well.
var filters = []string{"pipeline", "class", "filter", "search", "older-than"}

// selection is what the command line selects.
func (c *chosen) selection(cmd *cobra.Command, args []string) (poison.Selection, error) {
	s := poison.Selection{IDs: slices.Concat(args, c.ids), Query: c.query, Limit: c.limit, All: c.yes}
	given := func(name string) bool { return cmd.Flags().Changed(name) }
	filtered := slices.ContainsFunc(filters, given)
	switch {
	case c.limit < 0:
		return s, usagef(cmd, "--limit must be how many messages at the most, or 0 for all")
	case len(s.IDs) > 0 && (filtered || given("state") || given("limit")):
		return s, usagef(cmd, "name ids or a filter, not both")
	case len(s.IDs) > 0:
		s.Query = poison.Query{}
	case !filtered && !c.yes:
		return s, usagef(cmd, "that is for all %s messages: say which with an ID or a filter, or confirm with --yes", c.state)
	}
	return s, nil
}

// operator makes the client say who asks.
func operator(client *api.Client) *api.Client {
	client.Front = "cli"
	if name := os.Getenv("KAFKA_NOTIFY_OPERATOR"); name != "" {
		client.Operator = name
	} else if u, err := user.Current(); err == nil {
		client.Operator = u.Username
	}
	return client
}

// actTexts are what is said of archive, restore and discard.
var actTexts = map[action.Kind]struct{ state, short, long, example, done string }{
	action.Archive: {
		string(poison.Open), "Put poisoned messages aside",
		"Open messages are archived: kept, and out of the way. restore takes that back.",
		`kafka-notify poison archive 0b0c6f3e-94a1-5d0f-8d3e-3b1f0e2a7c55
kafka-notify poison archive --filter 'class == "decode"' --older-than 168h --reason 'test data'`,
		"archived",
	},
	action.Restore: {
		string(poison.Archived), "Take archived or discarded messages back",
		"Archived messages, or with --state discarded those, are open again.",
		`kafka-notify poison restore 0b0c6f3e-94a1-5d0f-8d3e-3b1f0e2a7c55
kafka-notify poison restore --state discarded --pipeline follow`,
		"restored",
	},
	action.Discard: {
		string(poison.Open), "Give poisoned messages up, with a reason",
		"Open messages, or with --state archived those, are discarded: nobody is going to\nsend them back. restore takes that back.",
		`kafka-notify poison discard 0b0c6f3e-94a1-5d0f-8d3e-3b1f0e2a7c55 --reason 'a test'
kafka-notify poison discard --state archived --older-than 720h --reason 'nobody wants to be told any more'`,
		"discarded",
	},
}

// newPoisonAct makes the command that archives, restores or discards.
func newPoisonAct(kind action.Kind) *cobra.Command {
	var (
		service service
		output  format
		chosen  chosen
		reason  string
	)
	texts := actTexts[kind]
	cmd := &cobra.Command{
		Use:   string(kind) + " [ID]...",
		Short: texts.short,
		Long: texts.long + `

Nothing is deleted from Kafka. Who did it and why stands in the timeline of each
message; the environment variable KAFKA_NOTIFY_OPERATOR says who you are.`,
		Example: texts.example,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			selection, err := chosen.selection(cmd, args)
			if err != nil {
				return err
			}
			if kind == action.Discard && reason == "" {
				return usagef(cmd, "say why, with --reason")
			}
			client, err := service.client(cmd)
			if err != nil {
				return err
			}
			report, err := operator(client).Act(cmd.Context(), kind, selection, reason)
			if err != nil {
				return err
			}
			if output == formatJSON {
				err = writeJSON(cmd.OutOrStdout(), report)
			} else {
				fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", messages(report.Done), texts.done)
				writeRefused(cmd.ErrOrStderr(), report.Refused)
			}
			if err == nil && len(report.Refused) > 0 {
				err = errFailed
			}
			return err
		},
	}
	service.addFlags(cmd)
	output.addFlag(cmd)
	chosen.addFlags(cmd, texts.state)
	cmd.Flags().StringVar(&reason, "reason", "", "`WHY`, for the timeline")
	return cmd
}

// messages says how many.
func messages(n int) string {
	if n == 1 {
		return "1 message"
	}
	return fmt.Sprintf("%d messages", n)
}

// writeRefused says for which messages nothing was done, and why.
func writeRefused(w io.Writer, refused []poison.Refusal) {
	const named = 3
	for _, r := range refused {
		ids := strings.Join(r.IDs[:min(named, len(r.IDs))], ", ")
		if r.Count > named {
			ids += ", …"
		}
		fmt.Fprintf(w, "not %s: %s (%s)\n", messages(r.Count), printable(r.Reason), printable(ids))
	}
}
