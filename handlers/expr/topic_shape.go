package expr

import "slices"

// shape is what all names of a topic have in common, one character after the other: a literal one, a
// hole, which is one or more of those that an escaped id has, or, at an end, anything.
type shape []rune

const (
	holeRune rune = -1
	restRune rune = -2
)

func (t *Topic) shape() shape {
	var s shape
	for _, p := range t.t.parts {
		if p.prg != nil {
			s = append(s, holeRune)
		}
		s = append(s, []rune(p.literal)...)
	}
	return s
}

// SameShape tells whether two topics differ in their holes' expressions at most: they are meant to
// be the same.
func (t *Topic) SameShape(other *Topic) bool { return slices.Equal(t.shape(), other.shape()) }

// Meets tells whether there are values for the holes of both with which they are the same topic.
func (t *Topic) Meets(other *Topic) bool { return meet(t.shape(), other.shape()) }

// MeetsPrefix tells whether the topic's name can begin with prefix.
func (t *Topic) MeetsPrefix(prefix string) bool {
	return meet(t.shape(), append(shape([]rune(prefix)), restRune))
}

// MeetsName tells whether the topic can have that name.
func (t *Topic) MeetsName(name string) bool { return meet(t.shape(), []rune(name)) }

// meet tells whether a name has both shapes. It walks through them side by side; at is a place in
// each, and whether the hole there has had its first character.
func meet(a, b shape) bool {
	type at struct {
		i, j           int
		inside, beside bool
	}
	seen := make(map[at]bool)
	var walk func(p at) bool
	walk = func(p at) bool {
		if seen[p] {
			return false
		}
		seen[p] = true
		// A hole that has had a character may be over; the rest always may.
		if p.inside && walk(at{p.i + 1, p.j, false, p.beside}) || p.beside && walk(at{p.i, p.j + 1, p.inside, false}) {
			return true
		}
		if p.j < len(b) && b[p.j] == restRune {
			return true
		}
		if p.i == len(a) || p.j == len(b) {
			return p.i == len(a) && p.j == len(b)
		}
		switch x, y := a[p.i], b[p.j]; {
		case x == holeRune && y == holeRune:
			return walk(at{p.i, p.j, true, true})
		case x == holeRune:
			return inHole(y) && walk(at{p.i, p.j + 1, true, false})
		case y == holeRune:
			return inHole(x) && walk(at{p.i + 1, p.j, false, true})
		default:
			return x == y && walk(at{p.i + 1, p.j + 1, false, false})
		}
	}
	return walk(at{})
}

// inHole tells whether an escaped id can have the character.
func inHole(r rune) bool { return r == '_' || r < 0x80 && r >= 0 && plain(byte(r)) }
