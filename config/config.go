// Package config is the format of kafka-notify's configuration file: its
// structs, a strict decoder that knows every value's place in the file, and
// the checks that need nothing but the file itself. What stands inside a
// handler is left to the handler: its body stays a raw Node.
package config

import (
	"time"
)

// Config is a configuration, of one file or several, checked, with all defaults
// filled in.
type Config struct {
	HTTP         HTTP                   `yaml:"http" doc:"the HTTP server"`
	Kafka        Kafka                  `yaml:"kafka" doc:"the cluster that events and notifications travel through: embedded, a broker in this process, or brokers elsewhere"`
	Store        Store                  `yaml:"store" doc:"where is kept what has been handled: embedded, in this process, or redis, for several instances"`
	Lookups      map[string]Lookup      `yaml:"lookups" doc:"the sources that enrich asks, such as one of people, by name"`
	Events       map[string]Event       `yaml:"events" keys:"name" doc:"the event types that may be submitted; each has the topic events.<type>"`
	HandlerTypes map[string]HandlerType `yaml:"handler_types" keys:"word" doc:"handler types made of others"`
	Pipelines    map[string]Pipeline    `yaml:"pipelines" keys:"name" doc:"what becomes of events, by name"`
	Delivery     string                 `yaml:"delivery" one_of:"exactly_once,at_least_once" doc:"exactly_once or at_least_once; like the following four, for every pipeline, and a pipeline may override any of it"`
	Sessions     int                    `yaml:"sessions" doc:"exactly_once: how many transactions of each source of a pipeline run at once in this process"`
	Batch        Batch                  `yaml:"batch" doc:"exactly_once: the bounds of one transaction"`
	Retry        Retry                  `yaml:"retry" doc:"what happens when a handler fails with an error that may heal"`
	Breaker      Breaker                `yaml:"breaker" doc:"pauses a pipeline that poisons too many of its messages"`
	Poison       Poison                 `yaml:"poison" doc:"what becomes of messages that a pipeline gave up on"`
	Tests        []Test                 `yaml:"tests" doc:"tests of the pipelines, for config test; the service does nothing with them"`

	IdempotencyWindow time.Duration `yaml:"idempotency_window" doc:"how long a repeated event id counts as the same event"`
	ShutdownTimeout   time.Duration `yaml:"shutdown_timeout" doc:"how long messages in flight may take when the service stops"`
	Log               Log           `yaml:"log" doc:"the service's own log"`

	files files // where the files lie that the configuration names
	root  Node  // all of its own, taken together
}

// HTTP is the HTTP server.
type HTTP struct {
	Listen    string `yaml:"listen" doc:"host:port"`
	Insecure  bool   `yaml:"insecure" doc:"allow other addresses than loopback, for HTTP and the embedded broker, without authentication"`
	MaxBytes  int    `yaml:"max_bytes" doc:"limit of a request's body, in bytes"`
	MaxEvents int    `yaml:"max_events" doc:"limit of the events in a request"`
}

// Kafka is the cluster that events and notifications travel through: a broker
// in this process, which it is too when no file has the section, or brokers
// elsewhere.
type Kafka struct {
	Embedded        *EmbeddedKafka `yaml:"embedded" doc:"a broker in this process; {} takes the defaults"`
	Brokers         []string       `yaml:"brokers" doc:"host:port of a few brokers of the cluster"`
	TLS             *KafkaTLS      `yaml:"tls" doc:"talk TLS, 1.2 or newer, to the brokers; {} trusts the system's certificate authorities"`
	SASL            *KafkaSASL     `yaml:"sasl" doc:"log in to the brokers"`
	Replication     int            `yaml:"replication" doc:"replication factor of new topics; -1 is the broker's default"`
	MaxUserTopics   int            `yaml:"max_user_topics" doc:"limit of the delivery topics; 0 is 5000 on the embedded broker and 20000 elsewhere"`
	AutoOffsetReset string         `yaml:"auto_offset_reset" one_of:"earliest,none" doc:"where a group goes on whose committed offset the broker no longer has: earliest, or none to stop the pipeline with an error"`
	SingleInstance  bool           `yaml:"single_instance" doc:"allow brokers together with the embedded store: there will only ever be one instance"`
	Retention       Retention      `yaml:"retention" doc:"how long the brokers keep records; the embedded one keeps events and poisoned messages without end"`
}

