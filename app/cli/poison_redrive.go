package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/app/poison"
)

func newPoisonRedrive() *cobra.Command {
	var (
		service service
		redrive redrive
	)
	cmd := &cobra.Command{
		Use:   "redrive [ID]...",
		Short: "Send poisoned messages back to their pipelines",
		Long: `Sends open messages back to the pipelines that gave them up, and to nobody else.
Repair the cause first: what fails again is poisoned again, and what was sent back
poison.max_redrives times is refused.

It begins a job, and waits until it is known what became of its messages. What is
selected when the job begins is what is sent, whatever fails meanwhile. The job goes
on without this command. With --canary it sends a few first, and the others once
those have passed; if one of them fails, or more than --max-failed of all, the job
pauses itself: see "kafka-notify poison job".`,
		Example: `kafka-notify poison redrive 0b0c6f3e-94a1-5d0f-8d3e-3b1f0e2a7c55
kafka-notify poison redrive --filter 'class == "lookup_missing"' --dry-run
kafka-notify poison redrive --filter 'class == "lookup_missing"' --canary 10 --rate 50`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := redrive.check(cmd, args); err != nil {
				return err
			}
			client, err := service.client(cmd)
			if err != nil {
				return err
			}
			redrive.follow.client, redrive.follow.flags = operator(client), service.flags()
			return redrive.run(cmd)
		},
	}
	service.addFlags(cmd)
	redrive.follow.addFlags(cmd)
	redrive.chosen.addFlags(cmd, string(poison.Open))
	flags, terms := cmd.Flags(), &redrive.order.Terms
	flags.BoolVar(&redrive.dryRun, "dry-run", false, "say what would be sent where, and send nothing")
	flags.StringVar(&terms.Target, "target", poison.ToPipeline, "where to: `pipeline`, source (the event topic, for all who read it), or a topic's name")
	flags.Float64Var(&terms.Rate, "rate", 0, "at most `N` messages a second (0: no limit)")
	flags.IntVar(&terms.Canary, "canary", 0, "send `N` first, and the others if all of them pass")
	flags.Float64Var(&terms.MaxFailed, "max-failed", 0.5, "pause when more than this `SHARE` fails again, 0 to 1 (0: never)")
	flags.StringVar(&redrive.order.Reason, "reason", "", "`WHY`, for the timeline")
	return cmd
}

// redrive is the flags of poison redrive.
type redrive struct {
	follow follow
	chosen chosen
	order  poison.Order
	dryRun bool
}

// check takes the selection up, and reports what can't be meant.
func (r *redrive) check(cmd *cobra.Command, args []string) (err error) {
	switch t := r.order.Terms; {
	case t.Rate < 0:
		return usagef(cmd, "--rate must be messages a second, or 0 for no limit")
	case t.Canary < 0:
		return usagef(cmd, "--canary must be how many are sent first, or 0 for none")
	case t.MaxFailed < 0 || t.MaxFailed > 1:
		return usagef(cmd, "--max-failed must be a share from 0 to 1")
	}
	r.order.Selection, err = r.chosen.selection(cmd, args)
	return err
}

func (r *redrive) run(cmd *cobra.Command) error {
	if r.dryRun {
		preview, err := r.follow.client.PreviewRedrive(cmd.Context(), r.order)
		if err != nil {
			return err
		}
		if r.follow.output == formatJSON {
			return writeJSON(cmd.OutOrStdout(), preview)
		}
		writePreview(cmd.OutOrStdout(), preview)
		return nil
	}
	job, err := r.follow.client.Redrive(cmd.Context(), r.order)
	if err != nil {
		return err
	}
	writeRefused(cmd.ErrOrStderr(), job.Refused)
	err = r.follow.job(cmd, job)
	if err == nil && len(r.order.Selection.IDs) > 0 && len(job.Refused) > 0 {
		err = errFailed // somebody named them
	}
	return err
}

