package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/app/poison"
)

func newPoisonEdit() *cobra.Command {
	var (
		service service
		edit    edit
	)
	cmd := &cobra.Command{
		Use:   "edit ID",
		Short: "Send a poisoned message back with another payload",
		Long: `Opens the payload in $EDITOR, or takes it from --file, tries it in the pipeline
without any effect, shows what changed and what would become of it, and sends it
when you say so. JSON is laid out for the editor, and sent without that space;
what a file holds is sent byte for byte. The event's id, source and type have to
stay.`,
		Example: `kafka-notify poison edit 0b0c6f3e-94a1-5d0f-8d3e-3b1f0e2a7c55
kafka-notify poison edit 0b0c6f3e-94a1-5d0f-8d3e-3b1f0e2a7c55 --file repaired.json --dry-run`,
		Args: arguments("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := service.client(cmd)
			if err != nil {
				return err
			}
			edit.follow.client, edit.follow.flags = operator(client), service.flags()
			return edit.run(cmd, args[0])
		},
	}
	service.addFlags(cmd)
	edit.follow.addFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&edit.file, "file", "", "take the payload from this `FILE`, - for standard input")
	flags.StringVar(&edit.reason, "reason", "", "`WHY`, for the timeline")
	flags.BoolVar(&edit.dryRun, "dry-run", false, "show what would become of it, and send nothing")
	flags.BoolVarP(&edit.yes, "yes", "y", false, "send it without asking")
	return cmd
}

// edit is the flags of poison edit.
type edit struct {
	follow       follow
	file, reason string
	dryRun, yes  bool
}

func (e *edit) run(cmd *cobra.Command, id string) error {
	client := e.follow.client
	entry, err := client.PoisonEntry(cmd.Context(), id)
	if err != nil {
		return err
	}
	draft, err := e.draft(cmd, entry.Value)
	if err != nil {
		return err
	}
	if bytes.Equal(draft.value, entry.Value) {
		draft.drop()
		return errors.New("nothing was changed: send it as it is with kafka-notify poison redrive")
	}
	job, err := e.send(cmd, entry.ID, draft.value)
	if err != nil {
		return draft.keep(err)
	}
	if job == nil {
		draft.mention(cmd.ErrOrStderr())
		return nil
	}
	draft.drop()
	return e.follow.job(cmd, *job)
}

// send shows what would become of the message, and sends it if that is wanted;
// nil when it isn't.
func (e *edit) send(cmd *cobra.Command, id string, value []byte) (*api.Redrive, error) {
	preview, err := e.follow.client.TryEdit(cmd.Context(), id, value)
	if err != nil {
		return nil, err
	}
	if e.follow.output != formatJSON {
		writeEditPreview(cmd.OutOrStdout(), &preview)
	} else if e.dryRun || preview.Refused != "" {
		if err := writeJSON(cmd.OutOrStdout(), preview); err != nil {
			return nil, err
		}
	}
	switch {
	case preview.Refused != "":
		return nil, fmt.Errorf("this payload can't be sent: %s", preview.Refused)
	case e.dryRun:
		return nil, nil
	case !e.yes && !confirmed(cmd, "Send it?"):
		return nil, errors.New("nothing was sent: confirm with y, or with --yes")
	}
	job, err := e.follow.client.Edit(cmd.Context(), id, value, e.reason)
	return &job, err
}

// draft is a payload that may be sent, and the file that it was written into, if
// that was done in an editor.
type draft struct {
	value []byte
	path  string
}

// draft is the new payload: from a file, or what an editor makes of the old one.
func (e *edit) draft(cmd *cobra.Command, old []byte) (d draft, err error) {
	switch e.file {
	case "":
		return edited(cmd, old)
	case "-":
		d.value, err = io.ReadAll(cmd.InOrStdin())
	default:
		d.value, err = os.ReadFile(e.file)
	}
	return d, err
}

// drop forgets what was written in an editor.
func (d *draft) drop() {
	if d.path != "" {
		_ = os.Remove(d.path)
	}
}

// keep is an error after which what was written in an editor can be used again.
func (d *draft) keep(err error) error {
	if d.path == "" {
		return err
	}
	return fmt.Errorf("%w\nwhat you wrote is in %s: --file takes it", err, d.path)
}

// mention says where that is after a dry run.
func (d *draft) mention(w io.Writer) {
	if d.path != "" {
		fmt.Fprintf(w, "What you wrote is in %s: --file takes it.\n", d.path)
	}
}

// edited opens old in $EDITOR and returns what is there when it ends.
func edited(cmd *cobra.Command, old []byte) (draft, error) {
	editor := os.Getenv("VISUAL")
	if editor == "" {
		editor = os.Getenv("EDITOR")
	}
	words := strings.Fields(editor)
	if len(words) == 0 {
		return draft{}, usagef(cmd, "set $EDITOR, or give the payload with --file")
	}
	f, err := os.CreateTemp("", "kafka-notify-*.json")
	if err != nil {
		return draft{}, fmt.Errorf("make a file to edit: %w", err)
	}
	d := draft{path: f.Name()}
	_, err = f.Write(laidOut(old))
	if err = errors.Join(err, f.Close()); err != nil {
		d.drop()
		return draft{}, fmt.Errorf("make a file to edit: %w", err)
	}
	run := exec.CommandContext(cmd.Context(), words[0], append(words[1:], f.Name())...)
	run.Stdin, run.Stdout, run.Stderr = cmd.InOrStdin(), unwrapped(cmd.OutOrStdout()), cmd.ErrOrStderr()
	if err := run.Run(); err != nil {
		d.drop()
		return draft{}, fmt.Errorf("run the editor %s: %w", editor, err)
	}
	if d.value, err = os.ReadFile(f.Name()); err != nil {
		return draft{}, fmt.Errorf("read what was edited: %w", err)
	}
	d.value = packed(d.value, old)
	return d, nil
}

// laidOut is a payload as people edit it: JSON with a line for each member.
func laidOut(payload []byte) []byte {
	if !json.Valid(payload) {
		return payload
	}
	return append(indented(payload), '\n')
}

// packed undoes what laidOut and an editor did to the space of a payload: JSON
// stays JSON in one line if it was, and text ends as it did.
func packed(written, old []byte) []byte {
	var out bytes.Buffer
	if !bytes.Contains(bytes.TrimSpace(old), []byte("\n")) && json.Valid(old) && json.Compact(&out, written) == nil {
		return out.Bytes()
	}
	if !bytes.HasSuffix(old, []byte("\n")) { // editors end the last line
		return bytes.TrimSuffix(written, []byte("\n"))
	}
	return written
}

// writeEditPreview shows what was changed and what would become of it.
func writeEditPreview(w io.Writer, p *poison.EditPreview) {
	fmt.Fprintf(w, "%s\n\nPipeline %s, without any effect:\n", strings.TrimRight(printableLines(p.Diff), "\n"), printable(p.Trial.Pipeline))
	writeTrial(w, &p.Trial)
}

// confirmed asks a question on the terminal.
func confirmed(cmd *cobra.Command, question string) bool {
	if terminalWidth(cmd.ErrOrStderr()) == 0 {
		return false
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s [y/N] ", question)
	var answer string
	_, _ = fmt.Fscanln(cmd.InOrStdin(), &answer)
	return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes")
}
