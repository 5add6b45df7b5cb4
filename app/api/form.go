package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// The content types in which events can be submitted, beside binary mode.
const (
	typeJSON       = "application/json"
	typeNDJSON     = "application/x-ndjson"
	typeCloudEvent = event.ContentType
	typeBatch      = "application/cloudevents-batch+json"
)

const acceptedTypes = typeJSON + ", " + typeNDJSON + ", " + typeCloudEvent + ", " + typeBatch

const idempotencyHeader = "Idempotency-Key"

// read returns the events of a request, each with its problem where it has one.
// An error is the fault of the whole request.
func (s *Server) read(w http.ResponseWriter, r *http.Request) (list []*submission, several bool, err error) {
	mediaType, err := mediaType(r)
	if err != nil {
		w.Header().Set("Accept-Post", acceptedTypes)
		return nil, false, err
	}
	body, err := s.body(w, r)
	if err != nil {
		return nil, false, err
	}
	key, err := idempotencyKey(r)
	if err != nil {
		return nil, false, err
	}
	if r.Header.Get("Ce-Specversion") != "" && event.IsJSON(mediaType) {
		e, err := event.Decode(binaryHeaders(r.Header), body)
		return s.single(e, err, key)
	}
	switch {
	case mediaType == typeCloudEvent:
		e, err := decodeStructured(body)
		return s.single(e, err, key)
	case mediaType == typeNDJSON:
		lines, err := s.lines(body)
		return s.several(lines, err, key, event.ParseNative)
	case mediaType == typeBatch:
		items, err := event.SplitArray(body, s.opts.MaxEvents)
		return s.several(items, err, key, func(v jsontext.Value) (*handler.Event, error) { return decodeStructured(v) })
	case startsArray(body):
		items, err := event.SplitArray(body, s.opts.MaxEvents)
		return s.several(items, err, key, event.ParseNative)
	default:
		e, err := event.ParseNative(body)
		return s.single(e, err, key)
	}
}

// single prepares the one event of a request. What cannot be read at all is
// the request's fault.
func (s *Server) single(e *handler.Event, err error, key string) ([]*submission, bool, error) {
	var syntax *event.SyntaxError
	if errors.As(err, &syntax) {
		return nil, false, err
	}
	return []*submission{s.prepare(e, err, key)}, false, nil
}

// several prepares the events of a list.
func (s *Server) several(items []jsontext.Value, err error, key string, parse func(jsontext.Value) (*handler.Event, error)) ([]*submission, bool, error) {
	switch {
	case errors.Is(err, event.ErrTooMany):
		return nil, false, s.tooManyEvents()
	case err != nil:
		return nil, false, err
	case len(items) == 0:
		return nil, false, kindMalformed.problem("the list holds no events")
	case key != "":
		p := kindMalformed.problem("%s names one event, and the request is a list: give each event an id of its own", idempotencyHeader)
		p.Errors = []Fault{{Header: idempotencyHeader, Detail: "is not allowed with a list of events"}}
		return nil, false, p
	}
	list := make([]*submission, len(items))
	for i, item := range items {
		e, err := parse(item)
		list[i] = s.prepare(e, err, "")
		if e == nil {
			list[i].id = readableID(item)
		}
	}
	return list, true, nil
}

// readableID finds the id of an event that cannot be accepted, so that its
// sender knows which one is meant.
func readableID(item jsontext.Value) string {
	var named struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(item, &named) != nil || len(named.ID) > event.MaxAttribute {
		return ""
	}
	return named.ID
}

// decodeStructured reads a CloudEvent in structured mode.
func decodeStructured(value []byte) (*handler.Event, error) {
	return event.Decode([]record.Header{{Key: record.HeaderContentType, Value: []byte(typeCloudEvent)}}, value)
}

