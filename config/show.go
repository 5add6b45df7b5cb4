package config

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const masked = "***"

// Show returns the effective configuration as YAML: all defaults and each
// pipeline's own retry policy filled in, secrets masked as "***". Load accepts
// it again. Inside handlers and schemas, whose secrets are unknown here,
// values that came from a variable are shown as that variable. Files are shown
// as they would be named in the folder of the first file.
func (c *Config) Show() ([]byte, error) {
	s := &shower{folder: filepath.Dir(c.root.Pos().File)}
	s.structure(reflect.ValueOf(*c), 0, false)
	return []byte(s.out.String()), nil
}

// shower writes YAML in block style. go-yaml's encoder would neither keep
// variables apart nor write durations and short lists as people do.
type shower struct {
	out    strings.Builder
	folder string // where what is shown would lie
}

func (s *shower) line(depth int, text string) {
	s.out.WriteString(strings.Repeat("  ", depth))
	s.out.WriteString(text)
	s.out.WriteByte('\n')
}

func (s *shower) structure(v reflect.Value, depth int, secret bool) {
	for _, f := range shown(v) {
		child := v.FieldByIndex(f.index)
		if f.path {
			child = reflect.ValueOf(child.Interface().(Text).relative(s.folder))
		}
		s.entry(f.name, child, depth, secret || f.secret)
	}
}

// shown are the fields of a struct that have something to say.
func shown(v reflect.Value) []field {
	return slices.DeleteFunc(fieldsOf(v.Type()), func(f field) bool {
		return f.self || isUnset(v.FieldByIndex(f.index))
	})
}

// isUnset reports whether a field is best not shown at all: its absence is its
// value.
func isUnset(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0
	}
	switch x := v.Interface().(type) {
	case Node:
		return x.IsZero()
	case Text:
		return x.Node.IsZero()
	case Timestamp:
		return x.IsZero()
	}
	return false
}

// entry writes "key: value".
func (s *shower) entry(key string, v reflect.Value, depth int, secret bool) {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	key = quote(key)
	if text, ok := scalarText(v, secret); ok {
		s.line(depth, key+": "+text)
		return
	}
	switch v.Kind() {
	case reflect.Map:
		if v.Len() == 0 {
			s.line(depth, key+": {}")
			return
		}
		s.line(depth, key+":")
		for _, name := range sortedKeys(v) {
			s.entry(name, v.MapIndex(reflect.ValueOf(name)), depth+1, secret)
		}
	case reflect.Slice:
		s.slice(key, v, depth, secret)
	case reflect.Struct:
		if n, ok := v.Interface().(Node); ok {
			s.out.WriteString(strings.Repeat("  ", depth) + key + ":")
			s.node(n.v, depth+1)
			return
		}
		if len(shown(v)) == 0 {
			s.line(depth, key+": {}")
			return
		}
		s.line(depth, key+":")
		s.structure(v, depth+1, secret)
	}
}

func (s *shower) slice(key string, v reflect.Value, depth int, secret bool) {
	if steps, ok := v.Interface().([]Step); ok {
		s.line(depth, key+":")
		for _, step := range steps {
			s.out.WriteString(strings.Repeat("  ", depth+1) + "- " + quote(step.Type.Value) + ":")
			s.node(step.Body.v, depth+3)
		}
		return
	}
	if elem := v.Type().Elem(); elem.Kind() == reflect.Struct && elem != reflect.TypeFor[Text]() {
		s.list(key, v, depth, secret)
		return
	}
	items := make([]string, 0, v.Len())
	for i := range v.Len() {
		text, _ := scalarText(v.Index(i), secret)
		items = append(items, text)
	}
	s.line(depth, key+": ["+strings.Join(items, ", ")+"]")
}

// list writes a list of structs, each behind its dash.
func (s *shower) list(key string, v reflect.Value, depth int, secret bool) {
	if v.Len() == 0 {
		s.line(depth, key+": []")
		return
	}
	s.line(depth, key+":")
	for i := range v.Len() {
		var item shower
		item.structure(v.Index(i), depth+2, secret)
		s.out.WriteString(dashed(item.out.String(), depth+1))
	}
}

// dashed puts a dash before the first of lines that stand two further in.
func dashed(lines string, depth int) string {
	indent := strings.Repeat("  ", depth)
	return indent + "- " + strings.TrimPrefix(lines, indent+"  ")
}

func sortedKeys(m reflect.Value) []string {
	keys := make([]string, 0, m.Len())
	for _, k := range m.MapKeys() {
		keys = append(keys, k.String())
	}
	slices.Sort(keys)
	return keys
}

