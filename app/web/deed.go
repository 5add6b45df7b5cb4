package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/poison"
)

// deed is what is done to messages without sending them.
type deed struct {
	Kind  action.Kind
	Needs poison.Permission
	// Title is what a button says, Done what became of the messages.
	Title, Done string
	// Explained says what it means.
	Explained string
	// Key is the key for it.
	Key string
	// WantsReason says that the operator must say why.
	WantsReason bool
	from        []poison.State
}

var deeds = []deed{
	{
		Kind: action.Archive, Needs: poison.ToArchive, Title: "Archive", Done: "archived", Key: "a", from: []poison.State{poison.Open},
		Explained: "What is archived is put aside: it leaves the list of open messages, and can be restored.",
	},
	{
		Kind: action.Restore, Needs: poison.ToArchive, Title: "Restore", Done: "restored", Key: "u", from: []poison.State{poison.Archived, poison.Discarded},
		Explained: "What is restored is open again.",
	},
	{
		Kind: action.Discard, Needs: poison.ToDiscard, Title: "Discard", Done: "discarded", Key: "d", from: []poison.State{poison.Open, poison.Archived}, WantsReason: true,
		Explained: "What is discarded was given up: nobody will look at it again. It can be restored as long as Kafka keeps it.",
	},
}

// deedsFor are what can be done to messages in a state; in any, for none.
func deedsFor(state poison.State) (list []deed) {
	for _, d := range deeds {
		if state == "" || slices.Contains(d.from, state) {
			list = append(list, d)
		}
	}
	return list
}

// Deeds are what can be done to the messages of the list.
func (p *listPage) Deeds() []deed {
	if p.Choice.State == anyState {
		return deedsFor("")
	}
	return deedsFor(poison.State(p.Choice.State))
}

// MayRedrive says that messages of the list can be sent back.
func (p *listPage) MayRedrive() bool {
	return p.Choice.State == anyState || p.Choice.State == string(poison.Open)
}

// deedPage asks whether it is meant.
type deedPage struct {
	Deed   deed
	Choice choice
	// Count is how many messages are meant, Words which, for people.
	Count int
	Words string
	// Back is where the operator came from: "message", or the list.
	Back, Reason string
	Problem      string
}

// getDeed asks whether something is to be done to messages.
func (s *site) getDeed(d deed) serveFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		c, err := choiceOf(r.Form)
		if err != nil {
			return err
		}
		return s.askDeed(w, r, http.StatusOK, d, c, "")
	}
}

func (s *site) askDeed(w http.ResponseWriter, r *http.Request, status int, d deed, c choice, problem string) error {
	selection, err := c.selection()
	if err != nil {
		return err
	}
	body := &deedPage{
		Deed: d, Choice: c, Count: len(c.IDs), Words: words(c, selection), Back: r.Form.Get("back"), Reason: r.Form.Get("reason"), Problem: problem,
	}
	if c.Scope == shown {
		q := selection.Query
		q.Limit = 1
		list, err := s.opts.Console.List(r.Context(), q)
		if err != nil {
			return err
		}
		body.Count = list.Total
		if c.Limit > 0 {
			body.Count = min(c.Limit, list.Total)
		}
		// What fails from now on is newer, and nobody has seen it.
		body.Choice.Limit = body.Count
	}
	s.write(w, r, status, "deed", page{Title: d.Title + " " + messages(body.Count), Body: body})
	return nil
}

// words say which messages are meant.
func words(c choice, selection poison.Selection) string {
	if c.Scope == ticked {
		return selection.String()
	}
	selection.Limit = 0 // the page says how many
	return selection.String()
}

// postDeed does it.
func (s *site) postDeed(d deed) serveFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		c, err := choiceOf(r.PostForm)
		if err != nil {
			return err
		}
		selection, err := c.selection()
		if err != nil {
			return err
		}
		reason := strings.TrimSpace(r.PostForm.Get("reason"))
		if d.WantsReason && reason == "" {
			return s.askDeed(w, r, http.StatusBadRequest, d, c, "Say why: the timeline of each message keeps it.")
		}
		report, err := s.opts.Console.Act(r.Context(), d.Kind, selection, caller(r), reason)
		if err != nil {
			return err
		}
		to := c.List()
		if r.PostForm.Get("back") == "message" && len(c.IDs) == 1 {
			to = messageLink(c.IDs[0])
		}
		return redirect(w, r, to, fmt.Sprintf("%s %s.%s", messages(report.Done), d.Done, refusedWords(report.Refused)))
	}
}

// refusedWords say for which messages something could not be done.
func refusedWords(refused []poison.Refusal) string {
	var b strings.Builder
	for _, r := range refused {
		fmt.Fprintf(&b, " Not %s: %s.", count(r.Count), r.Reason)
	}
	return b.String()
}
