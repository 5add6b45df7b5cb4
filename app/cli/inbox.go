package cli

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/trieungochai/kafka-notify/app/api"
)

func newInbox() *cobra.Command {
	var (
		service service
		output  format
		pages   pages
	)
	cmd := &cobra.Command{
		Use:     "inbox USER",
		Short:   "List a person's notifications, newest first",
		Example: "kafka-notify inbox 1 --limit 5",
		Args:    arguments("USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := pages.check(cmd); err != nil {
				return err
			}
			client, err := service.client(cmd)
			if err != nil {
				return err
			}
			list, next, err := collect(&pages, func(limit int, cursor string) ([]json.RawMessage, string, error) {
				page, err := client.Inbox(cmd.Context(), args[0], limit, cursor)
				return page.Notifications, page.NextCursor, err
			})
			if err != nil {
				return err
			}
			if output == formatJSON {
				return writeJSON(cmd.OutOrStdout(), api.InboxPage{Notifications: list, NextCursor: next})
			}
			return writeInbox(cmd, args[0], list, next)
		},
	}
	service.addFlags(cmd)
	output.addFlag(cmd)
	pages.addFlags(cmd)
	return cmd
}

// shown is what a line of the inbox shows of a notification.
type shown struct {
	Type  string `json:"type"`
	Actor *struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"actor"`
	Text      string    `json:"text"`
	CreatedAt time.Time `json:"created_at"`
}

func (n *shown) actor() string {
	switch {
	case n.Actor == nil:
		return "-"
	case n.Actor.Name == "":
		return n.Actor.ID
	default:
		return fmt.Sprintf("%s (%s)", n.Actor.Name, n.Actor.ID)
	}
}

func writeInbox(cmd *cobra.Command, user string, list []json.RawMessage, next string) error {
	if len(list) == 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "No notifications for %s.\n", printable(user))
		return nil
	}
	rows := make([][]string, len(list))
	for i, text := range list {
		var n shown
		if err := json.Unmarshal(text, &n); err != nil {
			return fmt.Errorf("read a notification: %w", err)
		}
		rows[i] = []string{clock(n.CreatedAt), n.Type, n.actor(), n.Text}
	}
	writeTable(cmd.OutOrStdout(), []string{"TIME", "TYPE", "ACTOR", "TEXT"}, rows)
	hintMore(cmd, next)
	return nil
}

// hintMore says how a list that was cut goes on.
func hintMore(cmd *cobra.Command, next string) {
	if next != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "There are more: --all, or --cursor %s for those that follow.\n", printable(next))
	}
}
