package expr

import (
	"errors"
	"fmt"
	"strings"
)

// MaxTopic is the greatest length of a topic's name that Kafka accepts, in bytes.
const MaxTopic = 249

// Topic is a compiled topic name with holes. It is safe for concurrent use.
type Topic struct{ t *Template }

// Topic compiles a topic name. The error is an *Error: what Template reports, or literal text that
// is no topic name.
func (e *Env) Topic(src string) (*Topic, error) {
	t, err := e.template(src, true)
	if err != nil {
		return nil, err
	}
	literal := 0
	for i, p := range t.parts {
		if p.prg != nil {
			continue
		}
		literal += len(p.literal)
		if err := checkLiteral(p.literal, p.offset, i == 0); err != nil {
			return nil, err
		}
	}
	switch {
	case literal == 0:
		return nil, errorAt(0, "a topic needs a part of its own, such as notifications.user.{recipient.id}")
	case literal > MaxTopic:
		return nil, errorAt(0, "a topic's name is at most %d bytes long, this is %d", MaxTopic, literal)
	}
	return &Topic{t: t}, nil
}

// checkLiteral looks for the first character of a literal part that a topic can't have.
func checkLiteral(literal string, offset int, first bool) *Error {
	for i, r := range literal {
		ok := r == '-' || r == '.' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z'
		if ok && (!first || i > 0 || r != '-' && r != '.') {
			continue
		}
		if ok {
			return errorAt(offset+i, "a topic's name begins with a letter or a digit")
		}
		return errorAt(offset+i, "a topic's name has lower-case letters, digits, dots and dashes only, not %q", r)
	}
	return nil
}

// Source returns the topic as it was written.
func (t *Topic) Source() string { return t.t.src }

// Eval returns the topic's name. Besides what Template.Eval reports, a hole that is empty and a
// name longer than MaxTopic are errors.
func (t *Topic) Eval(vars Vars) (string, error) {
	var buf [MaxTopic]byte
	name := buf[:0]
	for i := range t.t.parts {
		p := &t.t.parts[i]
		if p.prg == nil {
			name = append(name, p.literal...)
			continue
		}
		text, err := p.text(vars)
		if err != nil {
			return "", err
		}
		if text == "" {
			return "", p.fail(errors.New("is empty, which would make a topic for everybody"))
		}
		name = appendEscaped(name, text)
	}
	if len(name) > MaxTopic {
		return "", fmt.Errorf("%s: the topic's name would be %d bytes long, more than %d", shorten(t.t.src), len(name), MaxTopic)
	}
	return string(name), nil
}

const hexDigits = "0123456789abcdef"

func plain(c byte) bool {
	return c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z'
}

// EscapeTopic writes every byte of id outside a-z, 0-9 and - as _xx, in lower-case hexadecimal, so
// that the result may be part of a topic's name and no two ids are written alike.
func EscapeTopic(id string) string {
	for i := range len(id) {
		if !plain(id[i]) {
			return string(appendEscaped(make([]byte, 0, len(id)+8), id))
		}
	}
	return id
}

func appendEscaped(dst []byte, id string) []byte {
	for i := range len(id) {
		if c := id[i]; plain(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '_', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return dst
}

// UnescapeTopic returns the id that EscapeTopic wrote as escaped; an error for what EscapeTopic
// never writes.
func UnescapeTopic(escaped string) (string, error) {
	if !strings.Contains(escaped, "_") {
		return escaped, checkEscaped(escaped, escaped)
	}
	id := make([]byte, 0, len(escaped))
	for i := 0; i < len(escaped); i++ {
		if escaped[i] != '_' {
			id = append(id, escaped[i])
			continue
		}
		if i+2 >= len(escaped) {
			return "", fmt.Errorf("unescape %q: two hexadecimal digits must follow each _", escaped)
		}
		high, low := strings.IndexByte(hexDigits, escaped[i+1]), strings.IndexByte(hexDigits, escaped[i+2])
		if high < 0 || low < 0 {
			return "", fmt.Errorf("unescape %q: two hexadecimal digits must follow each _", escaped)
		}
		id = append(id, byte(high<<4|low))
		i += 2
	}
	return string(id), checkEscaped(string(id), escaped)
}

func checkEscaped(id, escaped string) error {
	if EscapeTopic(id) != escaped {
		return fmt.Errorf("unescape %q: this is not how an id is written in a topic's name", escaped)
	}
	return nil
}
