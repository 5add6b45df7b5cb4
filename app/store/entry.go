package store

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// maxMarks bounds an entry. Past it the oldest mark goes: a key claimed anew
// at every end of a short window would grow for a day otherwise. A limit brings
// room for two windows of its own, so that what comes a window late is counted
// among those of its time.
const maxMarks = 16

// entryVersion is the first byte of an encoded entry.
const entryVersion = 1

// errEntry says that the bytes found are no entry: a newer version of the
// service wrote them, or the disk is damaged.
var errEntry = errors.New("the entry found in the store can't be read by this version")

// entry is what the store holds under one key: the claims that still live, in
// the order of their acceptance. Nearly always that is one.
type entry []mark

// mark is one claim as it is stored.
type mark struct {
	origin     handler.Origin
	acceptedAt time.Time
	until      time.Time
}

// of reports whether origin holds one of the claims.
func (e entry) of(origin handler.Origin) bool {
	return slices.ContainsFunc(e, func(m mark) bool { return m.origin == origin })
}

// full reports whether there are so many claims as limit says that all of them
// and one more, accepted at at, were accepted less than window apart.
func (e entry) full(limit int, window time.Duration, at time.Time) bool {
	for i := limit - 1; i < len(e); i++ {
		first, last := e[i-limit+1].acceptedAt, e[i].acceptedAt
		if at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
		if last.Sub(first) < window {
			return true
		}
	}
	return false
}

// with returns the entry, of a key with that limit, and m in its place; e is
// used up.
func (e entry) with(m mark, limit int) entry {
	at, _ := slices.BinarySearchFunc(e, m, func(a, b mark) int {
		return a.acceptedAt.Compare(b.acceptedAt)
	})
	e = slices.Insert(e, at, m)
	return e[max(0, len(e)-maxMarks-2*(limit-1)):]
}

// without returns the entry without the claim of origin; e is used up.
func (e entry) without(origin handler.Origin) entry {
	return slices.DeleteFunc(e, func(m mark) bool { return m.origin == origin })
}

// until is when the last of the claims ends.
func (e entry) until() time.Time {
	last := e[0].until
	for _, m := range e[1:] {
		if m.until.After(last) {
			last = m.until
		}
	}
	return last
}

// encode returns the entry as it is stored.
func (e entry) encode() []byte {
	return e.appendTo(make([]byte, 0, 1+64*len(e)))
}

// appendTo writes the version and then, for each mark, its end and its
// acceptance (seconds, nanoseconds) and the origin (length and bytes of the
// topic, partition, offset), all numbers as varints.
func (e entry) appendTo(b []byte) []byte {
	b = append(b, entryVersion)
	for _, m := range e {
		for _, t := range [...]time.Time{m.until, m.acceptedAt} {
			b = binary.AppendVarint(b, t.Unix())
			b = binary.AppendVarint(b, int64(t.Nanosecond()))
		}
		b = binary.AppendVarint(b, int64(len(m.origin.Topic)))
		b = append(b, m.origin.Topic...)
		b = binary.AppendVarint(b, int64(m.origin.Partition))
		b = binary.AppendVarint(b, m.origin.Offset)
	}
	return b
}

// decode reads what encode wrote and leaves out what has ended by now.
func decode(b []byte, now time.Time) (entry, error) {
	return entry(nil).appendFrom(b, now)
}

// appendFrom reads the same and appends it to e.
func (e entry) appendFrom(b []byte, now time.Time) (entry, error) {
	if len(b) == 0 || b[0] != entryVersion {
		return nil, errEntry
	}
	r := reader{rest: b[1:]}
	for topic := ""; len(r.rest) > 0; {
		m := mark{until: r.time(), acceptedAt: r.time()}
		m.origin.Topic = r.text(topic)
		m.origin.Partition = int32(r.int())
		m.origin.Offset = r.int()
		if r.broken {
			return nil, errEntry
		}
		topic = m.origin.Topic
		if m.until.After(now) {
			e = append(e, m)
		}
	}
	return e, nil
}

// reader takes values off the front of rest; broken tells that one wasn't
// there.
type reader struct {
	rest   []byte
	broken bool
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.broken, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) time() time.Time {
	return time.Unix(r.int(), r.int())
}

// text is usual itself where it says the same: the marks of an entry come from
// few topics.
func (r *reader) text(usual string) string {
	n := r.int()
	if n < 0 || n > int64(len(r.rest)) {
		r.broken, r.rest = true, nil
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	if string(s) == usual {
		return usual
	}
	return string(s)
}
