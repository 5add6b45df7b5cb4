package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// span is a part of a scalar's text that stands for something else in the
// file: a variable, or, with an empty name, an escaped "${".
type span struct {
	name             string
	start, end       int // in the text
	rawStart, rawEnd int // in the text as written
	secret           string
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// substitute replaces ${NAME}, ${NAME:-default} and $${ in a scalar's text and
// returns what is wrong with it, each as an offset into the raw text.
func (v *value) substitute(getenv func(string) (string, bool)) (faults []substitutionFault) {
	if getenv == nil {
		return nil
	}
	raw := v.raw
	var text strings.Builder
	for at := 0; at < len(raw); {
		rest := raw[at:]
		switch {
		case strings.HasPrefix(rest, "$${"):
			v.spans = append(v.spans, span{start: text.Len(), end: text.Len() + 2, rawStart: at, rawEnd: at + 3})
			text.WriteString("${")
			at += 3
		case strings.HasPrefix(rest, "${"):
			length, name, content, message := variable(rest, getenv)
			if message != "" {
				faults = append(faults, substitutionFault{at, message})
			}
			s := span{name: name, start: text.Len(), rawStart: at, rawEnd: at + length}
			text.WriteString(content)
			s.end = text.Len()
			if _, set := getenv(name); set {
				s.secret = content
			}
			v.spans = append(v.spans, s)
			at += length
		default:
			text.WriteByte(raw[at])
			at++
		}
	}
	v.text = text.String()
	return faults
}

type substitutionFault struct {
	offset  int
	message string
}

// variable reads the reference that text begins with: how long it is, the
// variable's name, what it stands for, and what is wrong with it, if anything.
func variable(text string, getenv func(string) (string, bool)) (length int, name, content, fault string) {
	body, _, closed := strings.Cut(text[2:], "}")
	if !closed {
		return len(text), "", text, `"${" is never closed; write $${ for a literal ${`
	}
	length = len(body) + 3
	name, fallback, hasFallback := strings.Cut(body, ":-")
	if !variableName.MatchString(name) {
		return length, "", text[:length], fmt.Sprintf("%q is no variable name; write $${ for a literal ${", body)
	}
	if strings.Contains(fallback, "${") {
		return length, name, "", fmt.Sprintf("the default of ${%s} holds another variable, which is not supported", name)
	}
	content, set := getenv(name)
	switch {
	case hasFallback && content == "":
		content = fallback
	case !set:
		fault = fmt.Sprintf("the environment variable %s is not set; set it or write ${%s:-default}", name, name)
	}
	if message := badText(content); set && message != "" {
		return length, name, "", fmt.Sprintf("the environment variable %s %s", name, message)
	}
	return length, name, content, fault
}

// wholeVariable reports whether the scalar consists of one variable and
// nothing else, so that its type is that of the variable's value.
func (v *value) wholeVariable() bool {
	return len(v.spans) == 1 && v.spans[0].name != "" && v.spans[0].rawStart == 0 && v.spans[0].rawEnd == len(v.raw)
}

// Variables returns the names of the environment variables that stand in a
// scalar: what they hold may be a secret.
func (n Node) Variables() []string {
	if n.v == nil {
		return nil
	}
	return n.v.variables()
}

// variables returns the names of the variables in the scalar.
func (v *value) variables() []string {
	var names []string
	for _, s := range v.spans {
		if s.name != "" && !slices.Contains(names, s.name) {
			names = append(names, s.name)
		}
	}
	return names
}

// redact replaces what came from a variable in a message's arguments.
func (v *value) redact(args []any) []any {
	if len(v.variables()) == 0 {
		return args
	}
	redacted := make([]any, len(args))
	for i, arg := range args {
		redacted[i] = redaction{v.redactText(fmt.Sprint(arg)), arg}
		if d, ok := arg.(time.Duration); ok && v.isDuration(d) {
			redacted[i] = redaction{"${" + v.variables()[0] + "}", arg}
		}
	}
	return redacted
}

func (v *value) redactText(text string) string {
	for _, s := range v.spans {
		if s.name == "" || s.secret == "" {
			continue
		}
		reference := "${" + s.name + "}"
		quoted := strconv.Quote(s.secret)
		text = strings.ReplaceAll(text, s.secret, reference)
		text = strings.ReplaceAll(text, quoted[1:len(quoted)-1], reference)
	}
	return text
}

func (v *value) isDuration(d time.Duration) bool {
	parsed, err := time.ParseDuration(v.text)
	return err == nil && parsed == d
}

// redaction is an argument of a message without its secrets. It prints itself
// whatever the verb, so that a number can give way to a variable's name.
type redaction struct {
	text string
	arg  any
}

// Format implements fmt.Formatter.
func (r redaction) Format(state fmt.State, verb rune) {
	switch {
	case r.text == fmt.Sprint(r.arg): // nothing was redacted
		fmt.Fprintf(state, fmt.FormatString(state, verb), r.arg)
	case verb == 'q':
		fmt.Fprintf(state, "%q", r.text)
	default:
		fmt.Fprint(state, r.text)
	}
}
