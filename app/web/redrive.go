package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/poison"
)

// toTopic is the target of a form that names a topic.
const toTopic = "topic"

// redriveForm is how a redrive is to send, as the operator wrote it.
type redriveForm struct {
	// Target is pipeline, source or topic, Topic the topic's name.
	Target, Topic           string
	Rate, Canary, MaxFailed string
	Reason                  string
}

// Unless the operator says otherwise, so many messages are tried first, of a
// selection that is larger, and the job pauses above so many percent of failures.
const (
	suggestedCanary    = 10
	suggestedMaxFailed = "50"
)

// formOf reads the fields of a form. One that was not filled in yet has none.
func formOf(v url.Values) redriveForm {
	return redriveForm{
		Target: cmp.Or(v.Get("target"), poison.ToPipeline), Topic: strings.TrimSpace(v.Get("topic")),
		Rate: strings.TrimSpace(v.Get("rate")), Canary: strings.TrimSpace(v.Get("canary")), MaxFailed: strings.TrimSpace(v.Get("max_failed")),
		Reason: strings.TrimSpace(v.Get("reason")),
	}
}

// terms are what the form says. The error is a *mistake.
func (f *redriveForm) terms() (t action.Terms, err error) {
	switch t.Target = f.Target; t.Target {
	case poison.ToPipeline, poison.ToSource:
	case toTopic:
		if t.Target = f.Topic; t.Target == "" || t.Target == poison.ToPipeline || t.Target == poison.ToSource {
			return t, &mistake{Field: "topic", Message: "name the topic that the messages go to"}
		}
	default:
		return t, &mistake{Field: "target", Message: "must be the pipeline, the source or a topic"}
	}
	var ok bool
	if t.Rate, ok = number(f.Rate, 1e9); !ok {
		return t, &mistake{Field: "rate", Message: "must be messages a second, or empty for no limit"}
	}
	if f.Canary != "" {
		if t.Canary, err = strconv.Atoi(f.Canary); err != nil || t.Canary < 0 {
			return t, &mistake{Field: "canary", Message: "must be how many messages are tried first, or empty for none"}
		}
	}
	if t.MaxFailed, ok = number(f.MaxFailed, 100); !ok {
		return t, &mistake{Field: "most failures", Message: "must be percent, from 0 to 100"}
	}
	t.MaxFailed /= 100
	return t, nil
}

// number is one from 0 to most; 0 where nothing was written.
func number(text string, most float64) (value float64, ok bool) {
	if text == "" {
		return 0, true
	}
	value, err := strconv.ParseFloat(text, 64)
	return value, err == nil && value >= 0 && value <= most // which NaN isn't
}

// redrivePage says what a redrive would do, before it does it.
type redrivePage struct {
	Choice choice
	Form   redriveForm
	Words  string
	// Preview is missing where the form has a mistake, which Problem tells.
	Preview *poison.Preview
	Problem string
}

// order is what the choice and the form ask for.
func order(c choice, f redriveForm) (poison.Order, error) {
	selection, err := c.selection()
	if err != nil {
		return poison.Order{}, err
	}
	terms, err := f.terms()
	terms.Selection = selection.String()
	return poison.Order{Selection: selection, Terms: terms, Reason: f.Reason}, err
}

// getRedrive shows what a redrive would do.
func (s *site) getRedrive(w http.ResponseWriter, r *http.Request) error {
	c, err := choiceOf(r.Form)
	if err != nil {
		return err
	}
	form := formOf(r.Form)
	return s.preview(w, r, http.StatusOK, c, form, "")
}

// preview shows what a redrive would do; problem says why it was not begun, if
// it was asked for already.
func (s *site) preview(w http.ResponseWriter, r *http.Request, status int, c choice, form redriveForm, problem string) error {
	selection, err := c.selection()
	if err != nil {
		return err
	}
	body := &redrivePage{Choice: c, Form: form, Words: words(c, selection), Problem: problem}
	o, err := order(c, form)
	if err == nil {
		var p poison.Preview
		if p, err = s.opts.Console.Preview(r.Context(), o); err == nil {
			body.Preview = &p
		}
	}
	if err != nil {
		if body.Problem = ofForm(err); body.Problem == "" {
			return err
		}
		status = http.StatusBadRequest
	}
	if p := body.Preview; p != nil {
		if c.Scope == shown {
			body.Choice.Limit = p.Selected // what fails from now on is newer, and nobody has seen it
		}
		if !r.Form.Has("target") && p.Eligible > suggestedCanary {
			body.Form.Canary, body.Form.MaxFailed = strconv.Itoa(suggestedCanary), suggestedMaxFailed
		}
	}
	s.write(w, r, status, "redrive", page{Title: "Redrive", Body: body})
	return nil
}

// ofForm is what is wrong with what somebody filled in; "" for other errors.
func ofForm(err error) string {
	var (
		wrong     *mistake
		selection *poison.SelectionError
	)
	switch {
	case errors.As(err, &wrong):
		return wrong.Error()
	case errors.As(err, &selection):
		return selection.Reason
	}
	return ""
}

// postRedrive begins the job.
func (s *site) postRedrive(w http.ResponseWriter, r *http.Request) error {
	c, err := choiceOf(r.PostForm)
	if err != nil {
		return err
	}
	form := formOf(r.PostForm)
	o, err := order(c, form)
	if err != nil {
		return s.preview(w, r, http.StatusBadRequest, c, form, "")
	}
	job, refused, err := s.opts.Console.Redrive(r.Context(), o, caller(r))
	var no *poison.RefusedError
	switch {
	case errors.As(err, &no):
		return s.preview(w, r, http.StatusConflict, c, form, "Nothing was sent: "+no.Reason)
	case err != nil && ofForm(err) != "":
		return s.preview(w, r, http.StatusBadRequest, c, form, ofForm(err))
	case err != nil:
		return err
	}
	return redirect(w, r, jobLink(job.ID), "The redrive has begun."+refusedWords(refused))
}
