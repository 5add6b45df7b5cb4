package web

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/trieungochai/kafka-notify/app/poison"
)

// editPage is where a message's payload is changed.
type editPage struct {
	poison.Detail
	// Text is what the field holds, Refused why the payload can't be put into one.
	Text, Refused string
	// Said is the operator's reason.
	Said string
	// Preview is what would become of the text, once it was tried, and Tried names
	// the bytes that were.
	Preview *poison.EditPreview
	Tried   string
	Problem string
}

// MaySend reports whether what was tried can be sent.
func (p *editPage) MaySend() bool { return p.Preview != nil && p.Preview.Refused == "" }

// Rows is how many lines the field shows.
func (p *editPage) Rows() int {
	const width = 120 // about, of a line
	return min(24, 4+strings.Count(p.Text, "\n")+len(p.Text)/width)
}

// getEdit shows a payload in a field.
func (s *site) getEdit(w http.ResponseWriter, r *http.Request) error {
	body, err := s.edited(r)
	if err != nil {
		return err
	}
	return s.show(w, r, "edit", "Edit "+body.ID, body)
}

// edited begins the page of the message that a request is about.
func (s *site) edited(r *http.Request) (*editPage, error) {
	d, err := s.detail(r)
	if err != nil {
		return nil, err
	}
	if d.State != poison.Open {
		return nil, &failure{Status: http.StatusConflict, Title: "This message can't be edited now", Detail: fmt.Sprintf("It is %s.", d.State)}
	}
	body := &editPage{Detail: d, Text: string(d.Value)}
	if _, why := lineEnd(d.Value); why != "" {
		body.Text, body.Refused = "", why
	}
	return body, nil
}

// postEdit lays a text out, tries it, or sends it.
func (s *site) postEdit(w http.ResponseWriter, r *http.Request) error {
	body, err := s.edited(r)
	if err != nil {
		return err
	}
	if body.Refused != "" {
		return &failure{Status: http.StatusConflict, Title: "This payload can't be edited here", Detail: body.Refused}
	}
	end, _ := lineEnd(body.Value)
	value := fromForm(r.PostForm.Get("value"), end)
	body.Text, body.Said = string(value), strings.TrimSpace(r.PostForm.Get("reason"))
	switch do := r.PostForm.Get("do"); {
	case len(value) > s.opts.MaxBytes:
		body.Problem = fmt.Sprintf("The payload has %s bytes, the most is %s.", count(len(value)), count(s.opts.MaxBytes))
	case do == "lay-out":
		laid, ok := poison.LayOut(value)
		if !ok {
			body.Problem = "The text is no JSON that could be laid out."
			break
		}
		body.Text = string(fromForm(strings.TrimSuffix(laid, "\n"), end))
	case do == "send" && r.PostForm.Get("tried") == nameOf(value):
		job, err := s.opts.Console.Edit(r.Context(), body.ID, value, caller(r), body.Said)
		if err == nil {
			return redirect(w, r, jobLink(job.ID), "The edited message is on its way.")
		}
		return s.editFailed(w, r, body, err)
	default:
		if do == "send" {
			body.Problem = "The text was changed after it was tried: look what becomes of it now, then send it."
		}
		preview, err := s.opts.Console.TryEdit(r.Context(), body.ID, value)
		if err != nil {
			return s.editFailed(w, r, body, err)
		}
		body.Preview, body.Tried = &preview, nameOf(value)
	}
	status := http.StatusOK
	if body.Problem != "" {
		status = http.StatusBadRequest
	}
	remember(w, r)
	s.write(w, r, status, "edit", page{Title: "Edit " + body.ID, Body: body})
	return nil
}

// editFailed shows the page with why something failed: nobody has to write the
// text again.
func (s *site) editFailed(w http.ResponseWriter, r *http.Request, body *editPage, err error) error {
	f := failureOf(err)
	if errors.Is(err, poison.ErrNotFound) || f.Status == http.StatusInternalServerError {
		return err
	}
	body.Problem = f.Title + ": " + f.Detail
	s.write(w, r, f.Status, "edit", page{Title: "Edit " + body.ID, Body: body})
	return nil
}

// nameOf names bytes, so that what is sent is what was tried.
func nameOf(value []byte) string {
	sum := sha256.Sum256(value)
	return hex.EncodeToString(sum[:])
}

// lineEnd is how the lines of a payload end. A browser makes every line of a
// field end alike, so a payload comes back as it was only if its lines end alike
// too, and if it has no character that HTML can't hold; why says what forbids it.
func lineEnd(value []byte) (end, why string) {
	const instead = " Edit it as a file: kafka-notify poison edit ID --file FILE"
	text := string(value)
	cr, lf, crlf := strings.Count(text, "\r"), strings.Count(text, "\n"), strings.Count(text, "\r\n")
	switch {
	case !utf8.ValidString(text):
		return "", "It is no text in UTF-8, and a browser would change its bytes." + instead
	case strings.ContainsRune(text, 0):
		return "", "It holds a NUL character, which a browser would replace." + instead
	case cr == 0:
		return "\n", ""
	case cr == crlf && lf == crlf:
		return "\r\n", ""
	}
	return "", "Some of its lines end in CR or CR LF and others don't, and a browser would make them alike." + instead
}

// fromForm is the text of a field as it was before the browser ended each of its
// lines in CR LF.
func fromForm(text, end string) []byte {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	if end != "\n" {
		text = strings.ReplaceAll(text, "\n", end)
	}
	return []byte(text)
}