// UserTopicLimit returns how many delivery topics there may be.
func (k Kafka) UserTopicLimit() int {
	switch {
	case k.MaxUserTopics > 0:
		return k.MaxUserTopics
	case k.Embedded != nil:
		return 5_000
	}
	return 20_000
}

// EmbeddedKafka is a Kafka broker in this process.
type EmbeddedKafka struct {
	Listen  string `yaml:"listen" doc:"host:port"`
	DataDir string `yaml:"data_dir" doc:"relative to the working directory"`
}

// SetDefaults implements Defaulter.
func (k *EmbeddedKafka) SetDefaults() {
	*k = EmbeddedKafka{Listen: "127.0.0.1:9092", DataDir: "data/kafka"}
}

// Retention says how long the broker keeps records, by kind of topic.
type Retention struct {
	Events   time.Duration `yaml:"events" doc:"of the topics of event types, and of retries"`
	Delivery time.Duration `yaml:"delivery" doc:"of each person's notifications"`
	Poison   time.Duration `yaml:"poison" doc:"of poisoned messages"`
}

// Store is where claims are kept. Without the section it is the embedded one.
type Store struct {
	Embedded *EmbeddedStore `yaml:"embedded" doc:"a store in this process, which other instances cannot see; {} takes the defaults"`
	Redis    *RedisStore    `yaml:"redis" doc:"a Redis that all instances share"`
}

// EmbeddedStore is a store in this process. Other instances cannot see it.
type EmbeddedStore struct {
	DataDir string `yaml:"data_dir" doc:"relative to the working directory"`
}

// SetDefaults implements Defaulter.
func (s *EmbeddedStore) SetDefaults() { *s = EmbeddedStore{DataDir: "data/store"} }

// RedisStore is a store in Redis, which all instances share.
type RedisStore struct {
	URL Text `yaml:"url,required" doc:"redis://user:password@host:port/database, rediss:// for TLS, or unix://user:password@/socket?db=database; a database of its own for each cluster of Kafka"`
}

// Lookup is a named source that enrich asks: either a file or an HTTP service.
type Lookup struct {
	File Text        `yaml:"file" path:"true" doc:"a mapping, key to record; relative to the file that names it"`
	HTTP *HTTPLookup `yaml:"http" doc:"an HTTP service that answers with a record, or with 404"`
	Node Node        `yaml:",self"`
}

// HTTPLookup is a lookup in an HTTP service.
type HTTPLookup struct {
	URL     Text              `yaml:"url,required" doc:"such as http://users.internal/users/{key}; {key} becomes the key, escaped"`
	Timeout time.Duration     `yaml:"timeout" doc:"of one request"`
	Cache   LookupCache       `yaml:"cache" doc:"what is remembered of its answers"`
	Headers map[string]string `yaml:"headers" secret:"true" doc:"of every request, by name"`
}

// LookupCache says what is remembered of an HTTP lookup's answers.
type LookupCache struct {
	TTL  time.Duration `yaml:"ttl" doc:"how long an answer is remembered"`
	Size int           `yaml:"size" doc:"how many records are remembered"`
}

// SetDefaults implements Defaulter.
func (l *HTTPLookup) SetDefaults() {
	*l = HTTPLookup{Timeout: 2 * time.Second, Cache: LookupCache{TTL: time.Minute, Size: 10_000}}
}

// Event is an event type.
type Event struct {
	Key        Text `yaml:"key,required" doc:"template; events of one key stay in order"`
	Schema     Node `yaml:"schema" doc:"JSON Schema of the event's data"`
	Partitions int  `yaml:"partitions" doc:"of the event type's topic, when it is created"`
	Node       Node `yaml:",self"`
}

// SetDefaults implements Defaulter.
func (e *Event) SetDefaults() { e.Partitions = 12 }

