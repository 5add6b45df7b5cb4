package config

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

func (k *checker) store() {
	k.exactlyOne("store", "embedded", "redis")
	n, store := k.c.root.Get("store"), k.c.Store
	if store.Redis != nil {
		k.redisURL(store.Redis.URL)
	}
	if store.Embedded == nil {
		return
	}
	embedded := n.Get("embedded")
	k.notEmpty(embedded.Get("data_dir"), store.Embedded.DataDir)
	if store.Redis == nil && len(k.c.Kafka.Brokers) > 0 && !k.c.Kafka.SingleInstance {
		at, problem := Node{v: embedded.key}, "kafka.brokers does not go with the embedded store"
		if n.IsZero() {
			at, problem = Node{v: k.c.root.Get("kafka").Get("brokers").key}, "kafka.brokers needs a store section: without one it is the embedded store"
		}
		k.fault(at, "%s, which shares nothing between machines: a second instance would not know what this one has delivered", problem).
			Hint = "use store.redis, or set kafka.single_instance: true if there will only ever be one"
	}
}

var redisSchemes = []string{"redis", "rediss", "unix"}

// redisURL checks the URL of a Redis. Its messages quote nothing of it but
// options: where the password ends, in a URL that is wrong, is anybody's guess.
func (k *checker) redisURL(t Text) {
	n := t.Node
	scheme, _, _ := strings.Cut(t.Value, ":")
	u, err := url.Parse(t.Value)
	switch {
	case n.IsZero():
	case !slices.Contains(redisSchemes, scheme):
		k.fault(n, "%s must begin with redis://, rediss:// (TLS) or unix://", n.what()).hideValue()
	// A "/", "?" or "#" in a password ends the address, and what stands before
	// it would be taken for the host.
	case err != nil, u.Opaque != "", u.Fragment != "", strings.Contains(u.Path+u.RawQuery, "@"):
		f := k.fault(n, "%s is no URL", n.what())
		f.Hint = "write redis://user:password@host:port/database, and in user and password %40 for @, %2F for /, %3A for :, %3F for ?, %23 for # and %25 for %"
		f.hideValue()
	case scheme == "unix":
		if u.Host != "" || u.Path == "" {
			k.fault(n, "%s must name a socket by its whole path, such as unix:///run/redis/redis.sock?db=0", n.what())
			return
		}
		k.redisOptions(t)
	case u.Hostname() == "":
		k.fault(n, "%s names no host", n.what())
	case !isPort(u.Port()):
		k.fault(n, "%s has a port that is not between 1 and 65535", n.what())
	case !isDatabase(u.Path):
		k.fault(n, "%s must end in the number of a database, such as /0, or without one", n.what())
	default:
		k.redisOptions(t)
	}
}

// redisOptions checks what stands behind the "?", such as dial_timeout=1s.
func (k *checker) redisOptions(t Text) {
	if _, err := redis.ParseURL(t.Value); err != nil {
		k.fault(t.Node, "%s: %s", t.Node.what(), strings.TrimPrefix(err.Error(), "redis: "))
	}
}

func isPort(text string) bool {
	port, err := strconv.Atoi(text)
	return text == "" || err == nil && port > 0 && port <= 65535
}

func isDatabase(path string) bool {
	number := strings.Trim(path, "/")
	_, err := strconv.ParseUint(number, 10, 31)
	return number == "" || err == nil
}

// Address returns where the Redis is, without user and password: host:port, or
// the path of a socket.
func (r RedisStore) Address() string {
	o, err := redis.ParseURL(r.URL.Value)
	if err != nil {
		return ""
	}
	return o.Addr
}
