package config

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// JSON returns the node as JSON: the keys in the order of the file, and numbers with the digits that
// they have there, as far as JSON can write them so.
func (n Node) JSON() []byte { return n.v.appendJSON(nil) }

func (v *value) appendJSON(dst []byte) []byte {
	if v == nil {
		return append(dst, "null"...)
	}
	switch v.kind {
	case Mapping:
		dst = append(dst, '{')
		for i, e := range v.entries {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(append(dst, doubleQuote(e.key.text)...), ':')
			dst = e.value.appendJSON(dst)
		}
		return append(dst, '}')
	case Sequence:
		dst = append(dst, '[')
		for i, item := range v.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.appendJSON(dst)
		}
		return append(dst, ']')
	case String:
		return append(dst, doubleQuote(v.text)...)
	case Int:
		return fmt.Appendf(dst, "%d", v.scalar)
	case Float:
		f, _ := v.scalar.(float64)
		if text := strings.TrimSpace(v.text); json.Valid([]byte(text)) {
			return append(dst, text...)
		}
		return strconv.AppendFloat(dst, f, 'g', -1, 64)
	case Bool:
		yes, _ := v.scalar.(bool)
		return strconv.AppendBool(dst, yes)
	default:
		return append(dst, "null"...)
	}
}
