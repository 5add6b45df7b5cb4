package config

import (
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/token"
)

var endsInVariable = regexp.MustCompile(`^[^\s"']*\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^{}"']*)?\}$`)

// joinVariables makes one text out of the tokens of an unquoted variable
// between { } or [ ], where YAML takes its braces for those of a mapping:
// {listen: ${ADDRESS}} is what everybody writes.
func (s *source) joinVariables(tokens token.Tokens) token.Tokens {
	joined := make(token.Tokens, 0, len(tokens))
	for i := 0; i < len(tokens); i++ {
		tk := tokens[i]
		if end := s.variableEnd(tokens[i:]); end > 0 {
			last := tokens[i+end]
			text := s.between(tk, last)
			tk = token.New(text, tk.Origin[:len(tk.Origin)-len(tk.Value)]+text, tk.Position)
			i += end
		}
		joined = append(joined, tk)
	}
	for i, tk := range joined {
		tk.Prev, tk.Next = nil, nil
		if i > 0 {
			tk.Prev, joined[i-1].Next = joined[i-1], tk
		}
	}
	return joined
}

// variableEnd returns how many tokens after the first one the variable that it
// begins ends, or 0 when it begins none.
func (s *source) variableEnd(tokens token.Tokens) int {
	first := tokens[0]
	if first.Type != token.StringType || !strings.HasSuffix(first.Value, "$") || len(tokens) < 4 || tokens[1].Type != token.MappingStartType ||
		len(first.Origin) < len(first.Value) || first.Origin[len(first.Origin)-len(first.Value):] != first.Value {
		return 0
	}
	// A default is a few tokens long; looking further would be quadratic.
	tokens = tokens[:min(len(tokens), 64)]
	end := slices.IndexFunc(tokens, func(tk *token.Token) bool { return tk.Type == token.MappingEndType })
	if end < 0 || tokens[end].Position.Line != first.Position.Line || !endsInVariable.MatchString(s.between(first, tokens[end])) {
		return 0
	}
	return end
}

// between returns the line from one token to the last character of another.
func (s *source) between(from, to *token.Token) string {
	line, start := s.clamp(from)
	_, end := s.clamp(to)
	runes := []rune(s.lines[line-1])
	if end > len(runes) || end < start {
		return ""
	}
	return string(runes[start-1 : end])
}
