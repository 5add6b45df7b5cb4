package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func init() { handler.Register(Map) }

// MapConfig is what map takes.
type MapConfig struct {
	Rename map[string]string          `yaml:"rename" doc:"fields by their paths in the data, such as user.name, and the paths where they go; one that is not there stays away"`
	Remove []string                   `yaml:"remove" doc:"paths of fields that go; one that is not there is no error"`
	Set    map[string]*handler.Object `yaml:"set" doc:"paths and what to write there: YAML whose strings are templates, where one that is a single hole keeps its type"`
}

// Map changes the data of the event for the handlers that follow.
var Map = handler.Type[MapConfig]{
	Name:    "map",
	Summary: "Sets, renames and removes fields of the event's data.",
	Doc: `
It changes the event's data for the handlers that follow, and what compose takes over unless told
otherwise; what else the event says stays. Paths of rename and remove, and the expressions of set,
mean the data as it came; what set writes is written last, in the order of the file. A dot in a path
leads into a nested object, which is made where it is missing or null. A renamed field keeps its place
among the others; what was at the new path is replaced. Numbers, spaces and the order of all that is
not touched stay as they are.

Data that is no object, a path that leads through something else, and an expression that can't be
evaluated are errors of the class expression, which are not tried again. It drops nothing, and
declares no names.
`,
	Example: `
- map:
    rename: {follower_id: follower.id, followee_id: recipient_id}
    set:
      follower.profile: "https://example.com/{data.follower_id}"
      text: "Somebody new follows {data.followee_id}"
- compose: {to: "{data.recipient_id}", text: "{data.text}: {data.follower.profile}"}
`,
	New: newMap,
}

func newMap(c MapConfig, b *handler.Build) (handler.Handler, error) {
	h := &mapping{}
	var taken, given paths
	for _, e := range b.Node().Get("rename").Entries() {
		from, to := taken.add(b, e.Key), given.add(b, handler.Text{Value: c.Rename[e.Key.Value], Node: e.Value})
		h.renames = append(h.renames, renaming{from: from, to: to})
	}
	for i, n := range b.Node().Get("remove").Items() {
		h.removes = append(h.removes, taken.add(b, handler.Text{Value: c.Remove[i], Node: n}))
	}
	for _, e := range b.Node().Get("set").Entries() {
		h.sets = append(h.sets, setting{path: given.add(b, e.Key), value: c.Set[e.Key.Value]})
	}
	taken.check(b, path.equal, "%s is renamed or removed already, by %s")
	given.check(b, path.contains, "%s would overwrite %s, which is written before")
	for i := range h.renames {
		h.renames[i].stays = taken.stay(h.renames[i])
	}
	if len(h.renames)+len(h.removes)+len(h.sets) == 0 {
		return nil, errors.New("changes nothing: it needs rename, remove or set")
	}
	return h, nil
}

// path leads to a field: the names of objects in each other, and of the field.
type path []string

func (p path) equal(other path) bool { return slices.Equal(p, other) }

// contains tells whether other is p, or leads further.
func (p path) contains(other path) bool { return len(p) <= len(other) && p.equal(other[:len(p)]) }

func (p path) parent() path { return p[:len(p)-1] }

func (p path) name() string { return p[len(p)-1] }

func (p path) String() string { return strings.Join(p, ".") }

// paths are those of one configuration in their order, with their places.
type paths []placed

type placed struct {
	path
	at handler.Node
}

// add reads a path.
func (ps *paths) add(b *handler.Build, text handler.Text) path {
	p := path(strings.Split(text.Value, "."))
	if slices.Contains(p, "") {
		b.Fault(text.Node.Faultf("%q is no path: write names with dots between, such as user.name", text.Value))
	}
	*ps = append(*ps, placed{p, text.Node})
	return p
}

// check reports a path that clashes with one before it.
func (ps paths) check(b *handler.Build, clash func(p, before path) bool, message string) {
	for i, p := range ps {
		for _, before := range ps[:i] {
			if clash(p.path, before.path) {
				b.Fault(p.at.Faultf(message, p, before))
				break
			}
		}
	}
}

// stay tells whether a renamed field stays in its object, and that one where it is.
func (ps paths) stay(r renaming) bool {
	return r.from.parent().equal(r.to.parent()) &&
		!slices.ContainsFunc(ps, func(p placed) bool { return p.contains(r.from.parent()) })
}

type mapping struct {
	renames []renaming
	removes []path
	sets    []setting
}

type renaming struct {
	from, to path
	stays    bool // in its object, and keeps its place
}

type setting struct {
	path  path
	value *handler.Object
}

// Handle implements handler.Handler.
func (h *mapping) Handle(_ context.Context, m *handler.Message) (handler.Result, error) {
	data, err := h.data(m)
	if err != nil {
		return handler.Result{}, handler.ExpressionError(err)
	}
	// The event itself belongs to copies of the message, too.
	event, err := m.Event.WithData(data)
	if err != nil {
		return handler.Result{}, handler.ExpressionError(err)
	}
	m.Event = event
	return handler.Next(m), nil
}

// data returns the new data.
func (h *mapping) data(m *handler.Message) ([]byte, error) {
	if _, err := m.Event.Value(); err != nil {
		return nil, err
	}
	root := readObject(m.Event.Data)
	if root == nil {
		return nil, errors.New("the data is no object, and has no fields to change")
	}
	values := make([]*member, len(h.sets))
	for i, s := range h.sets {
		value, err := s.value.AppendJSON(nil, m)
		if err != nil {
			return nil, fmt.Errorf("set: %s: %w", s.path, err)
		}
		values[i] = &member{value: value}
	}
	if err := h.move(root); err != nil {
		return nil, fmt.Errorf("rename: %w", err)
	}
	for i, s := range h.sets {
		if err := root.put(s.path, values[i]); err != nil {
			return nil, fmt.Errorf("set: %w", err)
		}
	}
	return root.appendTo(make([]byte, 0, len(m.Event.Data)+64)), nil
}

// moved is a field that is renamed, and where it was.
type moved struct {
	*member
	renaming
	of *object
}

// move renames and removes. All is found before anything is changed.
func (h *mapping) move(root *object) error {
	var fields, gone []moved
	for _, r := range h.renames {
		if m, of := root.find(r.from); m != nil {
			fields = append(fields, moved{m, r, of})
		}
	}
	for _, p := range h.removes {
		if m, of := root.find(p); m != nil {
			gone = append(gone, moved{member: m, of: of})
		}
	}
	for _, f := range gone {
		f.of.remove(f.member)
	}
	for _, f := range fields {
		if !f.stays {
			f.of.remove(f.member)
		}
	}
	renameInPlace(fields)
	for _, f := range fields {
		if f.stays {
			continue
		}
		if err := root.put(f.to, f.member); err != nil {
			return err
		}
	}
	return nil
}

// renameInPlace renames the fields that stay where they are, all at once, so that two may swap their
// names, in the place of others that have these.
func renameInPlace(fields []moved) {
	isMoved := func(m *member) bool { return slices.ContainsFunc(fields, func(f moved) bool { return f.member == m }) }
	for _, f := range fields {
		if !f.stays {
			continue
		}
		if old, _ := f.of.find(path{f.to.name()}); old != nil && !isMoved(old) {
			f.of.remove(old)
		}
	}
	for _, f := range fields {
		if f.stays {
			f.rename(f.to.name())
		}
	}
}