// writePreview says what a redrive would do.
func writePreview(w io.Writer, p poison.Preview) {
	fmt.Fprintf(w, "%d of %s would be sent\n", p.Eligible, messages(p.Selected))
	for _, t := range p.Targets {
		fmt.Fprintf(w, "  %d to %s, which %s\n", t.Messages, printable(t.Topic), readers(t.Readers))
	}
	writeRefused(w, p.Refused)
}

func readers(groups []string) string {
	switch len(groups) {
	case 0:
		return "nobody reads"
	case 1:
		return "1 group reads: " + printable(groups[0])
	}
	return fmt.Sprintf("%d groups read: %s", len(groups), printable(strings.Join(groups, ", ")))
}

// follow is what shows the progress of a job that a command has begun.
type follow struct {
	client *api.Client
	flags  string // of the command that began it, to repeat them in a hint
	output format
	detach bool
}

func (f *follow) addFlags(cmd *cobra.Command) {
	f.output.addFlag(cmd)
	cmd.Flags().BoolVar(&f.detach, "detach", false, "don't wait until it is known what became of it")
}

// job waits until a job is over and the fate of what it sent is known. The error
// says what an operator has to look at.
func (f *follow) job(cmd *cobra.Command, begun api.Redrive) error {
	job, err := begun.Job, error(nil)
	if !f.detach {
		job, err = f.settle(cmd, job)
	}
	switch {
	case err != nil:
	case f.output == formatJSON:
		err = writeJSON(cmd.OutOrStdout(), api.Redrive{Job: job, Refused: begun.Refused})
	default:
		fmt.Fprintln(cmd.OutOrStdout(), printable(progressOf(&job)))
	}
	switch {
	case err != nil || f.detach:
		return err
	case job.State == poison.Held || job.State == poison.Paused:
		stopped := "was paused by " + job.Who.String()
		if job.State == poison.Held {
			stopped = "has paused itself: " + job.Why
		}
		return fmt.Errorf("the job %s\nlet it go on with: kafka-notify poison job resume %s%s (or end it: cancel)", stopped, job.ID, f.flags)
	case job.Failed > 0:
		return fmt.Errorf("%s failed again: kafka-notify poison groups%s", messages(job.Failed), f.flags)
	}
	return nil
}

// settle waits until there is nothing to wait for, and shows the progress.
func (f *follow) settle(cmd *cobra.Command, job poison.Job) (poison.Job, error) {
	bar := newBar(cmd.ErrOrStderr())
	defer bar.end()
	for !settled(&job) {
		bar.show(&job)
		select {
		case <-cmd.Context().Done():
			return job, fmt.Errorf("the job goes on without this command: kafka-notify poison job show %s%s", job.ID, f.flags)
		case <-time.After(200 * time.Millisecond):
		}
		next, err := f.client.RedriveJob(cmd.Context(), job.ID)
		if err != nil && cmd.Context().Err() == nil {
			return job, err
		}
		if err == nil {
			job = next
		}
	}
	return job, nil
}

// settled reports whether there is nothing to wait for.
func settled(job *poison.Job) bool {
	switch {
	case job.State == poison.Held || job.State == poison.Paused:
		return true
	case !job.State.Over():
		return false
	}
	return job.Terms.Target != poison.ToPipeline || job.Known()+job.Gone >= job.Sent
}

// progressOf says how far a job is.
func progressOf(job *poison.Job) string {
	text := fmt.Sprintf("job %s is %s: %d of %s sent", job.ID, job.State, job.Sent, messages(job.Total))
	for _, part := range []struct {
		n    int
		name string
	}{
		{job.Delivered, "delivered"},
		{job.Dropped, "dropped"},
		{job.Superseded, "superseded"},
		{job.Failed, "failed again"},
		{job.Gone, "gone from Kafka"},
		{job.Taken, "taken by others before"},
	} {
		if part.n > 0 {
			text += fmt.Sprintf(", %d %s", part.n, part.name)
		}
	}
	if job.Awaited {
		text += "; the fate of its canary is awaited"
	}
	return text
}
