package handler

import (
	"fmt"
	"strings"

	"github.com/trieungochai/kafka-notify/config"
)

// Usage returns YAML that uses a declared type, as it stands under handlers: a list. Each parameter
// that has to be there has the simplest value that may be. lookups are those that there are.
func (d Description) Usage(lookups []string) string {
	lookup := "users"
	if len(lookups) > 0 {
		lookup = lookups[0]
	}
	var before, use strings.Builder
	for _, p := range d.Params {
		if !p.Required {
			continue
		}
		if p.Kind == string(config.ParamName) && before.Len() == 0 {
			fmt.Fprintf(&before, "- enrich:\n    %s: {lookup: %s, key: %q}\n", usageName, lookup, simplest[config.ParamTemplate])
		}
		value := simplest[config.ParameterType(p.Kind)]
		switch {
		case p.Kind == string(config.ParamLookup):
			value = lookup
		case len(p.Enum) > 0:
			value = p.Enum[0]
		}
		if p.Type == TextType {
			value = fmt.Sprintf("%q", value)
		}
		fmt.Fprintf(&use, "    %s: %s\n", p.Name, value)
	}
	if use.Len() == 0 {
		return fmt.Sprintf("- %s: {}\n", d.Name)
	}
	return fmt.Sprintf("%s- %s:\n%s", before.String(), d.Name, use.String())
}

// usageName is the name of a record in an example.
const usageName = "person"

// simplest are values that always will do.
var simplest = map[config.ParameterType]string{
	config.ParamTemplate:  "{event.id}",
	config.ParamCondition: "true",
	config.ParamString:    "text",
	config.ParamInteger:   "1",
	config.ParamNumber:    "1",
	config.ParamBoolean:   "true",
	config.ParamDuration:  "1h",
	config.ParamName:      usageName,
	config.ParamValue:     "{}",
	config.ParamHandlers:  "[]",
}
