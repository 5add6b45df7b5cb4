package handler

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is how deep the data of an event may nest.
const MaxDepth = 100

// decoders keeps the buffers of decoders that have done their work.
var decoders = sync.Pool{New: func() any { return &decoder{json: jsontext.NewDecoder(new(bytes.Reader))} }}

// maxShared is how long data may be, in bytes, for its strings to be parts of one copy of it: that
// takes one allocation for all of them, but a single one that somebody keeps holds on to the rest.
const maxShared = 512

type decoder struct {
	json *jsontext.Decoder
	in   bytes.Buffer
	text string // The data, where it is no longer than maxShared.
}

// decodeJSON decodes exactly one JSON value, as Event.Value says.
func decodeJSON(data []byte) (any, error) {
	d := decoders.Get().(*decoder)
	defer decoders.Put(d)
	// A decoder reads a bytes.Buffer in place instead of copying it.
	d.in = *bytes.NewBuffer(data)
	d.json.Reset(&d.in)
	d.text = ""
	if len(data) <= maxShared {
		d.text = string(data)
	}
	value, err := d.value(0)
	if err == nil {
		_, err = d.json.ReadToken()
		if errors.Is(err, io.EOF) {
			return value, nil
		}
		if err == nil {
			err = fmt.Errorf("something follows the value at byte %d", d.json.InputOffset())
		}
	}
	return nil, fmt.Errorf("decode data: %w", err)
}

func (d *decoder) value(depth int) (any, error) {
	switch d.json.PeekKind() {
	case jsontext.KindString:
		return d.quoted()
	case jsontext.KindNumber:
		raw, err := d.json.ReadValue()
		if err != nil {
			return nil, unexpected(err)
		}
		return number(d.part(raw, 0)), nil
	}
	token, err := d.json.ReadToken()
	if err != nil {
		return nil, unexpected(err)
	}
	switch token.Kind() {
	case jsontext.KindNull:
		return nil, nil
	case jsontext.KindTrue, jsontext.KindFalse:
		return token.Bool(), nil
	}
	if depth == MaxDepth {
		return nil, fmt.Errorf("nested deeper than %d at byte %d", MaxDepth, d.json.InputOffset())
	}
	if token.Kind() == jsontext.KindBeginObject {
		return d.object(depth + 1)
	}
	return d.array(depth + 1)
}

// name reads the name of a member. What is none is an error of the token, not of what it begins.
func (d *decoder) name() (string, error) {
	if d.json.PeekKind() == jsontext.KindString {
		return d.quoted()
	}
	_, err := d.json.ReadToken()
	return "", unexpected(err)
}

// quoted reads a string.
func (d *decoder) quoted() (string, error) {
	raw, err := d.json.ReadValue()
	if err != nil {
		return "", unexpected(err)
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return d.part(raw, len(`"`)), nil
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	return string(text), err
}

// part is what was just read as a string, without the margin at either end.
func (d *decoder) part(raw jsontext.Value, margin int) string {
	if d.text == "" {
		return string(raw[margin : len(raw)-margin])
	}
	end := int(d.json.InputOffset())
	return d.text[end-len(raw)+margin : end-margin]
}

func (d *decoder) object(depth int) (any, error) {
	fields := make(map[string]any)
	for d.json.PeekKind() != jsontext.KindEndObject {
		name, err := d.name()
		if err != nil {
			return nil, err
		}
		if fields[name], err = d.value(depth); err != nil {
			return nil, err
		}
	}
	_, err := d.json.ReadToken()
	return fields, err
}

func (d *decoder) array(depth int) (any, error) {
	items := []any{}
	for d.json.PeekKind() != jsontext.KindEndArray {
		item, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	_, err := d.json.ReadToken()
	return items, err
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// number keeps integers exact, because they may be ids: as a float64, 2^53+1 would be somebody else.
func number(text string) any {
	for i := range len(text) {
		if c := text[i]; c == '.' || c == 'e' || c == 'E' {
			return fraction(text)
		}
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return i
	}
	if u, err := strconv.ParseUint(text, 10, 64); err == nil {
		return u
	}
	return json.Number(text)
}

// exact is where float64 stops telling integers apart: 2^53.
const exact = 1 << 53

// maxDigits bounds the numbers that are looked at exactly: longer ones take time.
const maxDigits = 400

// fraction is a number written with a fraction or an exponent. One that is an
// integer all the same, and too large for a float64 to be sure of, is kept exact
// like any other: 9007199254740993.0 is no id but that one.
func fraction(text string) any {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || len(text) > maxDigits {
		return json.Number(text)
	}
	if math.Abs(f) < exact {
		return f
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok || !r.IsInt() {
		return f
	}
	if !r.Num().IsUint64() && !r.Num().IsInt64() && strings.ContainsAny(text, "eE") {
		return f // a measure, such as 1e300, and no id
	}
	return number(r.Num().String())
}
