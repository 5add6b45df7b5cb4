package config_test

import (
	"cmp"
	"encoding/json"
	"regexp"
	"strings"
)

// block writes what stands at an indentation, on lines of its own.
func (r *randomConfig) block(out *strings.Builder, v any, indent string) {
	switch v := v.(type) {
	case mapping:
		for _, p := range v {
			out.WriteString(indent + r.scalar(p.key) + ":")
			r.behind(out, p.value, indent)
		}
	case []any:
		for _, item := range v {
			out.WriteString(indent + "-")
			r.behind(out, item, indent)
		}
	}
}

// behind writes a value behind a key or a dash: there, or on the lines below.
func (r *randomConfig) behind(out *strings.Builder, v any, indent string) {
	text, isText := v.(string)
	switch {
	case v == bare(""):
		out.WriteString("\n")
	case !isFlat(v) && r.chance():
		out.WriteString("\n")
		r.block(out, v, indent+"  ")
	case isText && literal.MatchString(text) && r.chance():
		out.WriteString(" |" + chomping(text) + "\n")
		for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
			out.WriteString(indent + "  " + strings.ReplaceAll(line, "${", "$${") + "\n")
		}
	default:
		out.WriteString(" " + r.flow(v) + "\n")
	}
}

// isFlat reports whether there is nothing to write on lines of its own.
func isFlat(v any) bool {
	switch v := v.(type) {
	case mapping:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return true
}

// literal is a text that may stand in a block scalar as it is.
var literal = regexp.MustCompile(`^[a-z]([^\r\t\x{85}\x{2028}\x{feff}]*[^\r\t\n\x{85}\x{2028}\x{feff}])?\n?$`)

func chomping(text string) string {
	if strings.HasSuffix(text, "\n") {
		return ""
	}
	return "-"
}

// flow writes a value on one line.
func (r *randomConfig) flow(v any) string {
	switch v := v.(type) {
	case mapping:
		items := make([]string, 0, len(v))
		for _, p := range v {
			items = append(items, r.scalar(p.key)+": "+r.flow(p.value))
		}
		return "{" + strings.Join(items, ", ") + "}"
	case []any:
		items := make([]string, 0, len(v))
		for _, item := range v {
			items = append(items, r.flow(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case bare:
		return cmp.Or(string(v), "null")
	}
	return r.scalar(v.(string))
}

// word is a text that needs no quotes.
var word = regexp.MustCompile(`^w[a-z.-]*$`)

// scalar writes a text, which is never taken for a variable.
func (r *randomConfig) scalar(text string) string {
	if word.MatchString(text) && r.chance() {
		return text
	}
	text = strings.ReplaceAll(text, "${", "$${")
	if !strings.ContainsAny(text, "\n\r\t\u0085\u2028") && r.chance() {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		r.Fatal(err)
	}
	return string(quoted)
}
