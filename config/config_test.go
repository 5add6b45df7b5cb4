package config_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trieungochai/kafka-notify/config"
)

// sameConfig compares what configurations say, not where they say it.
var sameConfig = cmp.Options{
	cmpopts.IgnoreUnexported(config.Config{}),
	cmpopts.IgnoreFields(config.Lookup{}, "Node"),
	cmpopts.IgnoreFields(config.Event{}, "Node"),
	cmpopts.IgnoreFields(config.Pipeline{}, "Node"),
	cmpopts.IgnoreFields(config.Test{}, "Node"),
	cmpopts.IgnoreFields(config.TestEvent{}, "Node"),
	cmpopts.IgnoreFields(config.Outcome{}, "Node"),
}

func mustLoad(t *testing.T, path string) *config.Config {
	t.Helper()
	c, err := config.Load(testEnv, path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefault(t *testing.T) {
	c, err := config.Default(testEnv)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		HTTP: config.HTTP{Listen: "127.0.0.1:8080", MaxBytes: 1 << 20, MaxEvents: 1000},
		Kafka: config.Kafka{
			Embedded:    &config.EmbeddedKafka{Listen: "127.0.0.1:9092", DataDir: "data/kafka"},
			Replication: -1, AutoOffsetReset: "earliest",
			Retention: config.Retention{Events: 168 * time.Hour, Delivery: 720 * time.Hour, Poison: 2160 * time.Hour},
		},
		Store:    config.Store{Embedded: &config.EmbeddedStore{DataDir: "data/store"}},
		Delivery: "exactly_once",
		Sessions: 1,
		Batch:    config.Batch{Messages: 10_000, Bytes: 16 << 20, Partitions: 2_000},
		Breaker:  config.Breaker{Share: 0.5, Window: time.Minute, Messages: 100, Trial: 30 * time.Second},
		Retry: config.Retry{
			Attempts: 3, InPlace: 10 * time.Second,
			Backoff: config.Backoff{Initial: 100 * time.Millisecond, Max: 2 * time.Second, Multiplier: 2, Jitter: 0.2},
			Later:   []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute},
			Timeout: 10 * time.Second,
		},
		Poison:            config.Poison{Topic: "notifications.poison", MaxRedrives: 10},
		IdempotencyWindow: 24 * time.Hour,
		ShutdownTimeout:   30 * time.Second,
		Log:               config.Log{Level: "info", Format: "text"},
	}
	if diff := cmp.Diff(&want, c, sameConfig, cmpopts.IgnoreFields(config.Config{}, "Lookups", "Events", "Pipelines", "Tests")); diff != "" {
		t.Errorf("default configuration (-want +got):\n%s", diff)
	}
	if got := c.Kafka.UserTopicLimit(); got != 5000 {
		t.Errorf("UserTopicLimit = %d", got)
	}

	var steps []string
	for _, name := range []string{"follow", "message"} {
		p := c.Pipelines[name]
		if p.Name != name || p.ID != name || !slices.Equal(p.EventTypes(), []string{name}) {
			t.Errorf("pipeline %s: name %q, id %q, event types %q", name, p.Name, p.ID, p.EventTypes())
		}
		for _, s := range p.Handlers {
			steps = append(steps, s.Type.Value)
		}
		if schema, faults := c.Events[name].CompileSchema(); schema == nil || len(faults) > 0 {
			t.Errorf("event %s: no schema: %v", name, faults)
		}
	}
	if diff := cmp.Diff([]string{"enrich", "deduplicate", "compose", "route", "enrich", "compose", "route"}, steps); diff != "" {
		t.Errorf("handlers (-want +got):\n%s", diff)
	}
}

func TestDefaultUsers(t *testing.T) {
	c, err := config.Default(testEnv)
	if err != nil {
		t.Fatal(err)
	}
	users, err := c.ReadFile(c.Lookups["users"].File.Filename())
	if err != nil {
		t.Fatal(err)
	}
	node, faults := config.Parse("users.yaml", users, testEnv)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	got, _ := node.Value()
	people := map[string]any{
		"1": map[string]any{"name": "Emma"}, "2": map[string]any{"name": "Bruno"},
		"3": map[string]any{"name": "Rick"}, "4": map[string]any{"name": "Lena"},
	}
	if diff := cmp.Diff(any(people), got); diff != "" {
		t.Errorf("users (-want +got):\n%s", diff)
	}
	if _, err := c.Stat("absent.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat of an absent file: %v", err)
	}
}

