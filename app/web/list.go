package web

import (
	"errors"
	"net/http"

	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

const (
	// pageSize is how many messages a page of the list has.
	pageSize = 50
	// maxGroups is how many groups the page shows at the most.
	maxGroups = 100
	// firstGroups of these are not folded away.
	firstGroups = 6
)

// listPage is the console's first page: groups and messages.
type listPage struct {
	Choice  choice
	Mistake *mistake
	Tabs    []tab
	Classes []handler.Class

	Groups, Folded []group
	// Hidden is how many groups are not shown.
	Hidden int

	Entries []entry
	// Total is how many there are on all pages.
	Total int
	// Older is where the next page is, Newest where the first one is; empty where
	// there is none, or this is it.
	Older, Newest string
}

// tab is a state, and how many messages are in it.
type tab struct {
	State   string
	Count   int
	Link    string
	Current bool
}

// group is a group of the list.
type group struct {
	poison.Group
	Spark  spark
	Choice choice
	// Alone says that the list shows nothing else.
	Alone bool
}

// entry is a message of the list.
type entry struct {
	poison.Entry
	Link string
}

// getList shows groups and messages.
func (s *site) getList(w http.ResponseWriter, r *http.Request) error {
	c, err := choiceOf(r.Form)
	if err != nil {
		return err
	}
	body := &listPage{Choice: c, Classes: classes()}
	if body.Tabs, err = s.tabs(r, c); err != nil {
		return err
	}
	status := http.StatusOK
	if err := s.fill(r, body); err != nil {
		var filter *poison.FilterError
		switch {
		case errors.As(err, &filter):
			body.Mistake = mistakeIn(filter)
		case !errors.As(err, &body.Mistake):
			return err
		}
		status = http.StatusBadRequest
	}
	s.write(w, r, status, "list", page{Title: "Poison queue", Body: body})
	return nil
}

// tabs are the states, and how many messages are in each.
func (s *site) tabs(r *http.Request, c choice) ([]tab, error) {
	n, err := s.opts.Console.Summary(r.Context())
	if err != nil {
		return nil, err
	}
	tabs := []tab{
		{State: string(poison.Open), Count: n.Open},
		{State: string(poison.Redriven), Count: n.Redriven},
		{State: string(poison.Archived), Count: n.Archived},
		{State: string(poison.Discarded), Count: n.Discarded},
		{State: anyState, Count: n.Open + n.Redriven + n.Archived + n.Discarded},
	}
	for i := range tabs {
		tabs[i].Link, tabs[i].Current = c.in(tabs[i].State).List(), tabs[i].State == c.State
	}
	return tabs, nil
}

// fill finds what the page shows. Errors: *mistake, and those of the console.
func (s *site) fill(r *http.Request, body *listPage) error {
	q, err := body.Choice.query()
	if err != nil {
		return err
	}
	q.Limit, q.Cursor = pageSize, r.Form.Get("cursor")
	list, groups, err := s.opts.Console.Overview(r.Context(), q)
	if err != nil {
		return err
	}
	body.group(groups)
	body.Total = list.Total
	for i := range list.Entries {
		e := entry{Entry: list.Entries[i], Link: messageLink(list.Entries[i].ID)}
		e.Value = nil // the list doesn't show it, and it may be large
		body.Entries = append(body.Entries, e)
	}
	values := body.Choice.values()
	if q.Cursor != "" {
		body.Newest = at(Home, values)
	}
	if list.NextCursor != "" {
		values.Set("cursor", list.NextCursor)
		body.Older = at(Home, values)
	}
	return nil
}

// group puts groups onto the page.
func (p *listPage) group(groups []poison.Group) {
	p.Hidden = max(0, len(groups)-maxGroups)
	for _, g := range groups[:len(groups)-p.Hidden] {
		p.Groups = append(p.Groups, group{Group: g, Spark: sparkOf(g.Hours, "hour"), Choice: p.Choice.group(g.Fingerprint), Alone: len(groups) == 1})
	}
	if len(p.Groups) > firstGroups+1 {
		p.Groups, p.Folded = p.Groups[:firstGroups], p.Groups[firstGroups:]
	}
}

// Shown is the choice of all that the list shows, on all pages.
func (p *listPage) Shown() choice {
	c := p.Choice
	c.Scope = shown
	return c
}
