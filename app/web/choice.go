package web

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// Which messages a form is about.
const (
	ticked = "ticked" // those that it names
	shown  = "shown"  // all that the filter shows, on all pages
)

// anyState is the state that selects messages in every one. Without a state the
// open ones are shown: those that wait for somebody.
const anyState = "all"

// choice is what is shown of the poison topic, and which of it is meant, as links
// and forms carry it.
type choice struct {
	State, Pipeline, Class string
	Filter, Words          string
	OlderThan              string

	Scope string // ticked, shown or empty
	IDs   []string
	// Limit is how many at the most, the oldest first; 0: all.
	Limit int
}

// choiceOf reads the fields of a form or a link. The error is a *mistake.
func choiceOf(form url.Values) (choice, error) {
	c := choice{
		State: form.Get("state"), Pipeline: strings.TrimSpace(form.Get("pipeline")), Class: form.Get("class"),
		Filter: form.Get("filter"), Words: form.Get("q"), OlderThan: strings.TrimSpace(form.Get("older_than")),
		Scope: form.Get("scope"), IDs: form["id"],
	}
	if c.State == "" {
		c.State = string(poison.Open)
	}
	if text := strings.TrimSpace(form.Get("limit")); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return c, &mistake{Field: "at most", Message: "must be a number of messages, or 0 for all"}
		}
		c.Limit = n
	}
	return c, nil
}

// classes are the kinds of failure.
func classes() []handler.Class {
	return []handler.Class{
		handler.ClassDecode, handler.ClassSchema, handler.ClassLookupMissing, handler.ClassLookupUnavailable, handler.ClassExpression,
		handler.ClassPublish, handler.ClassTimeout, handler.ClassPanic, handler.ClassOther,
	}
}

// query is what the choice shows. The error is a *mistake.
func (c *choice) query() (poison.Query, error) {
	q := poison.Query{State: poison.State(c.State), Pipeline: c.Pipeline, Class: c.Class, Filter: c.Filter, Words: c.Words}
	if c.State == anyState {
		q.State = ""
	} else if !slices.Contains(poison.States, q.State) {
		return q, &mistake{Field: "state", Message: fmt.Sprintf("%q is none", c.State)}
	}
	if c.Class != "" && !slices.Contains(classes(), handler.Class(c.Class)) {
		return q, &mistake{Field: "class", Message: fmt.Sprintf("%q is none", c.Class)}
	}
	if c.OlderThan != "" {
		age, err := time.ParseDuration(c.OlderThan)
		if err != nil || age <= 0 {
			return q, &mistake{Field: "older than", Message: "must be a duration such as 90m or 48h", Text: c.OlderThan}
		}
		q.OlderThan = age
	}
	return q, nil
}

// selection is what is meant. Errors: *mistake, *poison.SelectionError.
func (c *choice) selection() (poison.Selection, error) {
	switch {
	case c.Scope == ticked && len(c.IDs) == 0:
		return poison.Selection{}, &poison.SelectionError{Reason: "no message is ticked: go back, and tick some"}
	case c.Scope == ticked:
		return poison.Selection{IDs: c.IDs}, nil
	case c.Scope == shown:
		q, err := c.query()
		return poison.Selection{Query: q, Limit: c.Limit, All: true}, err
	}
	return poison.Selection{}, poison.ErrNoSelection
}

// values are the fields that show the same again.
func (c *choice) values() url.Values {
	v := make(url.Values)
	for name, value := range map[string]string{
		"state": c.State, "pipeline": c.Pipeline, "class": c.Class, "filter": c.Filter, "q": c.Words, "older_than": c.OlderThan,
	} {
		if value != "" && (name != "state" || value != string(poison.Open)) {
			v.Set(name, value)
		}
	}
	return v
}

// List is where the choice is shown.
func (c choice) List() string { return at(Home, c.values()) }

// Act is where something is done to what is meant.
func (c choice) Act(what string) string {
	v := c.values()
	if c.Scope != "" {
		v.Set("scope", c.Scope)
	}
	if c.Scope == ticked {
		v["id"] = c.IDs
	}
	return at(Home+"/"+what, v)
}

// field is a hidden one of a form.
type field struct{ Name, Value string }

// Fields carry what is shown to the page that a form leads to.
func (c choice) Fields() []field {
	var fields []field
	v := c.values()
	for _, name := range []string{"state", "pipeline", "class", "filter", "q", "older_than"} {
		if v.Has(name) {
			fields = append(fields, field{name, v.Get(name)})
		}
	}
	return fields
}

// Meant are Fields, and which messages are meant.
func (c choice) Meant() []field {
	fields := append(c.Fields(), field{"scope", c.Scope})
	if c.Scope == ticked {
		for _, id := range c.IDs {
			fields = append(fields, field{"id", id})
		}
	}
	return fields
}

// Narrowed reports whether more is asked for than a state.
func (c choice) Narrowed() bool {
	return c.Pipeline != "" || c.Class != "" || strings.TrimSpace(c.Filter) != "" || strings.TrimSpace(c.Words) != "" || c.OlderThan != ""
}

// More reports whether one of the fields is used that are folded away.
func (c choice) More() bool { return c.Pipeline != "" || c.Class != "" || c.OlderThan != "" }

// in is the choice with another state.
func (c choice) in(state string) choice {
	c.State = state
	return c
}

// group is the choice of one group alone, all of it.
func (c choice) group(fingerprint string) choice {
	is := "fingerprint == " + strconv.Quote(fingerprint)
	if strings.TrimSpace(c.Filter) != "" && c.Filter != is {
		is = "(" + c.Filter + ") && " + is
	}
	c.Filter, c.Scope = is, shown
	return c
}

// message is the choice of one message.
func (c choice) message(id string) choice {
	c.Scope, c.IDs = ticked, []string{id}
	return c
}

// at is a path with its fields.
func at(path string, v url.Values) string {
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// mistake is what is wrong with a field that somebody filled in.
type mistake struct {
	Field, Message string
	// Text is what they wrote, Caret stands under the mistake in it. Both are
	// empty where that says nothing.
	Text, Caret string
}

// Error implements error.
func (m *mistake) Error() string { return m.Field + ": " + m.Message }

// BadRequest says in words for the caller what is wrong.
func (m *mistake) BadRequest() string { return m.Error() }

// mistakeIn shows a mistake of a filter. In a filter of several lines only the
// line with the mistake is shown.
func mistakeIn(e *poison.FilterError) *mistake {
	before, rest := e.Filter[:min(e.Offset, len(e.Filter))], e.Filter[min(e.Offset, len(e.Filter)):]
	before = before[strings.LastIndexByte(before, '\n')+1:]
	line, _, _ := strings.Cut(rest, "\n")
	blank := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, before)
	return &mistake{Field: "filter", Message: e.Message, Text: before + line, Caret: blank + "^"}
}
