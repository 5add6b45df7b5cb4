package expr

import (
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
)

// Condition is a compiled expression that is true or false. It is safe for concurrent use.
type Condition struct {
	src string
	prg *program
}

// Condition compiles a condition. The error is an *Error: a syntax error, an unknown name, or an
// expression that can't be true or false.
func (e *Env) Condition(src string) (*Condition, error) {
	c, err := e.condition(src)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (e *Env) condition(src string) (*Condition, *Error) {
	prg, err := e.compile(src)
	if err != nil {
		return nil, err
	}
	if !prg.out.IsExactType(cel.BoolType) && !prg.out.IsExactType(cel.DynType) {
		return nil, errorAt(0, "a condition is true or false, this is of type %s", cel.FormatCELType(prg.out))
	}
	return &Condition{src: src, prg: prg}, nil
}

// Source returns the condition as it was written.
func (c *Condition) Source() string { return c.src }

// Eval tells whether the condition holds. The error names the condition: a key is missing, types do
// not fit, the result is neither true nor false, or the cost limit is exceeded.
func (c *Condition) Eval(vars Vars) (bool, error) {
	val, err := c.prg.eval(vars)
	if err != nil {
		return false, fmt.Errorf("%s: %w", shorten(c.src), err)
	}
	is, ok := val.(types.Bool)
	if !ok {
		return false, fmt.Errorf("%s: is neither true nor false but a %s", shorten(c.src), kindOf(val))
	}
	return bool(is), nil
}
