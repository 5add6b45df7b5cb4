package expr

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Text returns a value as a hole prints it; false for what can't be printed: nil, maps, lists,
// numbers that are not finite.
func Text(value any) (string, bool) {
	if s, ok := value.(string); ok {
		return s, true
	}
	var buf [64]byte
	text, ok := appendPlain(buf[:0], value)
	return string(text), ok
}

// appendPlain appends a value of Vars as text, false when it is none that has one.
func appendPlain(dst []byte, value any) ([]byte, bool) {
	switch v := value.(type) {
	case string:
		return append(dst, v...), true
	case int64:
		return strconv.AppendInt(dst, v, 10), true
	case uint64:
		return strconv.AppendUint(dst, v, 10), true
	case json.Number:
		return append(dst, v...), true
	case bool:
		return strconv.AppendBool(dst, v), true
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return dst, false
		}
		return strconv.AppendFloat(dst, v, 'f', -1, 64), true
	case time.Time:
		return v.UTC().AppendFormat(dst, time.RFC3339Nano), true
	default:
		return dst, false
	}
}

// appendVal appends what CEL computed as text.
func appendVal(dst []byte, val ref.Val) ([]byte, error) {
	var value any
	switch v := val.(type) {
	case types.String:
		return append(dst, v...), nil
	case types.Int:
		value = int64(v)
	case types.Uint:
		value = uint64(v)
	case types.Bool:
		value = bool(v)
	case types.Double:
		value = float64(v)
	case types.Timestamp:
		value = v.Time
	case types.Bytes:
		if !utf8.Valid(v) {
			return dst, errors.New("is bytes that are no text")
		}
		return append(dst, v...), nil
	case types.Duration:
		return append(dst, v.ConvertToType(types.StringType).(types.String)...), nil
	default:
		return dst, errors.New("is " + kindOf(val) + ", which has no text")
	}
	dst, ok := appendPlain(dst, value)
	if !ok {
		return dst, errors.New("is not a finite number")
	}
	return dst, nil
}

// kindOf names the type of a value for an error message.
func kindOf(val ref.Val) string {
	switch val.Type() {
	case types.NullType:
		return "null"
	case types.MapType:
		return "map"
	case types.ListType:
		return "list"
	default:
		return val.Type().TypeName()
	}
}

// shorten cuts an expression to what an error message can bear.
func shorten(src string) string {
	const limit = 200
	if len(src) <= limit {
		return src
	}
	end := limit
	for !utf8.RuneStart(src[end]) {
		end--
	}
	return src[:end] + "…"
}
