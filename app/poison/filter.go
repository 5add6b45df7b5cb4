package poison

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/trieungochai/kafka-notify/handlers/expr"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// filterEnv are the variables of a filter.
var filterEnv = sync.OnceValue(func() *expr.Env {
	return expr.NewTypedEnv(map[string]expr.Type{
		"id": expr.String, "pipeline": expr.String, "class": expr.String, "step": expr.String, "reason": expr.String,
		"fingerprint": expr.String, "key": expr.String, "state": expr.String, "fate": expr.String,
		"topic": expr.String, "partition": expr.Int, "offset": expr.Int,
		"attempts": expr.Int, "redrives": expr.Int, "truncated": expr.Any,
		"failed_at": expr.Timestamp, "first_failed_at": expr.Timestamp, "now": expr.Timestamp,
		"headers": expr.Strings, "event": expr.Any, "data": expr.Any,
	})
})

// FilterError is a mistake in a filter.
type FilterError struct {
	Filter string
	// Offset is where the mistake is, in bytes.
	Offset  int
	Message string
}

// Error shows the filter with a caret under the mistake.
func (e *FilterError) Error() string {
	return fmt.Sprintf("filter, at character %d: %s\n  %s\n  %s^", e.column(), e.Message, e.Filter, strings.Repeat(" ", e.column()-1))
}

// BadRequest says in words for the caller what is wrong.
func (e *FilterError) BadRequest() string {
	return fmt.Sprintf("filter, at character %d: %s", e.column(), e.Message)
}

// column counts characters from 1.
func (e *FilterError) column() int {
	return len([]rune(e.Filter[:min(e.Offset, len(e.Filter))])) + 1
}

// filter selects items: those for which an expression is true, and that hold all
// of some words.
type filter struct {
	when  *expr.Condition // nil: all
	words [][]byte
	now   time.Time
}

// newFilter compiles a filter. The error is a *FilterError.
func newFilter(expression, words string, now time.Time) (*filter, error) {
	f := &filter{now: now}
	for word := range strings.FieldsSeq(words) {
		f.words = append(f.words, appendLower(nil, word))
	}
	if strings.TrimSpace(expression) == "" {
		return f, nil
	}
	var err error
	if f.when, err = filterEnv().Condition(expression); err != nil {
		var at *expr.Error
		if errors.As(err, &at) {
			return nil, &FilterError{Filter: expression, Offset: at.Offset, Message: at.Error()}
		}
		return nil, &FilterError{Filter: expression, Message: err.Error()}
	}
	return f, nil
}

// matches reports whether the filter selects r. Where the expression has no
// answer, because the message has no such field or another type of it, it
// doesn't.
func (f *filter) matches(r row, scratch *[]byte) bool {
	if len(f.words) > 0 {
		*scratch = r.appendWords((*scratch)[:0])
		for _, word := range f.words {
			if !bytes.Contains(*scratch, word) {
				return false
			}
		}
	}
	if f.when == nil {
		return true
	}
	is, err := f.when.Eval(&filterVars{row: r, now: f.now})
	return err == nil && is
}

// filterVars are an item's values for a filter. The event is read when it is
// asked for.
type filterVars struct {
	row
	now   time.Time
	read  bool
	about *handler.Event
}

// ResolveName implements expr.Vars.
func (v *filterVars) ResolveName(name string) (any, bool) {
	switch name {
	case "event", "data":
		if !v.read {
			v.about, v.read = v.event(), true
		}
		if v.about == nil {
			return nil, false
		}
		return v.about.Vars().ResolveName(name)
	case "headers":
		headers := make(map[string]any)
		for _, h := range v.unpacked() {
			headers[h.Key] = h.Value
		}
		return headers, true
	case "now":
		return v.now, true
	case "failed_at":
		return timeOf(v.failedAt()), true
	case "first_failed_at":
		return timeOf(v.first), true
	case "partition":
		return int64(v.partition), true
	case "offset":
		return v.offset, true
	case "attempts":
		return int64(v.attempts), true
	case "redrives":
		return int64(v.redrives), true
	case "truncated":
		return v.truncated, true
	}
	text, ok := v.text(name)
	return text, ok
}

// text is the value of a variable that is a string.
func (v *filterVars) text(name string) (string, bool) {
	switch name {
	case "id":
		return v.id, true
	case "reason":
		return v.reason, true
	case "key":
		return v.key, true
	case "state":
		return string(v.state), true
	case "fate":
		return string(v.fate), true
	}
	c := v.cause.Value()
	switch name {
	case "pipeline":
		return c.pipeline, true
	case "class":
		return c.class, true
	case "step":
		return c.step, true
	case "fingerprint":
		return c.fingerprint, true
	case "topic":
		return c.topic, true
	}
	return "", false
}

// selects returns those of rows that the filter selects, in their order, on all
// cores.
func (f *filter) selects(rows []row) []row {
	if f.when == nil && len(f.words) == 0 {
		return rows
	}
	workers := runtime.GOMAXPROCS(0)
	parts := make([][]row, workers)
	var wg sync.WaitGroup
	for n := range workers {
		part := rows[len(rows)*n/workers : len(rows)*(n+1)/workers]
		wg.Go(func() {
			var scratch []byte
			for _, r := range part {
				if f.matches(r, &scratch) {
					parts[n] = append(parts[n], r)
				}
			}
		})
	}
	wg.Wait()
	var all []row
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}
