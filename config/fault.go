package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Pos is a place in a configuration file. Line and Col count from 1; Col
// counts characters, not bytes.
type Pos struct {
	File      string
	Line, Col int
}

// String returns "file:line:col".
func (p Pos) String() string {
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Fault is one thing wrong in a configuration file: where, what, and what to
// do about it.
type Fault struct {
	Pos     Pos
	Message string
	Hint    string // what to do, such as `did you mean "handlers"?`; may be empty
	Source  string // the line that Pos points into, without its line break and the passwords of URLs
	Notes   []Note // other places that it takes to understand it
	Warning bool   // it works, but hardly as it was meant
}

// Note is a further place of a fault, such as the use of the handler type in
// whose definition it lies.
type Note struct {
	Pos     Pos
	Message string
	Source  string
}

// WithNote returns the fault with one more place.
func (f Fault) WithNote(at Node, format string, args ...any) Fault {
	n := at.Faultf(format, args...)
	f.Notes = append(slices.Clone(f.Notes), Note{Pos: n.Pos, Message: n.Message, Source: n.Source})
	return f
}

// AsWarning returns the fault as one with which the configuration can run.
func (f Fault) AsWarning() Fault {
	f.Warning = true
	return f
}

// WithHint returns the fault with another hint.
func (f Fault) WithHint(format string, args ...any) Fault {
	f.Hint = fmt.Sprintf(format, args...)
	return f
}

// String returns the fault as "file:line:col: message (hint)", followed by the
// offending line and a caret under the offending column.
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.Pos.String())
	b.WriteString(": ")
	if f.Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(f.Message)
	if f.Hint != "" {
		fmt.Fprintf(&b, " (%s)", f.Hint)
	}
	point(&b, f.Source, f.Pos.Col)
	for _, n := range f.Notes {
		fmt.Fprintf(&b, "\n  %s: %s", n.Pos, n.Message)
		point(&b, n.Source, n.Pos.Col)
	}
	return b.String()
}

// point writes a line of a file with a caret under the column.
func point(b *strings.Builder, source string, col int) {
	if strings.TrimSpace(source) == "" {
		return
	}
	line, caret := underline(source, col)
	fmt.Fprintf(b, "\n  %s\n  %s", line, caret)
}

// excerptBefore and excerptAfter bound how much of a long line, such as a JSON
// file without line breaks, is shown around the caret.
const (
	excerptBefore = 60
	excerptAfter  = 60
)

// underline returns the part of the line around the column, and a line with a
// caret that stands under that column on a terminal: tabs are repeated and
// wide characters are given two cells.
func underline(line string, col int) (excerpt, caret string) {
	runes := []rune(line)
	at := min(max(col-1, 0), len(runes))
	from, to := max(at-excerptBefore, 0), min(at+excerptAfter, len(runes))

	var text, pad strings.Builder
	if from > 0 {
		text.WriteString("…")
		pad.WriteString(" ")
	}
	text.WriteString(string(runes[from:to]))
	if to < len(runes) {
		text.WriteString("…")
	}
	for _, r := range runes[from:at] {
		pad.WriteString(blank(r))
	}
	return text.String(), pad.String() + "^"
}

// blank returns white space as wide as the character.
func blank(r rune) string {
	switch {
	case r == '\t':
		return "\t"
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return ""
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return "  "
	}
	return " "
}

// Faults is everything wrong in a configuration file. Return it as an error
// through Err: an error that holds empty Faults is not nil.
type Faults []Fault

// Error returns all faults, one after the other, in the order of the file.
func (fs Faults) Error() string {
	parts := make([]string, 0, len(fs))
	for _, f := range fs.sorted() {
		parts = append(parts, f.String())
	}
	return strings.Join(parts, "\n")
}

// Err returns the faults that are no warnings, sorted and each once, as an
// error, or nil when there are none.
func (fs Faults) Err() error {
	if errs := fs.Errors(); len(errs) > 0 {
		return errs
	}
	return nil
}

// Errors returns the faults that are no warnings, sorted and each once.
func (fs Faults) Errors() Faults {
	return slices.DeleteFunc(fs.sorted(), func(f Fault) bool { return f.Warning })
}

// Warnings returns the faults with which the configuration can run, sorted and
// each once.
func (fs Faults) Warnings() Faults {
	return slices.DeleteFunc(fs.sorted(), func(f Fault) bool { return !f.Warning })
}

func (fs Faults) sorted() Faults {
	sorted := slices.Clone(fs)
	slices.SortStableFunc(sorted, func(a, b Fault) int {
		return cmp.Or(
			cmp.Compare(a.Pos.File, b.Pos.File),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Col, b.Pos.Col),
		)
	})
	return slices.CompactFunc(sorted, func(a, b Fault) bool {
		return a.Pos == b.Pos && a.Message == b.Message && a.Hint == b.Hint
	})
}
