package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The types of unquoted scalars are those of YAML 1.2's core schema. go-yaml's
// own are a mixture with YAML 1.1, where 0123 is octal and 1_000 a number.
var (
	intScalar   = regexp.MustCompile(`^[-+]?[0-9]+$`)
	basedScalar = regexp.MustCompile(`^0(?:o[0-7]+|x[0-9a-fA-F]+)$`)
	floatScalar = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
	otherNumber = regexp.MustCompile(`^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
)

// resolve types an unquoted scalar. The message says what is wrong with it.
func resolve(text string) (kind Kind, scalar any, message string) {
	switch text {
	case "", "~", "null", "Null", "NULL":
		return Null, nil, ""
	case "true", "True", "TRUE":
		return Bool, true, ""
	case "false", "False", "FALSE":
		return Bool, false, ""
	}
	switch {
	case intScalar.MatchString(text):
		return integer(text, 10)
	case basedScalar.MatchString(text):
		return integer(text, 0)
	case floatScalar.MatchString(text):
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return Float, 0.0, "is too large a number; quote it if it is a text"
		}
		return Float, f, ""
	case otherNumber.MatchString(text):
		return String, text, "is no number that JSON knows; quote it if it is a text"
	}
	return String, text, ""
}

func integer(text string, base int) (Kind, any, string) {
	text = strings.TrimPrefix(text, "+")
	if i, err := strconv.ParseInt(text, base, 64); err == nil {
		return Int, i, ""
	}
	if u, err := strconv.ParseUint(text, base, 64); err == nil {
		return Int, u, ""
	}
	return Int, int64(0), "is an integer beyond 64 bits; quote it if it is an id"
}

// badText says what makes a text unfit for a configuration: bytes that are not
// UTF-8, or control characters, which YAML does not allow and which would
// garble messages. It returns "" for a good text.
func badText(text string) string {
	for i, r := range text {
		if m := badRune(text[i:], r); m != "" {
			return m
		}
	}
	return ""
}

func badRune(rest string, r rune) string {
	switch {
	case r == utf8.RuneError && !strings.HasPrefix(rest, "\uFFFD"):
		return "is not valid UTF-8"
	case r < ' ' && r != '\t' && r != '\n', r >= 0x7f && r < 0xa0 && r != 0x85:
		return fmt.Sprintf("holds the control character %U", r)
	}
	return ""
}
