package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// What a document may hold. The limits are far above what people write and low
// enough that no file can exhaust memory, the stack or anybody's patience.
const (
	maxFileSize = 8 << 20 // bytes
	maxDepth    = 100     // mappings and lists within each other
	maxExpanded = 10_000  // values that aliases may stand for, altogether
	maxBlockMap = 20_000  // keys of block mappings: go-yaml's parser is quadratic in them
)

// Parse reads one YAML or JSON document. Variables (${NAME},
// ${NAME:-default}; $${ is a literal ${) are substituted in scalars after
// parsing, so that no value can change the structure; an unquoted scalar that
// is one variable takes the type of its value. getenv looks a variable up, as
// os.LookupEnv does; when it is nil, nothing is substituted.
//
// Anchors, aliases and merge keys are resolved. Tags, directives and a second
// document are faults. When there are faults the node holds what could be read
// all the same, and is absent when nothing could.
func Parse(file string, data []byte, getenv func(string) (string, bool)) (Node, Faults) {
	text := strings.ReplaceAll(strings.TrimPrefix(string(data), "\uFEFF"), "\r\n", "\n")
	src := newSource(file, text)
	if faults := src.check(text); len(faults) > 0 {
		return Node{}, faults
	}
	tokens := src.joinScalars(lexer.Tokenize(text))
	if faults := src.checkTokens(tokens); len(faults) > 0 {
		return Node{}, faults
	}
	tree, fault := src.parse(tokens)
	if fault != nil {
		return Node{}, Faults{*fault}
	}
	t := &translator{src: src, getenv: getenv, anchors: map[string]*value{}}
	root := t.document(tree)
	return Node{v: root}, t.faults
}

// check finds what would lead the scanner astray.
func (s *source) check(text string) Faults {
	if len(text) > maxFileSize {
		return Faults{s.fault(1, 1, fmt.Sprintf("the file is larger than %d MiB", maxFileSize>>20))}
	}
	for i, line := range s.lines {
		col := 1
		for at, r := range line {
			if message := badRune(line[at:], r); message != "" {
				f := s.fault(i+1, col, "the file "+message)
				f.Source = "" // it would not be shown as it is
				return Faults{f}
			}
			col++
		}
	}
	return nil
}

// checkTokens bounds what the parser, which recurses, is given.
func (s *source) checkTokens(tokens token.Tokens) Faults {
	depth, keys, prefixes := 0, 0, 0
	for _, tk := range tokens {
		line, col := s.clamp(tk)
		nested := false
		switch tk.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.TagType, token.AnchorType, token.MappingKeyType:
			prefixes++
			nested = prefixes > maxDepth
		case token.SequenceEntryType:
			nested = depth == 0 && indentation(s.lines[line-1]) > maxDepth
		case token.MappingValueType:
			prefixes = 0
			if depth == 0 {
				keys++
				nested = indentation(s.lines[line-1]) > maxDepth*4
			}
		}
		if nested || depth > maxDepth {
			return Faults{s.fault(line, col, fmt.Sprintf("nested more than %d deep", maxDepth))}
		}
		if keys > maxBlockMap {
			f := s.fault(line, col, fmt.Sprintf("more than %d keys", maxBlockMap))
			return Faults{f.WithHint("a file this large can be written as JSON, which has no such limit")}
		}
	}
	return nil
}

// indentation counts the spaces and list dashes that a line begins with: each
// level of block nesting takes at least one of them.
func indentation(line string) int {
	return len(line) - len(strings.TrimLeft(line, " -?:"))
}

// parse turns tokens into go-yaml's AST. The parser dereferences nil on some
// malformed input; that is a fault of the file, not a reason to die.
func (s *source) parse(tokens token.Tokens) (tree *ast.File, fault *Fault) {
	defer func() {
		if recover() != nil {
			f := s.fault(1, 1, "this is not YAML; the parser gave up on it without saying where")
			fault = &f
		}
	}()
	// Duplicate keys are found while translating, all of them instead of the
	// first.
	tree, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err == nil {
		return tree, nil
	}
	// Not err.Error(), which prints the source around the fault its own way.
	message, line, col := "it cannot be read", 1, 1
	var syntax yaml.Error
	if errors.As(err, &syntax) {
		message = syntax.GetMessage()
		line, col = s.clamp(syntax.GetToken())
	}
	f := s.fault(line, col, "this is not YAML: "+message)
	f.Hint = syntaxHint(f.Source)
	return nil, &f
}

var (
	flowVariable  = regexp.MustCompile(`[{\[][^"']*\$\{`)
	bareTemplate  = regexp.MustCompile(`:\s+\{[^"'{}:,]+\}\s*\S`)
	unquotedColon = regexp.MustCompile(`:\s[^"'#{}\[\]]*:(\s|$)`)
)

// syntaxHint guesses the mistake behind a syntax error from the line it is in.
func syntaxHint(line string) string {
	switch {
	case strings.HasPrefix(strings.TrimLeft(line, " "), "\t"):
		return "YAML is indented with spaces, not with tabs"
	case flowVariable.MatchString(line):
		return `a text with a variable in it must be quoted here: "${NAME}/…"`
	case bareTemplate.MatchString(line):
		return "a text that begins with { must be quoted"
	case unquotedColon.MatchString(line):
		return `a text with ": " in it must be quoted`
	case strings.Count(line, "[") > strings.Count(line, "]"):
		return "a [ is not closed"
	case strings.Count(line, "{") > strings.Count(line, "}"):
		return "a { is not closed"
	}
	return ""
}

// clamp returns a token's place, which go-yaml gets wrong at times, within the
// file.
func (s *source) clamp(tk *token.Token) (line, col int) {
	if tk == nil || tk.Position == nil {
		return 1, 1
	}
	line = min(max(tk.Position.Line, 1), len(s.lines))
	col = min(max(tk.Position.Column, 1), s.widths[line-1]+1)
	return line, col
}
