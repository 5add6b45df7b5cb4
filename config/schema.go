package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// schemaURL is what a schema's own references resolve against. Nothing is ever
// loaded from it.
const schemaURL = "schema:///schema.json"

// CompileSchema compiles the event type's JSON Schema. It returns nil without
// faults when the event type has none. References to files and URLs are
// refused: what is accepted must not depend on the network.
func (e Event) CompileSchema() (*jsonschema.Schema, Faults) {
	if e.Schema.IsZero() {
		return nil, nil
	}
	plain, faults := e.Schema.Value()
	if len(faults) > 0 {
		return nil, faults
	}
	// Through JSON, because the compiler wants numbers as encoding/json
	// gives them.
	data, err := json.Marshal(plain)
	if err != nil {
		return nil, Faults{e.Schema.Faultf("the schema is no JSON: %s", err)}
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, Faults{e.Schema.Faultf("the schema is no JSON: %s", err)}
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat() // who writes "format: email" wants it checked
	c.UseLoader(noLoader{})
	if err := c.AddResource(schemaURL, doc); err != nil {
		return nil, schemaFaults(e.Schema, err)
	}
	schema, err := c.Compile(schemaURL)
	if err != nil {
		return nil, schemaFaults(e.Schema, err)
	}
	return schema, nil
}

type noLoader struct{}

var errRemote = errors.New("a schema may refer only to itself")

func (noLoader) Load(string) (any, error) { return nil, errRemote }

// schemaFaults places an error of the compiler inside the schema as well as it
// can.
func schemaFaults(n Node, err error) Faults {
	var (
		invalid *jsonschema.SchemaValidationError
		detail  *jsonschema.ValidationError
		regex   *jsonschema.InvalidRegexError
		pointer *jsonschema.JSONPointerNotFoundError
		anchor  *jsonschema.AnchorNotFoundError
		load    *jsonschema.LoadURLError
	)
	switch {
	case errors.As(err, &invalid) && errors.As(invalid.Err, &detail):
		var faults Faults
		for _, leaf := range telling(leaves(detail)) {
			at := n.descend(leaf.InstanceLocation)
			reason := leaf.ErrorKind.LocalizedString(message.NewPrinter(language.English))
			faults = append(faults, at.Faultf("%s is no valid JSON Schema: %s", at.what(), reason))
		}
		return faults
	case errors.As(err, &regex):
		at := n.descend(fragment(regex.URL))
		return Faults{at.Faultf("%s is no valid regular expression: %s", at.what(), regex.Err)}
	case errors.As(err, &pointer):
		return Faults{n.reference(pointer.URL, "leads nowhere")}
	case errors.As(err, &anchor):
		return Faults{n.reference(anchor.Reference, "leads nowhere")}
	case errors.As(err, &load):
		return Faults{n.reference(load.URL, "leads out of the schema, which may refer only to itself")}
	}
	return Faults{n.Faultf("%s is no valid JSON Schema: %s", n.what(), err)}
}

// leaves returns the errors at the bottom of a validation error.
func leaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	var all []*jsonschema.ValidationError
	for _, cause := range e.Causes {
		all = append(all, leaves(cause)...)
	}
	return all
}

// telling leaves out that a value has the wrong type where something else is
// said of the same value: the alternatives of an anyOf.
func telling(errs []*jsonschema.ValidationError) []*jsonschema.ValidationError {
	isType := func(e *jsonschema.ValidationError) bool {
		_, ok := e.ErrorKind.(*kind.Type)
		return ok
	}
	said := make(map[string]bool)
	for _, e := range errs {
		if !isType(e) {
			said[strings.Join(e.InstanceLocation, "/")] = true
		}
	}
	return slices.DeleteFunc(errs, func(e *jsonschema.ValidationError) bool {
		return isType(e) && said[strings.Join(e.InstanceLocation, "/")]
	})
}

// fragment returns the JSON pointer in a URL's fragment as its parts.
func fragment(rawURL string) []string {
	_, pointer, _ := strings.Cut(rawURL, "#/")
	if pointer == "" {
		return nil
	}
	parts := strings.Split(pointer, "/")
	for i, part := range parts {
		if unescaped, err := url.PathUnescape(part); err == nil {
			part = unescaped
		}
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
	}
	return parts
}

// descend follows a JSON pointer as far as it leads.
func (n Node) descend(pointer []string) Node {
	for _, part := range pointer {
		next := n.Get(part)
		if i, err := strconv.Atoi(part); err == nil && n.Kind() == Sequence && i >= 0 && i < len(n.v.items) {
			next = n.Items()[i]
		}
		if next.IsZero() {
			break
		}
		n = next
	}
	return n
}

// reference returns a fault at the $ref or $schema that resolves to a URL, or
// at the schema when none does.
func (n Node) reference(resolved, problem string) Fault {
	base, err := url.Parse(schemaURL)
	if err != nil {
		return n.Faultf("%s: %s", n.what(), err)
	}
	if at := n.findReference(base, resolved); !at.IsZero() {
		return at.Faultf("%s %s", at.describeReference(), problem)
	}
	return n.Faultf("a reference in %s %s: %q", n.what(), problem, strings.TrimPrefix(resolved, schemaURL))
}

func (n Node) describeReference() string { return fmt.Sprintf("%s: %s", n.path, n.describe()) }

func (n Node) findReference(base *url.URL, resolved string) Node {
	for _, e := range n.Entries() {
		if (e.Key.Value == "$ref" || e.Key.Value == "$schema" || e.Key.Value == "$dynamicRef") && e.Value.Kind() == String {
			u, err := base.Parse(e.Value.v.text)
			if err == nil && (u.String() == resolved || strings.TrimSuffix(strings.SplitN(u.String(), "#", 2)[0], "#") == resolved) {
				return e.Value
			}
		}
		if found := e.Value.findReference(base, resolved); !found.IsZero() {
			return found
		}
	}
	for _, item := range n.Items() {
		if found := item.findReference(base, resolved); !found.IsZero() {
			return found
		}
	}
	return Node{}
}
