package poison

import (
	"encoding/json"
	"unicode/utf8"
)

// Value is the value of a failed message, byte for byte. In JSON it is the
// member "value" where it is JSON itself, "value_text" where it is other text,
// "value_base64" otherwise. A JSON value loses its insignificant space there.
type Value []byte

// wireValue holds the three forms, of which one is used.
type wireValue struct {
	JSON   json.RawMessage `json:"value,omitempty"`
	Text   *string         `json:"value_text,omitempty"`
	Base64 []byte          `json:"value_base64,omitempty"`
}

func (v Value) wire() wireValue {
	switch {
	case v == nil:
		return wireValue{}
	case utf8.Valid(v) && json.Valid(v):
		return wireValue{JSON: json.RawMessage(v)}
	case utf8.Valid(v):
		text := string(v)
		return wireValue{Text: &text}
	default:
		return wireValue{Base64: v}
	}
}

func (w wireValue) value() Value {
	switch {
	case w.JSON != nil:
		return Value(w.JSON)
	case w.Text != nil:
		return Value(*w.Text)
	case w.Base64 != nil:
		return w.Base64
	default:
		return nil
	}
}
