package event

import "strings"

// Problem is one fault of an event.
type Problem struct {
	// Pointer is the JSON pointer (RFC 6901) of the value at fault, seen from
	// the event: "/data/follower_id". Empty stands for the whole event.
	Pointer string
	// Detail says what is wrong with it.
	Detail string
}

// Problems are all faults of an event, as one error.
type Problems []Problem

// Error lists the faults, separated by semicolons.
func (p Problems) Error() string {
	var b strings.Builder
	for i, problem := range p {
		if i > 0 {
			b.WriteString("; ")
		}
		if problem.Pointer != "" {
			b.WriteString(problem.Pointer)
			b.WriteByte(' ')
		}
		b.WriteString(problem.Detail)
	}
	return b.String()
}

// err returns nil instead of an empty list.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// pointer builds the JSON pointer of a path.
func pointer(path ...string) string {
	var b strings.Builder
	for _, name := range path {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
	}
	return b.String()
}

// shorten cuts a text that came from outside, so that no message grows with it.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}