// scalarText returns a value that fits on a line as it stands in YAML.
func scalarText(v reflect.Value, secret bool) (string, bool) {
	switch x := v.Interface().(type) {
	case time.Duration:
		return shortDuration(x), true
	case Text:
		return scalarText(reflect.ValueOf(x.Value), secret)
	case Start:
		return quote(x.String()), true
	case Timestamp:
		return quote(x.String()), true
	case Sources:
		if len(x) == 1 {
			return scalarText(reflect.ValueOf(x[0]), secret)
		}
	}
	switch v.Kind() {
	case reflect.String:
		if secret {
			return quote(masked), true
		}
		return quote(maskURL(v.String())), true
	case reflect.Bool, reflect.Int, reflect.Float64:
		return fmt.Sprint(v.Interface()), true
	}
	return "", false
}

// maskURL masks what may be a secret in a URL: user and password, and the values
// of its query, but for those that a template's hole makes and the options of
// Redis. Any other text stays as it is.
func maskURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" && u.User == nil {
		return text
	}
	begin := strings.Index(text, "//") + len("//")
	end := len(text)
	if path := strings.IndexAny(text[begin:], "/?#"); path >= 0 {
		end = begin + path
	}
	host, rest := text[begin:end], text[end:]
	if u.User != nil {
		host = masked + host[strings.LastIndexByte(host, '@'):]
	}
	if path, query, ok := strings.Cut(rest, "?"); ok && !slices.Contains(redisSchemes, u.Scheme) {
		rest = path + "?" + queryValue.ReplaceAllString(query, "="+masked)
	}
	return text[:begin] + host + rest
}

// queryValue is a value in a query, a hole aside.
var queryValue = regexp.MustCompile(`=[^&#{}]+`)

// YAML returns a mapping as it would stand in a list of a file, so many levels of two spaces in: its
// first key behind a dash.
func (n Node) YAML(depth int) string {
	var s shower
	s.node(n.v, depth+1)
	return dashed(strings.TrimPrefix(s.out.String(), "\n"), depth)
}

// node writes what follows a key or a dash, line break included.
func (s *shower) node(v *value, depth int) {
	switch {
	case v == nil:
		s.out.WriteString(" null\n")
	case v.kind == Mapping && len(v.entries) > 0:
		s.out.WriteByte('\n')
		for _, e := range v.entries {
			s.out.WriteString(strings.Repeat("  ", depth) + quote(e.key.text) + ":")
			s.node(e.value, depth+1)
		}
	case v.kind == Sequence && !v.isShort():
		s.out.WriteByte('\n')
		for _, item := range v.items {
			if item.kind == Mapping && len(item.entries) > 0 {
				s.out.WriteString(Node{v: item}.YAML(depth))
				continue
			}
			s.out.WriteString(strings.Repeat("  ", depth) + "-")
			s.node(item, depth+1)
		}
	default:
		s.out.WriteString(" " + v.inline() + "\n")
	}
}

// isShort reports whether a list reads best on one line.
func (v *value) isShort() bool {
	return v.height <= 2 && !slices.ContainsFunc(v.items, func(item *value) bool {
		return item.kind == Mapping || item.kind == Sequence || item.isBareVariable()
	})
}

// inline returns a value that fits on a line.
func (v *value) inline() string {
	switch v.kind {
	case Mapping:
		return "{}"
	case Sequence:
		items := make([]string, 0, len(v.items))
		for _, item := range v.items {
			items = append(items, item.inline())
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	switch {
	case v.isBareVariable():
		return v.raw
	case len(v.variables()) > 0:
		return doubleQuote(v.raw)
	case v.kind == String:
		return quote(v.text)
	case v.kind == Null:
		return "null"
	}
	return v.text
}

// isBareVariable reports whether the value has its type from a variable and so
// must be written without quotes.
func (v *value) isBareVariable() bool { return v.style == plain && v.wholeVariable() }

// bareText is what people write without quotes: words, paths and addresses.
var bareText = regexp.MustCompile(`^[A-Za-z_/][A-Za-z0-9_./-]*$|^[A-Za-z0-9][A-Za-z0-9.-]*:[0-9]+$`)

// quote writes a text as a YAML scalar, in double quotes unless it is plainly
// a text without them.
func quote(text string) string {
	if kind, _, message := resolve(text); kind == String && message == "" && bareText.MatchString(text) {
		return text
	}
	return doubleQuote(strings.ReplaceAll(text, "${", "$${"))
}

// doubleQuote quotes as JSON does, which YAML reads, without JSON's escapes
// for HTML.
func doubleQuote(text string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil { // cannot happen: it is a string
		return strconv.Quote(text)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// shortDuration writes a duration as people do: 1m instead of 1m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
