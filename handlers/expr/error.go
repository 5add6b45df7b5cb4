package expr

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"github.com/agnivade/levenshtein"
)

// Error is a fault in the text of an expression, found when it is compiled.
type Error struct {
	// Offset is the place of the fault in the text, in bytes.
	Offset int
	// Message says what is wrong.
	Message string
	// Hint proposes what may have been meant. It is often empty.
	Hint string
	// Unknown is the variable that is not declared, where that is the fault.
	Unknown string
	// Origin is that of the parameter in whose text the fault lies, which Offset then counts in. It
	// is nil when the fault lies in the text that was compiled.
	Origin any
}

// Error returns the message and the hint, without the place.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + " (" + e.Hint + ")"
}

// at returns the same error for a text in which the expression starts at offset.
func (e *Error) at(offset int) *Error {
	if e.Origin != nil {
		return e
	}
	moved := *e
	moved.Offset += offset
	return &moved
}

// from returns the error of a parameter's text.
func (e *Error) from(origin any) *Error {
	if e.Origin != nil {
		return e
	}
	moved := *e
	moved.Origin = origin
	return &moved
}

func errorAt(offset int, format string, args ...any) *Error {
	return &Error{Offset: offset, Message: fmt.Sprintf(format, args...)}
}

var undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'`)

// newError turns the first of CEL's issues with src into an Error.
func newError(e *Env, src string, issues *cel.Issues) *Error {
	all := issues.Errors()
	if len(all) == 0 {
		return errorAt(0, "%v", issues.Err())
	}
	first := all[0]
	offset := byteOffset(src, first.Location.Line(), first.Location.Column())
	if m := undeclared.FindStringSubmatch(first.Message); m != nil {
		return e.undeclared(offset, src, m[1])
	}
	message := strings.TrimPrefix(first.Message, "Syntax error: ")
	// The parser lists every token that it could have read instead, which helps nobody.
	message, _, _ = strings.Cut(message, " expecting {")
	if strings.Contains(message, "'<EOF>'") {
		return errorAt(offset, "the expression ends too early")
	}
	return errorAt(offset, "%s", message)
}

// undeclared is the error for a variable or a function that nobody declared. CEL reports a
// function at its opening parenthesis, a variable at its first letter.
func (e *Env) undeclared(offset int, src, name string) *Error {
	if offset < len(src) && src[offset] == '(' {
		at := max(strings.LastIndex(src[:offset], name), 0)
		err := errorAt(at, "unknown function %q", name)
		err.Hint = didYouMean(name, e.functions())
		return err
	}
	if (name == "params" || strings.HasPrefix(name, paramPrefix)) && e.params != nil {
		// CEL reports a field at its dot.
		return e.unknownParam(max(strings.LastIndex(src[:min(offset+len("params"), len(src))], "params"), 0), src)
	}
	err := errorAt(offset, "unknown name %q", name)
	err.Unknown = name
	if err.Hint = didYouMean(name, e.names); err.Hint == "" {
		err.Hint = "known here: " + strings.Join(e.names, ", ")
	}
	return err
}

var functionName = regexp.MustCompile(`^[A-Za-z]\w*$`)

func (e *Env) functions() []string {
	var names []string
	for name := range e.cel.Functions() {
		if functionName.MatchString(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// byteOffset is the place in src of a 1-based line and a 0-based column counted in characters.
func byteOffset(src string, line, column int) int {
	offset := 0
	for ; line > 1; line-- {
		next := strings.IndexByte(src[offset:], '\n')
		if next < 0 {
			break
		}
		offset += next + 1
	}
	for i := range src[offset:] {
		if column <= 0 {
			return offset + i
		}
		column--
	}
	return len(src)
}

// didYouMean proposes the one of names that is nearest to name, or nothing when none is near.
func didYouMean(name string, names []string) string {
	best, distance := "", len(name)/3+2
	for _, candidate := range names {
		if d := levenshtein.ComputeDistance(name, candidate); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}
