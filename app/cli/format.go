package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"golang.org/x/text/width"
)

// format is the flag --output.
type format string

const (
	formatText format = "text"
	formatJSON format = "json"
)

func (f *format) addFlag(cmd *cobra.Command) {
	*f = formatText
	cmd.Flags().VarP(f, "output", "o", "text or json")
}

func (f *format) String() string { return string(*f) }
func (f *format) Type() string   { return "FORMAT" }

func (f *format) Set(text string) error {
	if text != string(formatText) && text != string(formatJSON) {
		return errors.New("must be text or json")
	}
	*f = format(text)
	return nil
}

// writeJSON writes one indented document. Numbers stay as they are.
func writeJSON(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	_, err = w.Write(append(indented(text), '\n'))
	return err
}

// indented lays JSON out for people; without closing line break, and safe for
// a terminal. What is no JSON comes back as it is.
func indented(text []byte) []byte {
	laidOut := jsontext.Value(append([]byte(nil), text...))
	err := laidOut.Format(jsontext.Multiline(true), jsontext.WithIndent("  "),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		laidOut = text
	}
	return safeJSON(laidOut)
}

// safeJSON escapes what JSON allows in strings and a terminal might obey. The
// document still means the same: such characters can only stand in strings.
func safeJSON(text []byte) []byte {
	var b []byte
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r >= utf8.RuneSelf-1 && r != utf8.RuneError && obeyed(r) {
			if b == nil {
				b = append(make([]byte, 0, len(text)+16), text[:i]...)
			}
			b = fmt.Appendf(b, `\u%04x`, r)
		} else if b != nil {
			b = append(b, text[i:i+size]...)
		}
		i += size
	}
	if b == nil {
		return text
	}
	return b
}

// obeyed reports whether a terminal may do something at a character instead of
// showing it: move the cursor, run an escape sequence, reverse the line.
func obeyed(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// printable writes text in one line that a terminal shows and never obeys:
// control characters stand there escaped.
func printable(text string) string { return escape(text, "") }

// printableLines is printable for a text of several lines.
func printableLines(text string) string { return escape(text, "\n\t") }

func escape(text, keep string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		switch {
		case !obeyed(r) || strings.ContainsRune(keep, r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// writeTable writes rows under a header, in columns. On a terminal the last
// column is cut to what is left of the line.
func writeTable(w io.Writer, header []string, rows [][]string) {
	fmt.Fprint(w, table(append([][]string{header}, rows...), terminalWidth(w)))
}

// table lays rows of cells out for lines of so many cells; 0 is without end.
func table(rows [][]string, total int) string {
	last := len(rows[0]) - 1
	widths := make([]int, last)
	for _, row := range rows {
		for i := range row {
			row[i] = printable(row[i])
		}
		for i := range widths {
			widths[i] = max(widths[i], cells(row[i]))
		}
	}
	left := 0
	if total > 0 {
		for _, n := range widths {
			total -= n + len(columnGap)
		}
		left = max(total, minLastColumn)
	}
	var b strings.Builder
	for _, row := range rows {
		for i, n := range widths {
			b.WriteString(row[i] + strings.Repeat(" ", n-cells(row[i])) + columnGap)
		}
		b.WriteString(cut(row[last], left) + "\n")
	}
	return b.String()
}

const (
	columnGap     = "  "
	minLastColumn = 20
)

// cells is how wide a terminal shows a text.
func cells(text string) int {
	n := 0
	for _, r := range text {
		n += runeCells(r)
	}
	return n
}

func runeCells(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// cut shortens a text to so many cells; 0 leaves it whole.
func cut(text string, limit int) string {
	if limit == 0 || cells(text) <= limit {
		return text
	}
	n := 0
	for i, r := range text {
		if n += runeCells(r); n > limit-1 {
			return text[:i] + "…"
		}
	}
	return text
}

// terminalWidth is how many cells a line of w has, 0 when w is no terminal:
// in a pipe or a file nothing is cut.
func terminalWidth(w io.Writer) int {
	f, ok := unwrapped(w).(interface{ Fd() uintptr })
	if !ok {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

// readingWidth is how many cells a line of text for people to read has: no more
// than a terminal shows, nor than reads well.
func readingWidth(w io.Writer) int {
	const most = 80
	if n := terminalWidth(w); n > 0 {
		return min(n, most)
	}
	return most
}

// wrap lays a text out in lines of so many cells, each behind the indent. A word
// that is longer has a line of its own. Line breaks of the text are as spaces.
func wrap(text, indent string, limit int) string {
	var b strings.Builder
	used := 0
	for _, word := range strings.Fields(text) {
		word = printable(word)
		switch n := cells(word); {
		case used == 0:
			b.WriteString(indent + word)
			used = cells(indent) + n
		case used+1+n > limit:
			b.WriteString("\n" + indent + word)
			used = cells(indent) + n
		default:
			b.WriteString(" " + word)
			used += 1 + n
		}
	}
	return b.String() + "\n"
}

// unwrapped is what output writes to, which may be a terminal.
func unwrapped(w io.Writer) io.Writer {
	if o, ok := w.(*output); ok {
		return o.w
	}
	return w
}

// clock writes a time for a table: UTC, to the second.
func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// writeJSONLine writes one document in one line.
func writeJSONLine(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	_, err = w.Write(append(safeJSON(text), '\n'))
	return err
}
