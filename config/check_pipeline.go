package config

import (
	"errors"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

func (k *checker) lookups() {
	for _, e := range k.c.root.Get("lookups").Entries() {
		n, lookup := e.Value, k.c.Lookups[e.Key.Value]
		if n.v.broken || n.Kind() != Mapping && n.Kind() != Null {
			continue
		}
		file, http := n.Get("file"), n.Get("http")
		switch {
		case !file.IsZero() && !http.IsZero():
			k.fault(Node{v: http.key}, "%s and %s exclude each other; keep one of them", file.path, http.path)
		case file.IsZero() && http.IsZero() && !n.misspells([]string{"file", "http"}):
			k.fault(e.Key.Node, "%s needs file or http", n.path)
		}
		if file.Kind() == String {
			k.notEmpty(file, lookup.File.Value)
		}
		if lookup.HTTP != nil {
			k.httpLookup(http, lookup.HTTP)
		}
	}
}

var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

func (k *checker) httpLookup(n Node, lookup *HTTPLookup) {
	if at := lookup.URL.Node; !at.IsZero() {
		u, err := url.Parse(lookup.URL.Value)
		switch {
		case err != nil:
			k.fault(at, "%s is no URL: %s", at.what(), urlReason(err))
		case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
			k.fault(at, "%s must begin with http:// or https:// and a host, not %s", at.what(), at.describe())
		}
	}
	k.positive(n.Get("timeout"), lookup.Timeout)
	k.positive(n.Get("cache").Get("ttl"), lookup.Cache.TTL)
	k.between(n.Get("cache").Get("size"), lookup.Cache.Size, 1, 100_000_000)
	for _, e := range n.Get("headers").Entries() {
		if !headerName.MatchString(e.Key.Value) {
			k.fault(e.Key.Node, "%q is no valid name of an HTTP header", e.Key.Value)
		}
		if strings.Contains(lookup.Headers[e.Key.Value], "\n") {
			k.fault(e.Value, "%s holds a line break, which a header cannot", e.Value.what())
		}
	}
}

// urlReason returns why a URL does not parse, without the URL, which may hold
// a password.
func urlReason(err error) string {
	var parse *url.Error
	if errors.As(err, &parse) {
		return parse.Err.Error()
	}
	return err.Error()
}

func (k *checker) events() {
	for _, e := range k.c.root.Get("events").Entries() {
		event := k.c.Events[e.Key.Value]
		k.name(e.Key.Node, e.Key.Value)
		if !event.Key.Node.IsZero() {
			k.notEmpty(event.Key.Node, event.Key.Value)
		}
		k.between(e.Value.Get("partitions"), event.Partitions, 1, 10_000)
		_, faults := event.CompileSchema()
		k.faults = append(k.faults, faults...)
	}
}

func (k *checker) pipelines() {
	taken := make(map[string]string)
	for _, e := range k.c.root.Get("pipelines").Entries() {
		p := k.c.Pipelines[e.Key.Value]
		if e.Value.v.broken || e.Value.Kind() != Mapping && e.Value.Kind() != Null {
			continue
		}
		k.name(e.Key.Node, e.Key.Value)
		k.id(e, p.ID, taken)
		k.sources(e.Value, p, taken)
		if handlers := e.Value.Get("handlers"); handlers.Kind() == Sequence && len(p.Handlers) == 0 {
			k.fault(handlers, "%s is empty; without a handler nothing would come of a message", handlers.what())
		}
		k.policies(e.Value, p)
	}
}

// retryGroup is how a pipeline's own id would look like the consumer group of
// another pipeline's retry tier.
var retryGroup = regexp.MustCompile(`\.retry\.[0-9]+$`)

// id checks a pipeline's id. taken says whose each name is that consumer groups
// and retry topics are made from.
func (k *checker) id(e Entry, id string, taken map[string]string) {
	at := e.Key.Node
	if own := e.Value.Get("id"); !own.IsZero() {
		at = own
		if !k.name(own, id) {
			return
		}
	}
	if owner, ok := taken[id]; ok {
		k.fault(at, "%s has the id of %s, %q: they would share a consumer group, and each would see only some of the messages", e.Value.what(), owner, id)
		return
	}
	taken[id] = e.Value.what()
	if retryGroup.MatchString(id) {
		k.fault(at, "the id %q ends like a retry tier's consumer group; choose another", id)
	}
}

// sources checks what a pipeline subscribes to, and the names that this makes.
func (k *checker) sources(n Node, p Pipeline, taken map[string]string) {
	if list := n.Get("subscribe"); list.Kind() == Sequence && len(list.Items()) == 0 {
		k.fault(list, "%s is empty; without a topic there is nothing to do", list.what())
	}
	seen := make(map[string]Node)
	for _, s := range p.Sources() {
		at := s.Topic.Node
		if at.IsZero() { // an item of a list that is no text
			continue
		}
		if first, ok := seen[s.Topic.Value]; ok {
			k.fault(at, "%s is the topic of %s again", at.what(), first.what())
			continue
		}
		seen[s.Topic.Value] = at
		if k.subscribe(s.Topic) && s.ID != p.ID {
			k.sourceID(at, s.ID, taken)
		}
	}
}

// sourceID checks the name of one source of several.
func (k *checker) sourceID(at Node, id string, taken map[string]string) {
	switch owner, ok := taken[id]; {
	case ok:
		k.fault(at, "%s: consumer group and retry topics of this source would be named after %q, which is the id of %s; give one of the two pipelines another id", at.what(), id, owner)
	case len(id) > maxName:
		k.fault(at, "%s: the pipeline's id and the event type make a name of %d characters; %d are possible", at.what(), len(id), maxName)
	case retryGroup.MatchString(id):
		k.fault(at, "%s: the source's name %q ends like a retry tier's consumer group; give the pipeline or the event type another", at.what(), id)
	default:
		taken[id] = at.what()
	}
}

// subscribe checks one source topic, and reports whether it is one.
func (k *checker) subscribe(topic Text) bool {
	n := topic.Node
	declared := slices.Sorted(maps.Keys(k.c.Events))
	name, isEvent := strings.CutPrefix(topic.Value, eventTopics)
	switch {
	case strings.HasPrefix(topic.Value, "notifications."):
		k.fault(n, "%s cannot be a notifications topic: what a pipeline delivers would come back to it", n.what())
		return false
	case !isEvent && slices.Contains(declared, topic.Value):
		k.fault(n, "%s must be the topic of an event type", n.what()).Hint = "did you mean \"" + eventTopics + topic.Value + "\"?"
		return false
	case !isEvent:
		k.fault(n, "%s must be %s<type>, not %s", n.what(), eventTopics, n.describe())
		return false
	case slices.Contains(declared, name):
		return true
	}
	f := k.fault(n, "%s: the event type %q is not declared below events", n.what(), name)
	f.Hint = ""
	if len(n.v.variables()) == 0 {
		for i, d := range declared {
			declared[i] = eventTopics + d
		}
		f.Hint = Suggest(topic.Value, declared)
	}
	return false
}