// mediaType returns the media type of the body, if it is one that is accepted.
func mediaType(r *http.Request) (string, error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return "", kindMediaType.problem("the content encoding %s is not supported: send the body as it is", strconv.Quote(encoding))
	}
	given := r.Header.Get("Content-Type")
	if given == "" {
		return "", kindMediaType.problem("the request has no Content-Type: accepted are %s", acceptedTypes)
	}
	mediaType, parameters, err := mime.ParseMediaType(given)
	if err != nil {
		return "", kindMediaType.problem("the content type %s cannot be read: accepted are %s", strconv.Quote(given), acceptedTypes)
	}
	if charset := parameters["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
		return "", kindMediaType.problem("the charset %s is not supported: JSON is written in UTF-8", strconv.Quote(charset))
	}
	switch mediaType {
	case typeJSON, typeNDJSON, typeCloudEvent, typeBatch:
		return mediaType, nil
	}
	if r.Header.Get("Ce-Specversion") != "" && event.IsJSON(mediaType) {
		return mediaType, nil
	}
	return "", kindMediaType.problem("the content type %s is not supported: accepted are %s, and any JSON type for a CloudEvent in binary mode (with ce- headers)",
		strconv.Quote(mediaType), acceptedTypes)
}

// body reads the body, up to the limit.
func (s *Server) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limited := http.MaxBytesReader(w, r.Body, int64(s.opts.MaxBytes))
	if r.ContentLength > int64(s.opts.MaxBytes) {
		return nil, &http.MaxBytesError{Limit: int64(s.opts.MaxBytes)}
	}
	body, err := io.ReadAll(limited)
	var size *http.MaxBytesError
	switch {
	case errors.As(err, &size):
		return nil, err
	case err != nil:
		return nil, kindMalformed.problem("the body could not be read to its end")
	case len(bytes.TrimSpace(body)) == 0:
		return nil, kindMalformed.problem("the body is empty: send an event as JSON")
	}
	return body, nil
}

// startsArray says whether the body is a JSON array, or begins like one.
func startsArray(body []byte) bool {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	return len(trimmed) > 0 && trimmed[0] == '['
}

// lines returns the lines of NDJSON, the empty ones left out.
func (s *Server) lines(body []byte) ([]jsontext.Value, error) {
	var values []jsontext.Value
	number, start := 0, 0
	for line := range bytes.Lines(body) {
		number++
		if len(bytes.TrimSpace(line)) > 0 {
			if len(values) == s.opts.MaxEvents {
				return nil, event.ErrTooMany
			}
			if err := event.CheckJSON(line); err != nil {
				return nil, placeInBody(err, number, start)
			}
			values = append(values, jsontext.Value(bytes.TrimSpace(line)))
		}
		start += len(line)
	}
	return values, nil
}

// placeInBody turns a place in a line into one in the whole body.
func placeInBody(err error, line, start int) error {
	var syntax *event.SyntaxError
	if errors.As(err, &syntax) {
		syntax.Line = line
		syntax.Offset += int64(start)
	}
	return err
}

// idempotencyKey returns the id that a single event gets when it has none. The
// header may be written with quotes, as the draft standard has it.
func idempotencyKey(r *http.Request) (string, error) {
	values := r.Header.Values(idempotencyHeader)
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	if n := len(key); n >= 2 && key[0] == '"' && key[n-1] == '"' {
		key = key[1 : n-1]
	}
	fault := ""
	switch {
	case len(values) > 1:
		fault = "is given twice"
	default:
		fault = event.CheckID(key)
	}
	if fault == "" {
		return key, nil
	}
	p := kindMalformed.problem("the header %s %s", idempotencyHeader, fault)
	p.Errors = []Fault{{Header: idempotencyHeader, Detail: fault}}
	return "", p
}

// binaryHeaders turns the ce- headers of a request into those of a record, so
// that both are read by one function.
func binaryHeaders(h http.Header) []record.Header {
	headers := []record.Header{{Key: record.HeaderContentType, Value: []byte(h.Get("Content-Type"))}}
	for name, values := range h {
		attribute, ok := strings.CutPrefix(name, "Ce-")
		if !ok {
			continue
		}
		for _, value := range values {
			headers = append(headers, record.Header{Key: event.HeaderPrefix + strings.ToLower(attribute), Value: decodeHeader(value)})
		}
	}
	return headers
}

// decodeHeader undoes the quoting and percent-encoding of CloudEvents' HTTP
// binding. Some senders write values as they are: what is no percent-encoding
// stays.
func decodeHeader(value string) []byte {
	if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
		value = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(value[1 : n-1])
	}
	decoded := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		if value[i] == '%' && i+2 < len(value) {
			if b, err := strconv.ParseUint(value[i+1:i+3], 16, 8); err == nil {
				decoded = append(decoded, byte(b))
				i += 2
				continue
			}
		}
		decoded = append(decoded, value[i])
	}
	return decoded
}