// Pipeline is one or several source topics and the handlers that run on their
// messages.
type Pipeline struct {
	Name      string
	ID        string  `yaml:"id" doc:"keeps consumer group, claims and notification ids when the pipeline is renamed"`
	Subscribe Sources `yaml:"subscribe,required" ref:"topics" doc:"the topics it takes its messages from: events.<type>, or a list of them, each with partitions and retry tiers of its own"`
	Start     Start   `yaml:"start" doc:"where a new pipeline, or a new source of it, begins: now, oldest, or a time"`
	Handlers  []Step  `yaml:"handlers,required" doc:"what each message goes through, in this order"`

	Delivery string  `yaml:"delivery" one_of:"exactly_once,at_least_once" doc:"of this pipeline, in place of the general one"`
	Sessions int     `yaml:"sessions" doc:"of this pipeline, in place of the general ones"`
	Batch    Batch   `yaml:"batch" doc:"of this pipeline; what it leaves out is as in the general one"`
	Retry    Retry   `yaml:"retry" doc:"of this pipeline; what it leaves out is as in the general one"`
	Breaker  Breaker `yaml:"breaker" doc:"of this pipeline; what it leaves out is as in the general one"`
	Node     Node    `yaml:",self"`
}

// Step is one handler of a pipeline: its type, and what that type makes of the
// body.
type Step struct {
	Type Text
	Body Node
}

// Retry says what happens when a handler fails with an error that may heal.
type Retry struct {
	Attempts int             `yaml:"attempts" doc:"in place, the first included"`
	InPlace  time.Duration   `yaml:"in_place" doc:"how long they may take together, pauses included; then the message takes the tiers"`
	Backoff  Backoff         `yaml:"backoff" doc:"between the attempts in place"`
	Later    []time.Duration `yaml:"later" doc:"the tiers: delays of further attempts, out of the way of other messages"`
	Timeout  time.Duration   `yaml:"timeout" doc:"of one attempt"`
}

// Backoff is an exponential back-off.
type Backoff struct {
	Initial    time.Duration `yaml:"initial" doc:"the first delay"`
	Max        time.Duration `yaml:"max" doc:"the longest delay"`
	Multiplier float64       `yaml:"multiplier" doc:"of each delay to the one before, 1 or more"`
	Jitter     float64       `yaml:"jitter" doc:"share of the delay that is random, 0 to 1"`
}

// Poison is what happens to messages that a pipeline gave up on.
type Poison struct {
	Topic       string `yaml:"topic" doc:"where such messages are kept"`
	MaxRedrives int    `yaml:"max_redrives" doc:"how often a message may be sent back; after that a redrive of it is refused"`
}

// ActionsTopic is where stands what was done about poisoned messages.
func (p Poison) ActionsTopic() string { return p.Topic + ".actions" }

// Log is the service's own log.
type Log struct {
	Level  string `yaml:"level" one_of:"debug,info,warn,error" doc:"debug, info, warn or error"`
	Format string `yaml:"format" one_of:"text,json" doc:"text or json"`
}

// setDefaults sets everything that does not belong to an element of a map.
func (c *Config) setDefaults() {
	const day = 24 * time.Hour
	c.HTTP = HTTP{Listen: "127.0.0.1:8080", MaxBytes: 1 << 20, MaxEvents: 1_000}
	c.Kafka.Replication = -1
	c.Kafka.AutoOffsetReset = ResetEarliest
	c.Kafka.Retention = Retention{Events: 7 * day, Delivery: 30 * day, Poison: 90 * day}
	c.Delivery = ExactlyOnce
	c.Sessions = 1
	c.Batch = Batch{Messages: 10_000, Bytes: 16 << 20, Partitions: 2_000}
	c.Breaker = Breaker{Share: 0.5, Window: time.Minute, Messages: 100, Trial: 30 * time.Second}
	c.Retry = Retry{
		Attempts: 3,
		InPlace:  10 * time.Second,
		Backoff:  Backoff{Initial: 100 * time.Millisecond, Max: 2 * time.Second, Multiplier: 2, Jitter: 0.2},
		Later:    []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute},
		Timeout:  10 * time.Second,
	}
	c.Poison = Poison{Topic: "notifications.poison", MaxRedrives: 10}
	c.IdempotencyWindow = day
	c.ShutdownTimeout = 30 * time.Second
	c.Log = Log{Level: "info", Format: "text"}
}

// Policy returns where a setting stands that a pipeline may override: in the
// pipeline, or at the top level. It is absent when it stands nowhere.
func (c *Config) Policy(pipeline string, keys ...string) Node {
	for _, n := range []Node{c.Pipelines[pipeline].Node, c.root} {
		for _, key := range keys {
			n = n.Get(key)
		}
		if !n.IsZero() {
			return n
		}
	}
	return Node{}
}
