package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// mismatch reports that the node is not what belongs there.
func (d *decoder) mismatch(n Node, wanted string) *Fault {
	f := n.Faultf("%s must be %s, not %s", n.what(), wanted, n.describe())
	if n.Kind() == Null && len(n.v.variables()) == 0 {
		f = n.Faultf("%s has no value; it must be %s", n.what(), wanted)
		f.Hint = "leave the key out for the default"
	}
	d.add(f)
	return &d.faults[len(d.faults)-1]
}

func (d *decoder) text(n Node) (string, bool) {
	switch n.Kind() {
	case String:
		return n.v.text, true
	case Bool, Int, Float, Null:
		// A variable's value looks like whatever it looks like: a password
		// of digits is a text where a text belongs.
		if n.v.wholeVariable() {
			return n.v.text, true
		}
	}
	f := d.mismatch(n, "a string")
	if n.v.secret && n.Kind() != Null {
		f.Hint = "quote it"
		return "", false
	}
	switch n.Kind() {
	case Bool, Int, Float:
		f.Hint = fmt.Sprintf("quote it: %q", n.v.text)
	case Mapping:
		if text := n.v.unquoted(); text != "" {
			f.Hint = fmt.Sprintf("quote it: %q", text)
		}
	}
	return "", false
}

// unquoted returns the text that was probably meant by a mapping of one key:
// {recipient.id} is one with an empty value, and so is, within { } and to
// go-yaml, the host:port in a list.
func (v *value) unquoted() string {
	if len(v.entries) != 1 {
		return ""
	}
	key, val := v.entries[0].key, v.entries[0].value
	switch {
	case v.style == flow && val.kind == Null:
		return "{" + key.text + "}"
	case v.style == block && key.line == val.line && val.col == key.col+utf8.RuneCountInString(key.text)+1:
		return key.text + ":" + val.raw
	}
	return ""
}

func (d *decoder) duration(into *time.Duration, n Node) {
	const wanted = "a duration such as 10s, 5m or 24h"
	if n.Kind() != String {
		f := d.mismatch(n, wanted)
		if n.Kind() == Int && len(n.v.variables()) == 0 {
			f.Hint = fmt.Sprintf("did you mean %ss?", n.v.text)
		}
		return
	}
	parsed, err := time.ParseDuration(n.v.text)
	if err != nil {
		f := d.mismatch(n, wanted)
		days, isDays := strings.CutSuffix(n.v.text, "d")
		if count, err := strconv.Atoi(days); isDays && err == nil && len(n.v.variables()) == 0 {
			f.Hint = fmt.Sprintf("days are written in hours: %dh", count*24)
		}
		return
	}
	*into = parsed
}

func (d *decoder) bool(target reflect.Value, n Node) {
	if n.Kind() == Bool {
		target.SetBool(n.v.scalar.(bool))
		return
	}
	d.unquote(n, d.mismatch(n, "true or false"), Bool)
}

func (d *decoder) int(target reflect.Value, n Node) {
	i, ok := n.integer()
	switch {
	case !ok:
		d.unquote(n, d.mismatch(n, "an integer"), Int)
	case target.OverflowInt(i):
		d.mismatch(n, fmt.Sprintf("an integer of at most %d bits", target.Type().Bits()))
	default:
		target.SetInt(i)
	}
}

func (n Node) integer() (int64, bool) {
	if n.Kind() != Int {
		return 0, false
	}
	i, ok := n.v.scalar.(int64)
	return i, ok
}

func (d *decoder) uint(target reflect.Value, n Node) {
	var u uint64
	ok := n.Kind() == Int
	if ok {
		if i, signed := n.v.scalar.(int64); signed {
			u, ok = uint64(i), i >= 0
		} else {
			u = n.v.scalar.(uint64)
		}
	}
	switch {
	case !ok:
		d.unquote(n, d.mismatch(n, "an integer of 0 or more"), Int)
	case target.OverflowUint(u):
		d.mismatch(n, fmt.Sprintf("an integer of at most %d bits", target.Type().Bits()))
	default:
		target.SetUint(u)
	}
}

func (d *decoder) float(target reflect.Value, n Node) {
	switch n.Kind() {
	case Float:
		target.SetFloat(n.v.scalar.(float64))
	case Int:
		switch i := n.v.scalar.(type) {
		case int64:
			target.SetFloat(float64(i))
		case uint64:
			target.SetFloat(float64(i))
		}
	default:
		d.unquote(n, d.mismatch(n, "a number"), Int, Float)
	}
}

// unquote hints at quotes around what would be right without them.
func (d *decoder) unquote(n Node, f *Fault, wanted ...Kind) {
	if n.Kind() != String || n.v.style != singleQuoted && n.v.style != doubleQuoted {
		return
	}
	if kind, _, _ := resolve(n.v.text); slices.Contains(wanted, kind) {
		f.Hint = "leave the quotes out"
	}
}
