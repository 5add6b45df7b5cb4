package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// SyntaxError says that bytes are no JSON text as RFC 8259 and RFC 7493 have
// it: duplicate names, invalid UTF-8, nesting beyond 10,000 levels and anything
// after the value are faults as well.
type SyntaxError struct {
	// Offset counts bytes from 0; Line and Column (in bytes) count from 1.
	Offset       int64
	Line, Column int
	// Pointer is the JSON pointer of the value that holds the fault.
	Pointer string
	Message string
}

// Error gives the fault and its place.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("invalid JSON at line %d, column %d (byte %d): %s", e.Line, e.Column, e.Offset, e.Message)
}

// CheckJSON reports the first place where text is not exactly one strict JSON
// value; the error is a *SyntaxError.
func CheckJSON(text []byte) error {
	r := newReader(text)
	defer r.close()
	if _, err := r.value(); err != nil {
		return err
	}
	return r.end()
}

// SplitArray returns the items of a JSON array, checked as CheckJSON checks
// them, as slices of text. It stops with ErrTooMany after limit items: the
// rest is not looked at.
func SplitArray(text []byte, limit int) ([]jsontext.Value, error) {
	r := newReader(text)
	defer r.close()
	if kind, err := r.token(); err != nil {
		return nil, err
	} else if kind != jsontext.KindBeginArray {
		return nil, Problems{{Detail: "is no JSON array but " + kindName(kind)}}
	}
	var items []jsontext.Value
	for r.d.PeekKind() != jsontext.KindEndArray {
		item, err := r.value()
		if err != nil {
			return nil, err
		}
		if len(items) == limit {
			return nil, ErrTooMany
		}
		items = append(items, item)
	}
	if _, err := r.token(); err != nil {
		return nil, err
	}
	return items, r.end()
}

// ErrTooMany says that a list is longer than its limit.
var ErrTooMany = errors.New("too many items")

// reader reads strict JSON and words its faults for people. What it returns
// are slices of text, so that nothing is copied or rewritten on the way.
type reader struct {
	text []byte
	in   bytes.Buffer
	d    *jsontext.Decoder
}

// newReader reads text; close the reader afterwards.
func newReader(text []byte) *reader {
	r := readers.Get().(*reader)
	r.text = text
	// A decoder reads a bytes.Buffer in place instead of copying it.
	r.in = *bytes.NewBuffer(text)
	r.d.Reset(&r.in)
	return r
}

// close gives the reader back. It must not hold on to the text.
func (r *reader) close() {
	r.text, r.in = nil, bytes.Buffer{}
	r.d.Reset(nothing{})
	readers.Put(r)
}

// readers keep what their decoders know of names between texts: to make it anew
// is most of what a small text costs.
var readers = sync.Pool{New: func() any { return &reader{d: jsontext.NewDecoder(nothing{})} }}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, io.EOF }

// token reads one token and returns its kind.
func (r *reader) token() (jsontext.Kind, error) {
	token, err := r.d.ReadToken()
	if err != nil {
		return 0, r.fault(err)
	}
	return token.Kind(), nil
}

// value reads a whole value.
func (r *reader) value() (jsontext.Value, error) {
	v, err := r.d.ReadValue()
	if err != nil {
		return nil, r.fault(err)
	}
	end := r.d.InputOffset()
	return jsontext.Value(r.text[end-int64(len(v)) : end : end]), nil
}

// end makes sure that nothing follows what has been read.
func (r *reader) end() error {
	at := r.d.InputOffset()
	rest := bytes.TrimLeft(r.text[at:], " \t\r\n")
	if len(rest) == 0 {
		return nil
	}
	return placed(r.text, int64(len(r.text)-len(rest)), "", "there is something after the JSON value")
}

// fault words an error of the decoder.
func (r *reader) fault(err error) error {
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntactic):
	case errors.Is(err, io.EOF):
		return placed(r.text, int64(len(r.text)), "", "the text is empty")
	default:
		return placed(r.text, r.d.InputOffset(), "", err.Error())
	}
	message := strings.TrimPrefix(syntactic.Err.Error(), "jsontext: ")
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		message = "the name " + quote(syntactic.JSONPointer.LastToken()) + " stands twice in one object"
	case errors.Is(err, io.ErrUnexpectedEOF):
		message = "the text ends in the middle of a value"
	}
	return placed(r.text, syntactic.ByteOffset, string(syntactic.JSONPointer), message)
}