func TestLoad(t *testing.T) {
	c := mustLoad(t, "testdata/full.yaml")

	if got, want := c.HTTP, (config.HTTP{Listen: "0.0.0.0:8081", Insecure: true, MaxBytes: 2 << 20, MaxEvents: 10}); got != want {
		t.Errorf("HTTP = %+v", got)
	}
	if tls := c.Kafka.TLS; tls.CA.Value != "certs/ca.pem" || tls.Cert.Value != "certs/client.pem" || tls.Key.Value != "certs/client-key.pem" || tls.ServerName != "kafka.internal" {
		t.Errorf("TLS = %+v", tls)
	}
	if got, want := *c.Kafka.SASL, (config.KafkaSASL{Mechanism: "SCRAM-SHA-512", Username: "kafka-notify", Password: "hunter2-hunter2"}); got != want {
		t.Errorf("SASL = %+v", got)
	}
	if got := c.Lookups["teams"].HTTP.Headers["Authorization"]; got != "Bearer hunter2-hunter2" {
		t.Errorf("header = %q", got)
	}
	if got := c.Kafka.UserTopicLimit(); got != 100 {
		t.Errorf("UserTopicLimit = %d", got)
	}
	general := config.Retry{
		Attempts: 4, InPlace: 10 * time.Second,
		Backoff: config.Backoff{Initial: time.Second, Max: 90 * time.Second, Multiplier: 1.5, Jitter: 1},
		Later:   []time.Duration{time.Hour},
		Timeout: 250 * time.Millisecond,
	}
	follow, third := general, general
	follow.Attempts, follow.Backoff.Jitter, follow.Later = 7, 0, []time.Duration{}
	third.Attempts, third.Timeout = 5, time.Minute
	for name, want := range map[string]config.Retry{"follow": follow, "unfollow": general, "third": third} {
		if diff := cmp.Diff(want, c.Pipelines[name].Retry); diff != "" {
			t.Errorf("retry of %s (-want +got):\n%s", name, diff)
		}
	}
	p := c.Pipelines["third"]
	batch := config.Batch{Messages: 50, Bytes: 1000, Partitions: 2_000}
	if p.Delivery != "at_least_once" || p.Sessions != 3 || p.Batch != batch || p.Breaker.Share != 0.25 || p.Breaker.Trial != 30*time.Second {
		t.Errorf("policies = %+v", p)
	}
	p = c.Pipelines["follow"]
	if p.Delivery != "exactly_once" || p.Sessions != 3 || p.Batch.Messages != 100 {
		t.Errorf("general policies = %+v", p)
	}
	if p.Name != "follow" || p.ID != "follower" || !p.Start.Oldest {
		t.Errorf("pipeline = %+v", p)
	}
	if got := c.Pipelines["unfollow"].Start.Time; !got.Equal(time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)) {
		t.Errorf("start = %s", got)
	}
	sources := [][3]string{{"both.follow.created", "both", "follow.created"}, {"both.unfollow", "both", "unfollow"}, {"single", "single.plain", "plain"}}
	var got [][3]string
	for _, s := range append(c.Pipelines["both"].Sources(), c.Pipelines["single"].Sources()...) {
		got = append(got, [3]string{s.ID, s.FormerID, s.Type()})
	}
	if diff := cmp.Diff(sources, got); diff != "" {
		t.Errorf("id, former id and type of sources (-want +got):\n%s", diff)
	}
	filter, _ := p.Handlers[1].Body.Value()
	want := any(map[string]any{
		"when": `actor.id != "0123456789"`, "limit": int64(8081),
		"list": []any{int64(1), []any{int64(2), map[string]any{"a": int64(3)}}, "8081"},
	})
	if diff := cmp.Diff(want, filter); diff != "" {
		t.Errorf("filter (-want +got):\n%s", diff)
	}
	if got, want := p.Handlers[1].Type.Node.Pos().String(), "testdata/full.yaml:41:9"; got != want {
		t.Errorf("the filter stands at %s, not %s", got, want)
	}
}

// Who names neither a cluster nor a store gets those of the process.
func TestAbsentSections(t *testing.T) {
	c := mustLoad(t, writeFile(t, "c.yaml", "http: {}\n"))
	standard, err := config.Default(testEnv)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(standard.Kafka, c.Kafka); diff != "" {
		t.Errorf("kafka (-default +absent):\n%s", diff)
	}
	if diff := cmp.Diff(standard.Store, c.Store); diff != "" {
		t.Errorf("store (-default +absent):\n%s", diff)
	}
	if c.Has("kafka") || c.Has("store") || !c.Has("http") || !standard.Has("kafka") {
		t.Error("Has does not tell what stands in the file")
	}
	c = mustLoad(t, writeFile(t, "c.yaml", "kafka: {brokers: [kafka-1:9092], single_instance: true}\n"))
	if c.Kafka.Embedded != nil || c.Store.Embedded == nil {
		t.Errorf("embedded broker %v, embedded store %v", c.Kafka.Embedded, c.Store.Embedded)
	}
}

