package api

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// Choice says which poisoned messages are meant: those of these ids, or else
// those that all of the other members select.
type Choice struct {
	IDs      []string `json:"ids,omitempty"`
	State    string   `json:"state,omitempty"`
	Pipeline string   `json:"pipeline,omitempty"`
	Class    string   `json:"class,omitempty"`
	// Filter is a condition in CEL, Words are plain words that a message holds.
	Filter string `json:"filter,omitempty"`
	Words  string `json:"q,omitempty"`
	// OlderThan is a duration such as 48h: what failed last so long ago.
	OlderThan string `json:"older_than,omitempty"`
	// Limit is how many at the most, the oldest first; 0: all.
	Limit int `json:"limit,omitempty"`
	// All has to be set where nothing else is.
	All bool `json:"all,omitempty"`
}

// Deed is what is to be done to messages.
type Deed struct {
	Choice
	Reason string `json:"reason,omitempty"`
}

// RedriveOrder is what a redrive is to do.
type RedriveOrder struct {
	Choice
	// Target is pipeline, source, or a topic's name.
	Target string `json:"target,omitempty"`
	// Rate is in messages a second, MaxFailed a share from 0 to 1.
	Rate      float64 `json:"rate,omitempty"`
	Canary    int     `json:"canary,omitempty"`
	MaxFailed float64 `json:"max_failed,omitempty"`
	Reason    string  `json:"reason,omitempty"`
	DryRun    bool    `json:"dry_run,omitempty"`
}

// EditOrder is another payload for a message, in one of its two forms.
type EditOrder struct {
	// Text is the payload as text, Bytes as it is, in JSON as base64.
	Text   *string `json:"value_text,omitempty"`
	Bytes  *[]byte `json:"value_base64,omitempty"`
	Reason string  `json:"reason,omitempty"`
	DryRun bool    `json:"dry_run,omitempty"`
}

// classes are what messages can be selected by.
var classes = []handler.Class{
	handler.ClassDecode, handler.ClassSchema, handler.ClassLookupMissing, handler.ClassLookupUnavailable, handler.ClassExpression,
	handler.ClassPublish, handler.ClassTimeout, handler.ClassPanic, handler.ClassOther,
}

// query is what the choice asks for, apart from ids; fault words a mistake in
// one of its members.
func (c Choice) query(fault func(name, detail string) *Problem) (poison.Query, error) {
	q := poison.Query{State: poison.State(c.State), Pipeline: c.Pipeline, Class: c.Class, Filter: c.Filter, Words: c.Words}
	if c.Class != "" && !slices.Contains(classes, handler.Class(c.Class)) {
		return q, fault("class", "must be one of "+join(classes))
	}
	if c.State != "" && !slices.Contains(poison.States, q.State) {
		return q, fault("state", "must be one of "+join(poison.States))
	}
	if c.OlderThan != "" {
		age, err := time.ParseDuration(c.OlderThan)
		if err != nil || age <= 0 {
			return q, fault("older_than", "must be a duration such as 90m or 48h")
		}
		q.OlderThan = age
	}
	return q, nil
}

// selection is the choice of an action's body.
func (c Choice) selection() (poison.Selection, error) {
	q, err := c.query(memberProblem)
	if err == nil && c.Limit < 0 {
		err = memberProblem("limit", "must be how many messages at the most, or 0 for all")
	}
	return poison.Selection{IDs: c.IDs, Query: q, Limit: c.Limit, All: c.All}, err
}

// choiceOf is the other way round, for the client.
func choiceOf(s poison.Selection) Choice {
	c := Choice{
		IDs: s.IDs, State: string(s.Query.State), Pipeline: s.Query.Pipeline, Class: s.Query.Class,
		Filter: s.Query.Filter, Words: s.Query.Words, Limit: s.Limit, All: s.All,
	}
	if s.Query.OlderThan > 0 {
		c.OlderThan = s.Query.OlderThan.String()
	}
	return c
}

