package config

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

var endsInVariable = regexp.MustCompile(`^[^\s"']*\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^{}"']*)?\}$`)

// joinScalars makes one text out of what go-yaml takes apart between { } or
// [ ], though everybody writes it: an unquoted variable, whose braces YAML takes
// for those of a mapping ({listen: ${ADDRESS}}), and a colon without a space
// behind it, which is part of a plain scalar ({brokers: [kafka-1:9092]}).
func (s *source) joinScalars(tokens token.Tokens) token.Tokens {
	joined := make(token.Tokens, 0, len(tokens))
	for i := 0; i < len(tokens); i++ {
		tk := tokens[i]
		text, end := "", s.variableEnd(tokens[i:])
		if end > 0 {
			text = s.between(tk, tokens[i+end])
		} else if end = s.colonEnd(tokens[i:]); end > 0 {
			text = join(tokens[i : i+end+1])
		}
		if end > 0 {
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

// colonEnd returns how many tokens after the first one the plain scalar ends
// that it begins and that goes on behind a colon, or 0 when there is no such.
func (s *source) colonEnd(tokens token.Tokens) (end int) {
	for end+2 < len(tokens) && isPlain(tokens[end]) && tokens[end+1].Type == token.MappingValueType && isPlain(tokens[end+2]) &&
		touch(tokens[end], tokens[end+1]) && s.between(tokens[end+1], tokens[end+2]) == ":"+firstRune(tokens[end+2].Value) {
		end += 2
	}
	return end
}

func firstRune(text string) string {
	_, size := utf8.DecodeRuneInString(text)
	return text[:size]
}

func join(tokens token.Tokens) string {
	var text strings.Builder
	for _, tk := range tokens {
		text.WriteString(tk.Value)
	}
	return text.String()
}

func isPlain(tk *token.Token) bool {
	switch tk.Type {
	case token.StringType, token.IntegerType, token.FloatType, token.BoolType, token.NullType:
		return true
	}
	return false
}

// touch tells whether nothing stands between two tokens.
func touch(a, b *token.Token) bool {
	return a.Position.Line == b.Position.Line && a.Position.Column+utf8.RuneCountInString(a.Value) == b.Position.Column
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
