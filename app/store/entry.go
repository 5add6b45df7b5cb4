package store

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// maxMarks bounds an entry. Past it the oldest mark goes: a key claimed anew
// at every end of a short window would grow for a day otherwise.
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

// within reports whether a claim was accepted less than window away from at.
func (e entry) within(window time.Duration, at time.Time) bool {
	return slices.ContainsFunc(e, func(m mark) bool { return m.acceptedAt.Sub(at).Abs() < window })
}

// with returns the entry and m in its place; e is used up.
func (e entry) with(m mark) entry {
	at, _ := slices.BinarySearchFunc(e, m, func(a, b mark) int {
		return a.acceptedAt.Compare(b.acceptedAt)
	})
	e = slices.Insert(e, at, m)
	return e[max(0, len(e)-maxMarks):]
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
	for len(r.rest) > 0 {
		m := mark{until: r.time(), acceptedAt: r.time()}
		m.origin.Topic = r.text()
		m.origin.Partition = int32(r.int())
		m.origin.Offset = r.int()
		if r.broken {
			return nil, errEntry
		}
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

func (r *reader) text() string {
	n := r.int()
	if n < 0 || n > int64(len(r.rest)) {
		r.broken, r.rest = true, nil
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}
