package graph

import (
	"strings"
	"unicode"
)

// maxLabel bounds a label, in characters: a condition may fill a screen.
const maxLabel = 48

// oneLine is text without line breaks and what can't be seen, shortened.
func oneLine(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if runes := []rune(text); len(runes) > maxLabel {
		return string(runes[:maxLabel-1]) + "…"
	}
	return text
}

// whole are the lines of a node: what they name is not shortened.
func whole(lines []string, escape func(string) string, newline string) string {
	escaped := make([]string, len(lines))
	for i, line := range lines {
		escaped[i] = escape(strings.ToValidUTF8(line, "�"))
	}
	return strings.Join(escaped, newline)
}
