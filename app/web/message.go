package web

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/gorilla/mux"

	"github.com/trieungochai/kafka-notify/app/poison"
)

// messagePage shows one message.
type messagePage struct {
	poison.Detail
	Payload payload
	// Group is the choice of all messages that failed of the same cause.
	Group choice
	// Choice is that of this message.
	Choice choice
	Deeds  []deed
	// MayRedrive says that the message can be sent back, or edited.
	MayRedrive bool
}

// getMessage shows one message, whole.
func (s *site) getMessage(w http.ResponseWriter, r *http.Request) error {
	d, err := s.detail(r)
	if err != nil {
		return err
	}
	body := &messagePage{
		Detail: d, Payload: payloadOf(d.Value), Group: choice{State: string(poison.Open)}.group(d.Fingerprint),
		Choice: choice{}.message(d.ID), Deeds: deedsFor(d.State), MayRedrive: d.State == poison.Open,
	}
	return s.show(w, r, "message", "Message "+d.ID, body)
}

// detail is the message that a request is about.
func (s *site) detail(r *http.Request) (poison.Detail, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return poison.Detail{}, err
	}
	return s.opts.Console.Get(r.Context(), id)
}

// pathID is an id in a path, as it was before it was escaped.
func pathID(r *http.Request, name string) (string, error) {
	id, err := url.PathUnescape(mux.Vars(r)[name])
	if err != nil || !utf8.ValidString(id) {
		return "", &failure{Status: http.StatusBadRequest, Title: "There is no such page", Detail: "The id in the address is no text."}
	}
	return id, nil
}

// diffLine is a line of a unified diff.
type diffLine struct{ Kind, Text string }

// diffLines say of each line of a unified diff what it is.
func diffLines(diff string) (lines []diffLine) {
	for line := range strings.Lines(diff) {
		kind := "same"
		switch {
		case strings.HasPrefix(line, "@@"), strings.HasPrefix(line, "+++"), strings.HasPrefix(line, "---"):
			kind = "place"
		case strings.HasPrefix(line, "+"):
			kind = "added"
		case strings.HasPrefix(line, "-"):
			kind = "removed"
		}
		lines = append(lines, diffLine{kind, line})
	}
	return lines
}
