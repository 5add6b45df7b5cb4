package poison

import (
	"bytes"
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/app/record"
)

// EditPreview says what would become of a message with another payload.
type EditPreview struct {
	// Diff shows what is changed; of JSON it shows the lines laid out, whatever
	// the bytes look like.
	Diff string `json:"diff"`
	// Trial is what its pipeline would make of it.
	Trial action.Trial `json:"trial"`
	// Refused is why it can't be sent like this, "" when it can.
	Refused string `json:"refused,omitempty"`
}

// TryEdit says what would become of a message whose payload was value, byte for
// byte, and does nothing. Errors: ErrNotFound, ErrNotReady, *RefusedError for a
// message that can't be sent whatever its payload.
func (c *Console) TryEdit(ctx context.Context, id string, value []byte) (EditPreview, error) {
	_, preview, err := c.prepareEdit(ctx, id, value)
	return preview, err
}

// Edit sends a message back to its pipeline with value as its payload, byte for
// byte, as a job of its own. Errors: those of TryEdit, *RefusedError for what
// TryEdit refuses, and those of writing to Kafka.
func (c *Console) Edit(ctx context.Context, id string, value []byte, by action.By, reason string) (Job, error) {
	r, preview, err := c.prepareEdit(ctx, id, value)
	if err != nil {
		return Job{}, err
	}
	if preview.Refused != "" {
		return Job{}, &RefusedError{Reason: preview.Refused}
	}
	o := Order{Reason: reason, Terms: action.Terms{Target: ToPipeline, Selection: "id " + id + ", edited"}}
	job, _, err := c.begin(ctx, o, []row{r}, by, &edit{value: value, diff: preview.Diff})
	return job, err
}

// edit is another payload for a message.
type edit struct {
	value []byte
	diff  string
}

func (c *Console) prepareEdit(ctx context.Context, id string, value []byte) (row, EditPreview, error) {
	r, err := c.find(ctx, id)
	if err != nil {
		return row{}, EditPreview{}, err
	}
	topic, refused := c.target(r, ToPipeline)
	if refused != "" {
		return row{}, EditPreview{}, &RefusedError{Reason: refused}
	}
	rec, err := c.record(ctx, r.item)
	if err != nil {
		return row{}, EditPreview{}, err
	}
	back := SendBack(rec, topic)
	back.Value = value
	p := EditPreview{Diff: diff(rec.Value, value)}
	if p.Trial, err = c.targets.Try(ctx, r.cause.Value().pipeline, back); err != nil {
		return row{}, EditPreview{}, err
	}
	p.Refused = locked(rec, back)
	if class := p.Trial.Class; p.Refused == "" && (class == "decode" || class == "schema") {
		p.Refused = p.Trial.Reason
	}
	return r, p, nil
}

// locked says which part of an event's identity an edit changes: what it is
// claimed, counted and shown by.
func locked(before, after *record.Record) string {
	was, err := event.Decode(before.Headers, before.Value)
	if err != nil {
		return "" // it had none that could be read
	}
	is, err := event.Decode(after.Headers, after.Value)
	if err != nil {
		return "" // the trial says so
	}
	for _, part := range []struct{ name, was, is string }{
		{"id", was.ID, is.ID}, {"source", was.Source, is.Source}, {"type", was.Type, is.Type},
	} {
		if part.was != part.is {
			return fmt.Sprintf("the %s of the event must stay %q: it is what the event is known by", part.name, part.was)
		}
	}
	return ""
}

// maxDiff bounds what is kept of a diff, in bytes.
const maxDiff = 64 << 10

// diff is what changed from one payload to another, as a unified diff.
func diff(before, after []byte) string {
	if !utf8.Valid(before) || !utf8.Valid(after) {
		return fmt.Sprintf("%d bytes were replaced by %d; they are no text", len(before), len(after))
	}
	text := udiff.Unified("poisoned", "edited", laidOut(before), laidOut(after))
	if text == "" && !bytes.Equal(before, after) {
		return "only space between the parts of the JSON was changed"
	}
	return record.Lines(text, maxDiff)
}

// laidOut is JSON with a line for each member, and other text as it is.
func laidOut(text []byte) string {
	if laid, ok := LayOut(text); ok {
		return laid
	}
	return string(text)
}
