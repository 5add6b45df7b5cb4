package chaos

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// serviceConfig is the instances' configuration. RUN stands for a word of this
// run alone: a given cluster keeps the topics of earlier runs. Events of the
// type late go by way of a retry tier, those of the type step never.
const serviceConfig = `
http: {listen: LISTEN}
kafka: KAFKA
store: STORE
delivery: DELIVERY
lookups:
  people: {file: people.yaml}
  late: {http: {url: "LOOKUP/{key}", timeout: 2s}}
events:
  step-RUN:
    key: "{data.person}"
    schema: &schema
      type: object
      required: [person, seq, actor, keep]
  late-RUN:
    key: "{data.person}"
    schema: *schema
pipelines:
  step-RUN:
    subscribe: events.step-RUN
    start: oldest
    handlers:
      - filter: {when: data.keep}
      - enrich: {actor: {lookup: people, key: "{data.actor}"}}
      - compose: &compose {to: "RUN-{data.person}", text: "{data.seq}"}
      - route: &route {topic: "notifications.user.RUN-{data.person}"}
  late-RUN:
    subscribe: events.late-RUN
    start: oldest
    handlers:
      - enrich: {actor: {lookup: late, key: "{data.actor}"}}
      - compose: *compose
      - route: *route
    retry:
      attempts: 2
      backoff: {initial: 50ms, max: 100ms}
      later: [3s, 6s]
retry:
  later: [10s]
poison: {topic: notifications.poison.RUN}
`

// The people whom events name as their actor. Nobody is among them who makes an
// event poison.
const (
	people = `{emma: {name: Emma}}`
	known  = "emma"
	nobody = "nobody"
)

// topics are the names of what a run writes to.
type topics struct{ run string }

func newTopics() topics { return topics{run: fmt.Sprintf("c%d", time.Now().UnixNano()%1e12)} }

func (t topics) steps() string  { return "events.step-" + t.run }
func (t topics) late() string   { return "events.late-" + t.run }
func (t topics) poison() string { return "notifications.poison." + t.run }

// user is the delivery topic of a person.
func (t topics) user(person int) string {
	return fmt.Sprintf("notifications.user.%s-%d", t.run, person)
}

// users are the delivery topics of all.
func (t topics) users(people int) (names []string) {
	for person := range people {
		names = append(names, t.user(person))
	}
	return names
}

// groups are the consumer groups of the source topics.
func (t topics) groups() map[string]string {
	return map[string]string{
		t.steps(): "kafka-notify.step-" + t.run,
		t.late():  "kafka-notify.late-" + t.run,
	}
}

// stepTier is the retry topic that no event of the type step should see: a
// handler ran out of time if one does, and the order is lost with it.
func (t topics) stepTier() string { return fmt.Sprintf("notifications.retry.step-%s.1", t.run) }

// setup is what goes into every instance's configuration.
type setup struct {
	dir      string
	brokers  []string
	replicas int // of new topics, 0 for the cluster's own default
	delivery string
	lookup   string // the URL of the late lookup
	redis    string // host:port, "" for embedded stores
	topics   topics
}

// write makes the folder of instance n, with its configuration for an address.
func (s setup) write(n int, listen string) (dir string, err error) {
	dir = filepath.Join(s.dir, fmt.Sprintf("instance-%d", n))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	kafka, store := fmt.Sprintf("brokers: [%s]", strings.Join(s.brokers, ", ")), ""
	if s.replicas > 0 {
		kafka += fmt.Sprintf(", replication: %d", s.replicas)
	}
	if s.redis == "" {
		kafka += ", single_instance: true"
		store = "embedded: {data_dir: " + filepath.Join(dir, "store") + "}"
	} else {
		store = `redis: {url: "redis://` + s.redis + `/0"}`
	}
	text := strings.NewReplacer(
		"LISTEN", listen, "KAFKA", "{"+kafka+"}", "STORE", "{"+store+"}",
		"DELIVERY", s.delivery, "LOOKUP", s.lookup, "RUN", s.topics.run,
	).Replace(serviceConfig)
	for name, text := range map[string]string{"kafka-notify.yaml": text, "people.yaml": people} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// freeAddress is a loopback address to listen on, now and after a restart: its
// port is none that the system gives to outgoing connections.
func freeAddress() (string, error) {
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(10_000)))
		if err != nil {
			continue
		}
		return l.Addr().String(), l.Close()
	}
	return "", fmt.Errorf("no port from 20000 to 29999 is free")
}
