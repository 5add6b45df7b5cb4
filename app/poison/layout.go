package poison

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// maxLayout bounds what JSON may grow to when it is laid out, in bytes: deep
// nesting grows with its square.
const maxLayout = 8 << 20

// LayOut gives JSON a line for each member, numbers and texts as they are. It is
// false for what is no JSON, and for what would be too large.
func LayOut(text []byte) (string, bool) {
	if laidOutSize(text) > maxLayout {
		return "", false
	}
	value := jsontext.Value(bytes.Clone(text))
	if err := value.Indent(); err != nil {
		return "", false
	}
	return string(value) + "\n", true
}

// laidOutSize is about how many bytes JSON takes when it is laid out.
func laidOutSize(text []byte) int {
	size, depth, quoted := len(text), 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++ // whatever is escaped ends no string
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{', c == '[':
			depth++
			size += depth + 1
		case c == '}', c == ']':
			depth--
			size += depth + 1
		case c == ',':
			size += depth + 1
		}
	}
	return size
}
