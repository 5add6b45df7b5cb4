package poison

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Listing is a page of entries.
type Listing struct {
	Entries []Entry `json:"entries"`
	// NextCursor is empty after the last page.
	NextCursor string `json:"next_cursor"`
	// Total is how many the query selects, on all pages together.
	Total int `json:"total"`
}

// Group is what failed of one cause: of the same pipeline, class and step, with
// the same reason but for ids, numbers and hosts.
type Group struct {
	Fingerprint string `json:"fingerprint"`
	Pipeline    string `json:"pipeline"`
	Class       string `json:"class"`
	Step        string `json:"step"`
	// Reason is that of the newest.
	Reason    string    `json:"reason"`
	Count     int       `json:"count"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	// Hours counts those that failed in each of the last 24 hours, the oldest
	// first; the last hour is the running one.
	Hours []int `json:"hours"`
}

const groupHours = 24

// Groups returns what q selects by its cause, the largest group first. Errors
// are those of List.
func (x *Index) Groups(ctx context.Context, q Query) ([]Group, error) {
	rows, err := x.selected(ctx, q)
	if err != nil {
		return nil, err
	}
	return groupsOf(rows), nil
}

// Overview returns what List and Groups do, of one moment, and selects once. The
// entries lack payloads that are kept in Kafka alone: nothing is read from there.
func (x *Index) Overview(ctx context.Context, q Query) (Listing, []Group, error) {
	rows, err := x.selected(ctx, q)
	if err != nil {
		return Listing{}, nil, err
	}
	list, err := page(rows, q, func(r row) (Entry, error) { return x.entry(r), nil })
	return list, groupsOf(rows), err
}

func groupsOf(rows []row) []Group {
	groups := make(map[string]*Group)
	thisHour := time.Now().Truncate(time.Hour)
	for _, it := range rows {
		c := it.cause.Value()
		g := groups[c.fingerprint]
		if g == nil {
			g = &Group{Fingerprint: c.fingerprint, FirstSeen: timeOf(it.failedAt()), Hours: make([]int, groupHours)}
			groups[c.fingerprint] = g
		}
		g.add(it.item, thisHour)
	}
	list := make([]Group, 0, len(groups))
	for _, g := range groups {
		list = append(list, *g)
	}
	slices.SortFunc(list, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), b.LastSeen.Compare(a.LastSeen), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	return list
}

func (g *Group) add(it *item, thisHour time.Time) {
	c, at := it.cause.Value(), timeOf(it.failedAt())
	g.Count++
	if !at.Before(g.LastSeen) {
		g.Pipeline, g.Class, g.Step, g.Reason, g.LastSeen = c.pipeline, c.class, c.step, it.reason, at
	}
	if at.Before(g.FirstSeen) {
		g.FirstSeen = at
	}
	ago := int(thisHour.Sub(at.Truncate(time.Hour)) / time.Hour)
	if ago >= 0 && ago < groupHours {
		g.Hours[groupHours-1-ago]++
	}
}
