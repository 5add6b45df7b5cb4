package poison

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// Summary is what there is at one moment.
type Summary struct {
	Open      int `json:"open"`
	Redriven  int `json:"redriven"`
	Archived  int `json:"archived"`
	Discarded int `json:"discarded"`
	// Jobs are the redrive jobs that are not over, the newest first.
	Jobs []Job `json:"jobs"`
}

// Summary counts messages by their state. Error: ErrNotReady.
func (x *Index) Summary(ctx context.Context) (Summary, error) {
	if err := x.Await(ctx); err != nil {
		return Summary{}, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	s := Summary{Jobs: []Job{}}
	for _, it := range x.byID {
		switch x.row(it).state {
		case Open:
			s.Open++
		case Redriven:
			s.Redriven++
		case Archived:
			s.Archived++
		case Discarded:
			s.Discarded++
		}
	}
	for i := len(x.ledger.order) - 1; i >= 0; i-- {
		if j := x.ledger.order[i]; !j.state.Over() {
			s.Jobs = append(s.Jobs, x.view(j))
		}
	}
	return s, nil
}

// Tally is how many messages of a pipeline and a class are open.
type Tally struct {
	Pipeline, Class string
	Count           int
}

// Tallies count the open messages, by pipeline and class. Error: ErrNotReady.
func (x *Index) Tallies(ctx context.Context) ([]Tally, error) {
	if err := x.Await(ctx); err != nil {
		return nil, err
	}
	counts := make(map[Tally]int)
	x.mu.RLock()
	for _, it := range x.byID {
		if x.row(it).state == Open {
			c := it.cause.Value()
			counts[Tally{Pipeline: c.pipeline, Class: c.class}]++
		}
	}
	x.mu.RUnlock()
	tallies := make([]Tally, 0, len(counts))
	for t, n := range counts {
		t.Count = n
		tallies = append(tallies, t)
	}
	slices.SortFunc(tallies, func(a, b Tally) int {
		return cmp.Or(cmp.Compare(a.Pipeline, b.Pipeline), cmp.Compare(a.Class, b.Class))
	})
	return tallies, nil
}

// Count is how many messages are in a state; of those that have not been read
// yet nothing is known.
func (x *Index) Count(state State) (n int) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, it := range x.byID {
		if x.row(it).state == state {
			n++
		}
	}
	return n
}

// Each calls visit with every entry that q selects, the oldest first, until it
// returns an error, which Each returns. Other errors are those of List.
func (x *Index) Each(ctx context.Context, q Query, visit func(Entry) error) error {
	rows, err := x.selected(ctx, q)
	if err != nil {
		return err
	}
	for _, r := range rows {
		e, err := x.whole(ctx, r)
		if err != nil {
			return err
		}
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

// String says in words what is selected.
func (s Selection) String() string {
	var parts []string
	switch n := len(s.IDs); {
	case n == 1:
		parts = append(parts, "id "+s.IDs[0])
	case n > 1:
		parts = append(parts, fmt.Sprintf("%d ids", n))
	}
	q := &s.Query
	for _, part := range []struct{ name, value string }{
		{"state", string(q.State)}, {"pipeline", q.Pipeline}, {"class", q.Class}, {"filter", q.Filter}, {"words", q.Words},
	} {
		if part.value != "" {
			parts = append(parts, part.name+" "+part.value)
		}
	}
	if q.OlderThan > 0 {
		parts = append(parts, "older than "+q.OlderThan.String())
	}
	if s.Limit > 0 {
		parts = append(parts, fmt.Sprintf("at most %d", s.Limit))
	}
	if len(parts) == 0 {
		return "all"
	}
	return strings.Join(parts, ", ")
}