// placed builds a SyntaxError at a byte offset of text.
func placed(text []byte, offset int64, pointer, message string) *SyntaxError {
	before := text[:min(offset, int64(len(text)))]
	return &SyntaxError{
		Offset:  offset,
		Line:    bytes.Count(before, []byte("\n")) + 1,
		Column:  len(before) - bytes.LastIndexByte(before, '\n'),
		Pointer: shorten(pointer, 200),
		Message: message,
	}
}

// members calls visit for each member of the one object that text is to be.
func members(text []byte, visit func(name string, value jsontext.Value)) error {
	r := newReader(text)
	defer r.close()
	kind, err := r.token()
	if err != nil {
		return err
	}
	if kind != jsontext.KindBeginObject {
		return Problems{{Detail: "is no JSON object but " + kindName(kind)}}
	}
	for r.d.PeekKind() != jsontext.KindEndObject {
		quoted, err := r.value()
		if err != nil {
			return err
		}
		name, _ := unquote(quoted)
		value, err := r.value()
		if err != nil {
			return err
		}
		visit(name, value)
	}
	if _, err := r.token(); err != nil {
		return err
	}
	return r.end()
}

// unquote returns the string that value, which has been read, holds.
func unquote(value jsontext.Value) (string, bool) {
	text, ok := unquoted(value)
	return textOf(text), ok
}

// unquoted is unquote for whoever needs no string. Without escapes, the text is
// a part of value.
func unquoted(value jsontext.Value) ([]byte, bool) {
	if value.Kind() != jsontext.KindString {
		return nil, false
	}
	if bytes.IndexByte(value, '\\') >= 0 {
		text, err := jsontext.AppendUnquote(nil, value)
		return text, err == nil
	}
	return value[1 : len(value)-1], true
}

// textOf returns text as a string. What nearly every event holds needs no copy.
func textOf(text []byte) string {
	switch string(text) {
	case "specversion":
		return "specversion"
	case "id":
		return "id"
	case "source":
		return "source"
	case "type":
		return "type"
	case "time":
		return "time"
	case "data":
		return "data"
	case attrDataContentType:
		return attrDataContentType
	case contentTypeJSON:
		return contentTypeJSON
	case ContentType:
		return ContentType
	}
	return string(text)
}

// maxDigits bounds the digits of an integer: arithmetic on longer ones takes
// time that grows faster than they do.
const maxDigits = 400

// checkNumbers finds a number that no handler can work with: beyond the range of
// a float64, or of more than maxDigits digits. A JSON Schema check panics on
// some of them.
func checkNumbers(data any) []Problem {
	path, found := badNumber(data)
	if !found {
		return nil
	}
	path = append(path, "data")
	slices.Reverse(path)
	return []Problem{{shorten(pointer(path...), 300), "is a number out of range"}}
}

// badNumber returns where such a number is, from the inside out, so that a path
// is made only where there is one.
func badNumber(value any) (path []string, found bool) {
	switch v := value.(type) {
	case json.Number:
		return nil, len(v) > maxDigits || strings.ContainsAny(string(v), ".eE")
	case []any:
		for i, item := range v {
			if path, found := badNumber(item); found {
				return append(path, strconv.Itoa(i)), true
			}
		}
	case map[string]any:
		for name, item := range v {
			if path, found := badNumber(item); found {
				return append(path, name), true
			}
		}
	}
	return nil, false
}

// kindName names a kind of JSON value with its article.
func kindName(kind jsontext.Kind) string {
	switch kind {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindFalse, jsontext.KindTrue:
		return "a boolean"
	case jsontext.KindString:
		return "a string"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginArray:
		return "an array"
	default:
		return "an object"
	}
}

// quote shows a text that came from outside, cut and with its control
// characters escaped.
func quote(s string) string { return strconv.Quote(shorten(s, 100)) }
