package expr

import "strings"

// segment is a stretch of a template: literal text, or the expression of a hole.
type segment struct {
	text   string // Literal text with its braces resolved, or the expression between the braces.
	hole   bool
	offset int // Where text starts in the template, in bytes.
}

// scan takes a template apart.
func scan(src string) ([]segment, *Error) {
	if len(src) > MaxTemplate {
		return nil, errorAt(0, "the template is longer than %d bytes", MaxTemplate)
	}
	var segments []segment
	var literal strings.Builder
	start := 0
	flush := func() {
		if literal.Len() > 0 {
			segments = append(segments, segment{text: literal.String(), offset: start})
			literal.Reset()
		}
	}
	for i := 0; i < len(src); {
		switch c := src[i]; {
		case c == '{' && strings.HasPrefix(src[i+1:], "{"), c == '}' && strings.HasPrefix(src[i+1:], "}"):
			literal.WriteByte(c)
			i += 2
		case c == '}':
			return nil, errorAt(i, "this brace closes nothing: write }} for a brace in the text")
		case c == '{':
			end := holeEnd(src, i+1)
			if end < 0 {
				return nil, errorAt(i, "this brace is never closed: write {{ for a brace in the text")
			}
			if strings.TrimSpace(src[i+1:end]) == "" {
				return nil, errorAt(i, "there is no expression between these braces")
			}
			flush()
			segments = append(segments, segment{text: src[i+1 : end], hole: true, offset: i + 1})
			i = end + 1
			start = i
		default:
			literal.WriteByte(c)
			i++
		}
	}
	flush()
	return segments, nil
}

// holeEnd finds the brace that closes the hole whose expression starts at i; -1 when there is none.
// Braces of map literals nest; those in CEL's string literals and comments do not count.
func holeEnd(src string, i int) int {
	depth := 0
	for start := i; i < len(src); {
		switch c := src[i]; {
		case c == '{':
			depth++
			i++
		case c == '}':
			if depth == 0 {
				return i
			}
			depth--
			i++
		case c == '"' || c == '\'':
			if i = stringEnd(src, i, isRaw(src[start:i])); i < 0 {
				return -1
			}
		case strings.HasPrefix(src[i:], "//"):
			line := strings.IndexByte(src[i:], '\n')
			if line < 0 {
				return -1
			}
			i += line
		default:
			i++
		}
	}
	return -1
}

// isRaw tells whether a string literal that follows before is a raw one, as in r"\d".
func isRaw(before string) bool {
	prefix := before[len(strings.TrimRight(before, "rRbB")):]
	return strings.ContainsAny(prefix, "rR")
}

// stringEnd returns the place after the string literal whose quotes open at i; -1 when it is
// never closed.
func stringEnd(src string, i int, raw bool) int {
	quote := src[i : i+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(src[i:], triple) {
		quote = triple
	}
	for i += len(quote); i < len(src); i++ {
		switch {
		case strings.HasPrefix(src[i:], quote):
			return i + len(quote)
		case src[i] == '\\' && !raw:
			i++
		case src[i] == '\n' && len(quote) == 1:
			return -1
		}
	}
	return -1
}
