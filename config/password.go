package config

import (
	"regexp"
	"strings"
	"unicode"
)

var (
	// credentials stand in a URL before its "@". People forget to escape a "/"
	// in those of Redis; elsewhere a "/" ends the part of a URL that has any.
	credentials = regexp.MustCompile(`(?:rediss?|unix)://[^\s"']*@|://[^\s"'/?#]*@`)
	reference   = regexp.MustCompile(`\$\{[^}]*\}`)
)

// hidePasswords returns a line of the file for a fault to show, with asterisks
// for the users and passwords of URLs. It keeps its width, for the caret.
func hidePasswords(line string) string {
	return credentials.ReplaceAllStringFunc(line, func(found string) string {
		scheme, rest, _ := strings.Cut(found, "://")
		return scheme + "://" + asterisks(strings.TrimSuffix(rest, "@")) + "@"
	})
}

// hideValue puts asterisks for all of the fault's line from its column on, where
// a value stands of which nobody knows what in it is the password.
func (f *Fault) hideValue() {
	runes := []rune(f.Source)
	at := min(max(f.Pos.Col-1, 0), len(runes))
	f.Source = string(runes[:at]) + asterisks(string(runes[at:]))
}

// asterisks replaces every character but white space and references to
// variables.
func asterisks(text string) string {
	var b strings.Builder
	for text != "" {
		next := reference.FindStringIndex(text)
		if next == nil {
			next = []int{len(text), len(text)}
		}
		for _, r := range text[:next[0]] {
			if !unicode.IsSpace(r) {
				r = '*'
			}
			b.WriteRune(r)
		}
		b.WriteString(text[next[0]:next[1]])
		text = text[next[1]:]
	}
	return b.String()
}
