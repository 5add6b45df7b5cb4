package config

import (
	"net"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// checker finds what is wrong with values that are well-formed one by one.
// Values that were not have kept their defaults, so nothing is reported twice.
type checker struct {
	c      *Config
	faults Faults
}

func (c *Config) check() Faults {
	k := &checker{c: c}
	if len(c.root.Entries()) == 0 {
		k.fault(c.root, "the configuration is empty").Hint = "declare an event type and a pipeline at least; the built-in one is an example: kafka-notify config show"
	}
	k.http()
	k.kafka()
	k.store()
	k.lookups()
	k.events()
	k.handlerTypes()
	k.pipelines()
	k.tests()
	k.policies(c.root, Pipeline{Delivery: c.Delivery, Sessions: c.Sessions, Batch: c.Batch, Retry: c.Retry, Breaker: c.Breaker})
	k.poison()
	k.positive(c.root.Get("idempotency_window"), c.IdempotencyWindow)
	k.positive(c.root.Get("shutdown_timeout"), c.ShutdownTimeout)
	k.choices(c.root, reflect.TypeFor[Config]())
	return k.faults
}

// fault records a fault unless the node is absent: then the value is a
// default, or has been reported where it comes from.
func (k *checker) fault(n Node, format string, args ...any) *Fault {
	if n.IsZero() || n.v.broken {
		return &Fault{}
	}
	k.faults = append(k.faults, n.Faultf(format, args...))
	return &k.faults[len(k.faults)-1]
}

func (k *checker) http() {
	n, http := k.c.root.Get("http"), k.c.HTTP
	listen := n.Get("listen")
	if host, ok := k.address(listen, http.Listen, 0); ok && !http.Insecure && !isLoopback(host) {
		k.fault(listen, "http.listen is %s, which others can reach, and there is no authentication", listen.describe()).Hint = "listen on 127.0.0.1, or set http.insecure: true if the network keeps others out"
	}
	k.between(n.Get("max_bytes"), http.MaxBytes, 1, 1<<30)
	k.between(n.Get("max_events"), http.MaxEvents, 1, 1_000_000)
}

func (k *checker) poison() {
	k.between(k.c.root.Get("poison").Get("max_redrives"), k.c.Poison.MaxRedrives, 1, 1_000)
	n, topic := k.c.root.Get("poison").Get("topic"), k.c.Poison.Topic
	if !k.name(n, topic) {
		return
	}
	for _, taken := range []string{eventTopics, "notifications.user.", "notifications.retry."} {
		if strings.HasPrefix(topic, taken) {
			k.fault(n, "poison.topic must not begin with %q, where other topics live", taken)
		}
	}
}

// eventTopics begins the topic of every event type.
const eventTopics = "events."

var (
	namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*$`)
	// Kafka allows 249 characters; the rest is for what goes around a name,
	// such as notifications.retry.<pipeline>.<n>.
	maxName = 200
)

// keyPatterns are what keys are called that users choose, by the word that the
// tag keys of a field has for it.
var keyPatterns = map[string]*regexp.Regexp{"name": namePattern, "word": wordPattern}

// name checks the name of a topic, or one that becomes part of a topic's.
func (k *checker) name(n Node, name string) bool {
	switch {
	case !namePattern.MatchString(name):
		k.fault(n, "%s is no valid name: lower-case letters, digits, dots and dashes, the first a letter or digit", n.describe())
	case len(name) > maxName:
		k.fault(n, "a name may have %d characters; this one has %d", maxName, len(name))
	default:
		return true
	}
	return false
}

func (k *checker) notEmpty(n Node, text string) {
	if strings.TrimSpace(text) == "" {
		k.fault(n, "%s is empty", n.what())
	}
}

func (k *checker) positive(n Node, d time.Duration) {
	if d <= 0 {
		k.fault(n, "%s must be longer than zero, not %s", n.what(), d)
	}
}

func (k *checker) between(n Node, i, low, high int) {
	switch {
	case i < low:
		k.fault(n, "%s must be at least %d, not %d", n.what(), low, i)
	case i > high:
		k.fault(n, "%s must be at most %d, not %d", n.what(), high, i)
	}
}

func (k *checker) oneOf(n Node, text string, valid ...string) {
	if !n.IsZero() && !slices.Contains(valid, text) {
		f := k.fault(n, "%s must be one of %s, not %s", n.what(), strings.Join(valid, ", "), n.describe())
		if hint := Suggest(text, valid); strings.HasPrefix(hint, "did you mean") && len(n.v.variables()) == 0 {
			f.Hint = hint
		}
	}
}

// choices checks the texts of which a tag says what is possible. What is no text
// has been reported as that.
func (k *checker) choices(n Node, t reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer:
		k.choices(n, t.Elem())
	case reflect.Slice:
		for _, item := range n.Items() {
			k.choices(item, t.Elem())
		}
	case reflect.Map:
		for _, e := range n.Entries() {
			k.choices(e.Value, t.Elem())
		}
	case reflect.Struct:
		for _, f := range fieldsOf(t) {
			child := n.Get(f.name)
			switch {
			case f.self || child.IsZero():
			case f.oneOf == nil:
				k.choices(child, t.FieldByIndex(f.index).Type)
			case child.Kind() == String || child.v.wholeVariable():
				k.oneOf(child, child.Text(), f.oneOf...)
			}
		}
	}
}

// exactlyOne checks that a section, if there is one, has one of the keys that
// exclude each other.
func (k *checker) exactlyOne(section string, keys ...string) {
	n := k.c.root.Get(section)
	if n.IsZero() {
		return
	}
	var present []Node
	for _, key := range keys {
		if child := n.Get(key); !child.IsZero() {
			present = append(present, child)
		}
	}
	switch {
	case len(present) > 1:
		k.fault(Node{v: present[1].key}, "%s and %s exclude each other; keep one of them", present[0].path, present[1].path)
	case len(present) == 0 && !n.v.broken && (n.Kind() == Null || n.Kind() == Mapping && !n.misspells(keys)):
		k.fault(Node{v: n.key}, "%s needs %s", section, strings.Join(keys, " or "))
	}
}

// misspells reports whether the mapping has a key that is reported as unknown
// anyway and may well be meant to be one of these.
func (n Node) misspells(keys []string) bool {
	return slices.ContainsFunc(n.Entries(), func(e Entry) bool {
		return strings.HasPrefix(Suggest(e.Key.Value, keys), "did you mean")
	})
}

// address checks a host:port and returns the host.
func (k *checker) address(n Node, address string, lowestPort int) (host string, ok bool) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || strings.ContainsAny(host, " /@") {
		k.fault(n, "%s must be host:port, such as 127.0.0.1:8080, not %s", n.what(), n.describe())
		return "", false
	}
	number, err := strconv.Atoi(port)
	if err != nil || number < lowestPort || number > 65535 {
		k.fault(n, "%s must end in a port between %d and 65535, not %q", n.what(), lowestPort, port)
		return "", false
	}
	return host, true
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}