// What is accepted: no TLS at all, that of the system's roots, and a password
// that travels readable within the machine only.
func TestSecuredBrokers(t *testing.T) {
	for _, kafka := range []string{
		`{brokers: [kafka-1:9093], tls: {}}`,
		`{brokers: [kafka-1:9093], tls: }`,
		`{brokers: [kafka-1:9093], tls: {ca: ca.pem}, sasl: {mechanism: PLAIN, username: a, password: b}}`,
		`{brokers: [kafka-1:9092], sasl: {mechanism: SCRAM-SHA-256, username: a, password: b}}`,
		`{brokers: [localhost:9092, "127.0.0.1:9092", "[::1]:9092"], sasl: {mechanism: PLAIN, username: a, password: "${DIGITS}"}}`,
	} {
		path := writeFile(t, "c.yaml", "kafka: "+strings.Replace(kafka, "{", "{single_instance: true, ", 1)+"\nstore: {embedded: {}}\n")
		c := mustLoad(t, path)
		shown, err := c.Show()
		if err != nil {
			t.Fatal(err)
		}
		again := mustLoad(t, writeFile(t, "shown.yaml", string(shown)))
		if hasTLS := strings.Contains(kafka, "tls"); hasTLS != (c.Kafka.TLS != nil) || hasTLS != (again.Kafka.TLS != nil) {
			t.Errorf("%s: TLS is %v, and %v once shown:\n%s", kafka, c.Kafka.TLS, again.Kafka.TLS, shown)
		}
		if strings.Contains(kafka, "tls: }") && !strings.Contains(string(shown), "tls: {}\n") {
			t.Errorf("%s is shown as\n%s", kafka, shown)
		}
	}
}

func TestShow(t *testing.T) {
	for name, load := range map[string]func() (*config.Config, error){
		"default": func() (*config.Config, error) { return config.Default(testEnv) },
		"full":    func() (*config.Config, error) { return config.Load(testEnv, "testdata/full.yaml") },
		"redis":   func() (*config.Config, error) { return config.Load(testEnv, "testdata/redis.yaml") },
	} {
		t.Run(name, func(t *testing.T) {
			c, err := load()
			if err != nil {
				t.Fatal(err)
			}
			shown, err := c.Show()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(shown), "hunter2") {
				t.Errorf("a secret shows:\n%s", shown)
			}
			golden := filepath.Join("testdata", name+".shown.yaml")
			if *update {
				if err := os.WriteFile(golden, shown, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(shown)); diff != "" {
				t.Errorf("what Show says has changed (-want +got):\n%s", diff)
			}

			again := mustLoad(t, golden)
			// What is masked is all that may differ.
			if c.Kafka.SASL != nil {
				c.Kafka.SASL.Password = "***"
			}
			if l := c.Lookups["teams"]; l.HTTP != nil {
				l.HTTP.Headers = map[string]string{"Authorization": "***", "X-Version": "***"}
				l.HTTP.URL = again.Lookups["teams"].HTTP.URL
			}
			if c.Store.Redis != nil {
				c.Store.Redis.URL = again.Store.Redis.URL
			}
			if diff := cmp.Diff(c, again, sameConfig); diff != "" {
				t.Errorf("loaded again (-before +after):\n%s", diff)
			}
		})
	}
}

func TestRedisStore(t *testing.T) {
	for _, test := range []struct{ url, address, shown string }{
		{"redis://localhost", "localhost:6379", "redis://localhost"},
		{"redis://localhost:6380/0", "localhost:6380", "redis://localhost:6380/0"},
		{"redis://u:hunter2@[::1]/1", "[::1]:6379", "redis://***@[::1]/1"},
		{"rediss://:hunter2@redis.internal:6380", "redis.internal:6380", "rediss://***@redis.internal:6380"},
		{"rediss://u:a%40b%2Fc@r?client_name=n", "r:6379", "rediss://***@r?client_name=n"},
		{"unix:///run/redis.sock?db=1", "/run/redis.sock", "unix:///run/redis.sock?db=1"},
		{"unix://u:hunter2@/run/redis.sock?db=1", "/run/redis.sock", "unix://***@/run/redis.sock?db=1"},
	} {
		t.Run(test.url, func(t *testing.T) {
			c := mustLoad(t, writeFile(t, "c.yaml", "kafka: {brokers: [kafka-1:9092]}\nstore: {redis: {url: \""+test.url+"\"}}\n"))
			if got := c.Store.Redis.Address(); got != test.address {
				t.Errorf("address %q, want %q", got, test.address)
			}
			shown, err := c.Show()
			if err != nil || !strings.Contains(string(shown), "url: \""+test.shown+"\"\n") {
				t.Errorf("shown without %q:\n%s%v", test.shown, shown, err)
			}
		})
	}
}

// A line that is shown for another fault's sake may hold a URL with a password.
func TestFaultsHidePasswords(t *testing.T) {
	for line, want := range map[string]string{
		`bad: "redis://u:p/w@host/0"`:                    `bad: "redis://*****@host/0"`,
		`bad: "rediss://:${SECRET}x@host", b: https://y`: `bad: "rediss://*${SECRET}*@host", b: https://y`,
		`bad: https://bot:pass@host/@x`:                  `bad: https://********@host/@x`,
		`bad: "https://host/users/@{id}"`:                `bad: "https://host/users/@{id}"`,
		`bad: 日本 amqp://語:密@host`:                        `bad: 日本 amqp://***@host`,
	} {
		_, err := config.Load(testEnv, writeFile(t, "c.yaml", "kafka: {embedded: {}}\nstore: {embedded: {}}\n"+line+"\n"))
		var faults config.Faults
		if !errors.As(err, &faults) || len(faults) != 1 || faults[0].Source != want {
			t.Errorf("%s: %v", line, err)
		}
	}
}
