package pipeline

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// questions are what the handlers of a trial ask lookups for. Some ask several
// at once.
type questions struct {
	mu   sync.Mutex
	list []action.TrialLookup
}

type questionsKey struct{}

func withQuestions(ctx context.Context, q *questions) context.Context {
	return context.WithValue(ctx, questionsKey{}, q)
}

// take returns what was asked since the last call.
func (q *questions) take() []action.TrialLookup {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.list
	q.list = nil
	slices.SortFunc(list, func(a, b action.TrialLookup) int {
		return cmp.Or(cmp.Compare(a.Lookup, b.Lookup), cmp.Compare(a.Key, b.Key))
	})
	return list
}

func (q *questions) note(lookup, key string, found map[string]any, err error) {
	asked := action.TrialLookup{Lookup: lookup, Key: key}
	if err != nil {
		asked.Error = record.Text(err.Error(), maxReason)
	} else if found != nil {
		asked.Record, _ = shown(found).(map[string]any)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = append(q.list, asked)
}

// questioned are lookups that note what they are asked for in a trial.
func questioned(lookups map[string]handler.Lookup) map[string]handler.Lookup {
	all := make(map[string]handler.Lookup, len(lookups))
	for name, lookup := range lookups {
		if lookup != nil {
			lookup = questionedLookup{name, lookup}
		}
		all[name] = lookup
	}
	return all
}

type questionedLookup struct {
	name   string
	lookup handler.Lookup
}

// Get implements handler.Lookup.
func (l questionedLookup) Get(ctx context.Context, key string) (map[string]any, bool, error) {
	found, ok, err := l.lookup.Get(ctx, key)
	if q, asked := ctx.Value(questionsKey{}).(*questions); asked {
		if !ok {
			found = nil
		}
		q.note(l.name, key, found, err)
	}
	return found, ok, err
}

// Instant implements handler.Instant.
func (l questionedLookup) Instant() bool {
	instant, ok := l.lookup.(handler.Instant)
	return ok && instant.Instant()
}
