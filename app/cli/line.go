package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/trieungochai/kafka-notify/app/record"
)

// line is a record as tail prints it. Of the three forms of the value one is
// there: JSON, other text, or bytes; none of a record without a value.
type line struct {
	Topic       string          `json:"topic"`
	Partition   int32           `json:"partition"`
	Offset      int64           `json:"offset"`
	Timestamp   time.Time       `json:"timestamp"`
	Key         *string         `json:"key"`
	KeyBase64   []byte          `json:"key_base64,omitempty"`
	Headers     [][2]any        `json:"headers"` // a list, because names may repeat
	Value       json.RawMessage `json:"value,omitempty"`
	ValueText   *string         `json:"value_text,omitempty"`
	ValueBase64 []byte          `json:"value_base64,omitempty"`
}

func lineOf(r *record.Record) line {
	l := line{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UTC(),
		Headers: make([][2]any, len(r.Headers)),
	}
	switch {
	case utf8.Valid(r.Key):
		l.Key = optional(r.Key)
	default:
		l.KeyBase64 = r.Key
	}
	for i, h := range r.Headers {
		l.Headers[i] = [2]any{h.Key, headerValue(h.Value)}
	}
	switch {
	case !utf8.Valid(r.Value):
		l.ValueBase64 = r.Value
	case json.Valid(r.Value):
		l.Value = r.Value
	default:
		l.ValueText = optional(r.Value)
	}
	return l
}

// optional is nil for what is not there at all, which Kafka tells from "".
func optional(b []byte) *string {
	if b == nil {
		return nil
	}
	s := string(b)
	return &s
}

func headerValue(value []byte) any {
	if utf8.Valid(value) {
		return optional(value)
	}
	return map[string][]byte{"base64": value}
}

// writeRecord writes a record as one line of JSON.
func writeRecord(w io.Writer, r *record.Record) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(lineOf(r)); err != nil {
		return fmt.Errorf("write %s/%d/%d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	if _, err := w.Write(safeJSON(text.Bytes())); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	return nil
}
