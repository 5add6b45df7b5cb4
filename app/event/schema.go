package event

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	textmessage "golang.org/x/text/message"
)

// maxProblems bounds how many faults of one event are listed.
const maxProblems = 20

// check returns every fault that s finds in the data, in a stable order.
func check(s *jsonschema.Schema, data any) []Problem {
	err := s.Validate(data)
	if err == nil {
		return nil
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return []Problem{{"/data", shorten(err.Error(), 300)}}
	}
	var problems []Problem
	for _, leaf := range leaves(invalid, nil) {
		for _, p := range describe(leaf) {
			problems = append(problems, Problem{"/data" + p.Pointer, p.Detail})
		}
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return strings.Compare(a.Pointer, b.Pointer) })
	problems = slices.Compact(problems)
	if more := len(problems) - maxProblems; more > 0 {
		problems = append(problems[:maxProblems], Problem{"/data", fmt.Sprintf("has %d more faults", more)})
	}
	return problems
}

// leaves returns the errors that say something by themselves. What stands below
// anyOf, oneOf and not is left out: each of those lines alone would mislead.
func leaves(e *jsonschema.ValidationError, into []*jsonschema.ValidationError) []*jsonschema.ValidationError {
	switch e.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.AllOf, *kind.Reference:
		for _, cause := range e.Causes {
			into = leaves(cause, into)
		}
		return into
	}
	return append(into, e)
}

// describe words one error, with a pointer for each member that it is about.
func describe(e *jsonschema.ValidationError) []Problem {
	at := func(path ...string) string {
		return shorten(pointer(append(slices.Clone(e.InstanceLocation), path...)...), 300)
	}
	each := func(names []string, detail string) []Problem {
		var problems []Problem
		for _, name := range names[:min(len(names), maxProblems)] {
			problems = append(problems, Problem{at(name), detail})
		}
		if more := len(names) - maxProblems; more > 0 {
			problems = append(problems, Problem{at(), fmt.Sprintf("%d more members: %s", more, detail)})
		}
		return problems
	}
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		return each(k.Missing, "is missing")
	case *kind.DependentRequired:
		return each(k.Missing, fmt.Sprintf("is missing: %s needs it", quote(k.Prop)))
	case *kind.AdditionalProperties:
		return each(k.Properties, "is not allowed here")
	case *kind.Type:
		return []Problem{{at(), fmt.Sprintf("is %s, must be %s", article(k.Got), articles(k.Want))}}
	case *kind.FalseSchema:
		return []Problem{{at(), "is not allowed here"}}
	}
	text := e.ErrorKind.LocalizedString(textmessage.NewPrinter(language.English))
	return []Problem{{at(), shorten(text, 300)}}
}

// article puts the article before the name of a JSON type.
func article(name string) string {
	switch name {
	case "null":
		return name
	case "array", "object", "integer":
		return "an " + name
	default:
		return "a " + name
	}
}

// articles lists the names of JSON types.
func articles(names []string) string {
	named := make([]string, len(names))
	for i, name := range names {
		named[i] = article(name)
	}
	return strings.Join(named, " or ")
}