// order is what the console is asked for.
func (o *RedriveOrder) order() (poison.Order, error) {
	selection, err := o.selection()
	return poison.Order{Selection: selection, Reason: o.Reason, Terms: action.Terms{
		Target: o.Target, Rate: o.Rate, Canary: o.Canary, MaxFailed: o.MaxFailed, Selection: selection.String(),
	}}, err
}

// orderOf is the other way round, for the client.
func orderOf(o poison.Order) RedriveOrder {
	return RedriveOrder{
		Choice: choiceOf(o.Selection), Target: o.Terms.Target, Rate: o.Terms.Rate, Canary: o.Terms.Canary,
		MaxFailed: o.Terms.MaxFailed, Reason: o.Reason,
	}
}

// value is the payload, which may be empty.
func (o *EditOrder) value() ([]byte, error) {
	switch {
	case (o.Text == nil) == (o.Bytes == nil):
		return nil, kindMalformed.problem("give the payload as value_text or as value_base64, one of them")
	case o.Text != nil:
		return []byte(*o.Text), nil
	}
	return *o.Bytes, nil
}

// editOf is the order for a payload, for the client.
func editOf(value []byte) EditOrder {
	payload := append([]byte{}, value...) // never nil, which JSON would leave out
	return EditOrder{Bytes: &payload}
}

// bodyOverhead is what a body may have besides a payload, of which each byte may
// be an escape of six.
const bodyOverhead = 64 << 10

// readBody reads a JSON object, strictly, into value.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, value any) error {
	given := r.Header.Get("Content-Type")
	if media, _, err := mime.ParseMediaType(given); err != nil || media != typeJSON {
		w.Header().Set("Accept-Post", typeJSON)
		return kindMediaType.problem("the content type %s is not supported here: send %s", strconv.Quote(given), typeJSON)
	}
	limit := int64(6*(s.opts.MaxBytes+envelope) + bodyOverhead)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var size *http.MaxBytesError
	switch {
	case errors.As(err, &size):
		return kindTooLarge.problem("the body is larger than %d bytes, the most that is read here", limit)
	case err != nil:
		return kindMalformed.problem("the body could not be read to its end")
	case len(bytes.TrimSpace(body)) == 0:
		return kindMalformed.problem("the body is empty: send a JSON object")
	}
	if err := event.CheckJSON(body); err != nil {
		return err
	}
	if err := json.Unmarshal(body, value, json.RejectUnknownMembers(true)); err != nil {
		return bodyProblem(err)
	}
	return nil
}

// bodyProblem says what of a JSON body is not what is wanted.
func bodyProblem(err error) *Problem {
	var fault *json.SemanticError
	if !errors.As(err, &fault) {
		return kindMalformed.problem("the body is not what is wanted here: %v", err)
	}
	pointer, detail := string(fault.JSONPointer), "must be "+wanted(fault.GoType)
	if errors.Is(fault.Err, json.ErrUnknownName) {
		detail = "is no member that is known here"
	}
	p := kindMalformed.problem("%s %s", strings.TrimSpace("the body "+pointer), detail)
	p.Errors = []Fault{{Pointer: &pointer, Detail: detail}}
	return p
}

// wanted says which JSON a Go type is read from.
func wanted(t reflect.Type) string {
	if t == nil {
		return "something else"
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "text in base64"
		}
		return "a list of strings"
	}
	return "an object"
}

// memberProblem is a mistake in a member of the body.
func memberProblem(name, detail string) *Problem {
	pointer := "/" + name
	p := kindParameter.problem("%s %s", name, detail)
	p.Errors = []Fault{{Pointer: &pointer, Detail: detail}}
	return p
}

// join lists names for people.
func join[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, c := range list {
		texts[i] = string(c)
	}
	return strings.Join(texts, ", ")
}

// writeFresh answers with what may be another a moment later.
func writeFresh(w http.ResponseWriter, status int, value any) error {
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, status, typeJSON, value)
	return nil
}
