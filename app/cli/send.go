package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/app/event"
)

// sending is what the command line says of an event.
type sending struct {
	service  service
	output   format
	dataFile string
	id       string
	source   string
	time     string
}

func newSend() *cobra.Command {
	var s sending
	cmd := &cobra.Command{
		Use:   "send TYPE [key=text | key:=json]... [flags]",
		Short: "Submit an event",
		Long: `Submits an event to a running service. Its data is an object, given as
key=text and key:=json, or whatever JSON --data names.`,
		Example: `kafka-notify send follow follower_id=2 followee_id=1
kafka-notify send order.shipped parcels:=3 express:=true
echo '{"follower_id":"2","followee_id":"1"}' | kafka-notify send follow --data -`,
		DisableFlagsInUseLine: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef(cmd, "say which TYPE of event to send")
			}
			return nil
		},
		RunE: s.run,
	}
	s.service.addFlags(cmd)
	s.output.addFlag(cmd)
	cmd.Flags().StringVar(&s.dataFile, "data", "", "read the data from a JSON `FILE`, or from stdin with -")
	cmd.Flags().StringVar(&s.id, "id", "", "give the event this `ID`: a repeated one is the same event")
	cmd.Flags().StringVar(&s.source, "source", "", "give the event this source, a `URI` or a part of one")
	cmd.Flags().StringVar(&s.time, "time", "", "say that it happened at `TIME`, such as 2026-01-02T15:04:05Z")
	return cmd
}

func (s *sending) run(cmd *cobra.Command, args []string) error {
	e, err := s.submission(cmd, args)
	if err != nil {
		return err
	}
	client, err := s.service.client(cmd)
	if err != nil {
		return err
	}
	answer, err := client.Send(cmd.Context(), e)
	if err != nil {
		return err
	}
	if s.output == formatJSON {
		return writeJSON(cmd.OutOrStdout(), answer)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s %s %s\n", answer.Status, printable(answer.ID), printable(answer.Type))
	return nil
}

// submission builds the event; nothing has been asked of the service yet.
func (s *sending) submission(cmd *cobra.Command, args []string) (api.Submission, error) {
	e := api.Submission{Type: args[0], ID: s.id, Source: s.source}
	var err error
	if s.time != "" {
		if e.Time, err = time.Parse(time.RFC3339, s.time); err != nil {
			return e, usagef(cmd, "--time %q is no time like 2026-01-02T15:04:05Z", s.time)
		}
	}
	if s.dataFile == "" {
		e.Data, err = pairs(cmd, args[1:])
		return e, err
	}
	if len(args) > 1 {
		return e, usagef(cmd, "%q and --data exclude each other: leave one out", args[1])
	}
	e.Data, err = readData(s.dataFile, cmd.InOrStdin())
	return e, err
}

// readData reads JSON from a file, or from stdin when it is named "-".
func readData(name string, stdin io.Reader) (json.RawMessage, error) {
	var data []byte
	var err error
	if name == "-" {
		name = "stdin"
		data, err = io.ReadAll(stdin)
	} else {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, fmt.Errorf("read the event's data: %w", err)
	}
	if err := event.CheckJSON(data); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// pairs makes an object of key=text and key:=json. JSON goes in as it is
// written, so that no number changes.
func pairs(cmd *cobra.Command, args []string) (json.RawMessage, error) {
	object := []byte{'{'}
	seen := make(map[string]bool)
	for i, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		key, raw := strings.CutSuffix(key, ":")
		switch {
		case !ok || key == "":
			return nil, usagef(cmd, "%q is neither key=text nor key:=json", arg)
		case seen[key]:
			return nil, usagef(cmd, "the key %q is given twice", key)
		}
		seen[key] = true
		if i > 0 {
			object = append(object, ',')
		}
		var err error
		if object, err = jsontext.AppendQuote(object, key); err != nil {
			return nil, usagef(cmd, "the key %q is not UTF-8", key)
		}
		object = append(object, ':')
		if !raw {
			if object, err = jsontext.AppendQuote(object, value); err != nil {
				return nil, usagef(cmd, "the text of %s is not UTF-8", key)
			}
			continue
		}
		if err := event.CheckJSON([]byte(value)); err != nil {
			return nil, usagef(cmd, "%s: %s; a text is written %s=%s", key, err, key, value)
		}
		object = append(object, value...)
	}
	return append(object, '}'), nil
}
