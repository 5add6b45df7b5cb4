package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/app/poison"
)

func newPoisonJobs() *cobra.Command {
	return newGroup("job", "List redrive jobs, and pause, resume or cancel them",
		newJobLs(), newJobShow(),
		newJobSteer(action.Pause, "Pause a redrive job"),
		newJobSteer(action.Resume, "Let a redrive job go on that was paused, or has paused itself"),
		newJobSteer(action.Cancel, "End a redrive job; what it has not sent is open again"))
}

func newJobLs() *cobra.Command {
	var (
		service service
		output  format
	)
	cmd := &cobra.Command{
		Use: "ls", Short: "List redrive jobs, newest first", Example: "kafka-notify poison job ls", Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := service.client(cmd)
			if err != nil {
				return err
			}
			jobs, err := client.Redrives(cmd.Context())
			if err != nil {
				return err
			}
			if output == formatJSON {
				return writeJSON(cmd.OutOrStdout(), api.Redrives{Redrives: jobs})
			}
			if len(jobs) == 0 {
				fmt.Fprintln(cmd.ErrOrStderr(), "No redrive jobs.")
				return nil
			}
			rows := make([][]string, len(jobs))
			for i, j := range jobs {
				rows[i] = []string{
					j.ID, string(j.State), clock(j.BegunAt), j.By.String(), strconv.Itoa(j.Sent) + "/" + strconv.Itoa(j.Total),
					strconv.Itoa(j.Failed), j.Terms.Selection,
				}
			}
			writeTable(cmd.OutOrStdout(), []string{"JOB", "STATE", "BEGUN", "BY", "SENT", "FAILED", "MESSAGES"}, rows)
			return nil
		},
	}
	service.addFlags(cmd)
	output.addFlag(cmd)
	return cmd
}

func newJobShow() *cobra.Command {
	return newJobCommand("show", "Show how far a redrive job is", func(ctx context.Context, client *api.Client, id string) (poison.Job, error) {
		return client.RedriveJob(ctx, id)
	})
}

func newJobSteer(kind action.Kind, short string) *cobra.Command {
	return newJobCommand(string(kind), short, func(ctx context.Context, client *api.Client, id string) (poison.Job, error) {
		return operator(client).SteerRedrive(ctx, kind, id)
	})
}

func newJobCommand(name, short string, do func(context.Context, *api.Client, string) (poison.Job, error)) *cobra.Command {
	var (
		service service
		output  format
	)
	cmd := &cobra.Command{
		Use: name + " JOB", Short: short, Example: "kafka-notify poison job " + name + " 019b0c6f-3e94-7d0f-8d3e-3b1f0e2a7c55",
		Args: arguments("JOB"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := service.client(cmd)
			if err != nil {
				return err
			}
			job, err := do(cmd.Context(), client, args[0])
			if err != nil {
				return err
			}
			if output == formatJSON {
				return writeJSON(cmd.OutOrStdout(), job)
			}
			text := progressOf(&job)
			if job.Why != "" {
				text += "; " + job.Who.String() + ": " + job.Why
			}
			fmt.Fprintln(cmd.OutOrStdout(), printable(text))
			return nil
		},
	}
	service.addFlags(cmd)
	output.addFlag(cmd)
	return cmd
}
