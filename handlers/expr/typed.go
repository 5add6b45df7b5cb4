package expr

import (
	"maps"
	"slices"

	"cel.dev/cel-go/cel"
)

// Type is what a variable is, where that is known before it has a value. A mistake such as
// attempts == "3" is then found when the expression is compiled.
type Type int

// The types of variables. Any is for values of which nothing is known.
const (
	Any Type = iota
	String
	Int
	Timestamp
	// Strings is a map of strings.
	Strings
)

func (t Type) cel() *cel.Type {
	switch t {
	case String:
		return cel.StringType
	case Int:
		return cel.IntType
	case Timestamp:
		return cel.TimestampType
	case Strings:
		return cel.MapType(cel.StringType, cel.StringType)
	default:
		return cel.DynType
	}
}

// NewTypedEnv returns an Env with the given variables and no others. Vars gives an Int as int64, a
// Timestamp as time.Time, Strings as map[string]any.
func NewTypedEnv(variables map[string]Type) *Env {
	names := slices.Sorted(maps.Keys(variables))
	return NewEnv().declare(names, func(name string) *cel.Type { return variables[name].cel() })
}
