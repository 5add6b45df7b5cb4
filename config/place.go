package config

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// place returns the line and column of a byte offset into the scalar's text.
// Where a text cannot be followed into the file, such as a folded one, it is
// the place where the scalar begins.
func (v *value) place(offset int) (line, col int) {
	return v.placeRaw(v.rawOffset(offset))
}

// placeRaw is place for an offset into the text as written.
func (v *value) placeRaw(offset int) (line, col int) {
	switch v.style {
	case plain:
		return v.inLine(offset, 0, plainUnit)
	case singleQuoted:
		return v.inLine(offset, 1, singleQuotedUnit)
	case doubleQuoted:
		return v.inLine(offset, 1, doubleQuotedUnit)
	case literal:
		return v.inBlock(offset)
	}
	return v.line, v.col
}

// rawOffset maps an offset into the text to one into the text as written.
func (v *value) rawOffset(offset int) int {
	shift := 0
	for _, s := range v.spans {
		if offset < s.start {
			break
		}
		if offset < s.end {
			return s.rawStart
		}
		shift = s.rawEnd - s.end
	}
	return offset + shift
}

// unit reads one character of a scalar as it is written: how many bytes it
// takes in the file and how many in the text. It returns 0 where the scalar
// cannot be followed.
type unit func(written string) (inFile, inText int)

func (v *value) inLine(offset, skip int, next unit) (line, col int) {
	runes := []rune(v.src.lines[v.line-1])
	if v.col-1+skip > len(runes) {
		return v.line, v.col
	}
	written := string(runes[v.col-1+skip:])
	col = v.col + skip
	for text := 0; text < offset; {
		inFile, inText := next(written)
		if inFile == 0 || inFile > len(written) {
			return v.line, v.col // a scalar of several lines
		}
		col += utf8.RuneCountInString(written[:inFile])
		written = written[inFile:]
		text += inText
	}
	return v.line, col
}

func plainUnit(written string) (inFile, inText int) {
	_, size := utf8.DecodeRuneInString(written)
	return size, size
}

func singleQuotedUnit(written string) (inFile, inText int) {
	if strings.HasPrefix(written, "''") {
		return 2, 1
	}
	if strings.HasPrefix(written, "'") {
		return 0, 0
	}
	return plainUnit(written)
}

func doubleQuotedUnit(written string) (inFile, inText int) {
	if strings.HasPrefix(written, `"`) {
		return 0, 0
	}
	if !strings.HasPrefix(written, `\`) || len(written) < 2 {
		return plainUnit(written)
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[written[1]]
	if len(written) < 2+digits {
		return 0, 0
	}
	code, err := strconv.ParseUint("0"+written[2:2+digits], 16, 32)
	switch {
	case err != nil:
		return 0, 0
	case digits > 0:
		return 2 + digits, utf8.RuneLen(rune(code))
	case strings.IndexByte("NLP_", written[1]) >= 0: // \N is U+0085, \_ is U+00A0, \L and \P are U+2028 and U+2029
		return 2, map[bool]int{true: 2, false: 3}[written[1] == 'N' || written[1] == '_']
	}
	return 2, 1
}

// inBlock follows an offset into a literal block scalar, whose lines stand
// below its header as they are, indented.
func (v *value) inBlock(offset int) (line, col int) {
	before := v.raw[:min(offset, len(v.raw))]
	line = v.line + 1 + strings.Count(before, "\n")
	before = before[strings.LastIndexByte(before, '\n')+1:]
	if line > len(v.src.lines) {
		return v.line, v.col
	}
	written := v.src.lines[line-1]
	rest, _, _ := strings.Cut(v.raw[min(offset, len(v.raw)):], "\n")
	indent := len(written) - len(before) - len(rest)
	if indent < 0 || written[indent:] != before+rest {
		return v.line, v.col
	}
	return line, indent + utf8.RuneCountInString(before) + 1
}
