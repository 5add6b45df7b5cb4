package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trieungochai/kafka-notify/app"
	"github.com/trieungochai/kafka-notify/config"
	_ "github.com/trieungochai/kafka-notify/handlers"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// site is a folder with a configuration that services are started over. RUN in
// the configuration stands for a word of this test run alone: a given cluster
// keeps the topics of earlier runs.
type site struct {
	t    *testing.T
	dir  string
	run  string
	yaml string
}

const testConfig = `
http: {listen: 127.0.0.1:0}
kafka: KAFKA
store: {embedded: {data_dir: DIR/store}}
lookups:
  users: {file: users.yaml}
events:
  follow-RUN:
    key: "{data.followee_id}"
    partitions: 4
    schema: {type: object, required: [follower_id, followee_id]}
pipelines:
  follow-RUN:
    subscribe: events.follow-RUN
    start: oldest
    handlers:
      - enrich:
          actor:     {lookup: users, key: "{data.follower_id}"}
          recipient: {lookup: users, key: "{data.followee_id}"}
      - deduplicate: {key: "{actor.id} follows {recipient.id}", window: 24h}
      - compose: {to: "RUN-{recipient.id}", text: "{actor.name} started following you."}
      - route: {topic: "notifications.user.RUN-{recipient.id}"}
retry:
  attempts: 2
  backoff: {initial: 5ms, max: 20ms}
  later: [200ms]
  timeout: 2s
poison: {topic: notifications.poison.RUN}
delivery: DELIVERY
`

const testUsers = `{1: {name: Emma}, 2: {name: Bruno}, 3: {name: Rick}, 4: {name: Lena}}`

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), run: fmt.Sprintf("r%d", time.Now().UnixNano()%1e12)}
	s.yaml = testConfig
	s.write("users.yaml", testUsers)
	return s
}

// delivery is the default one, but for the tests that TestAtLeastOnce repeats.
func (s *site) delivery() string {
	if strings.HasPrefix(s.t.Name(), "TestAtLeastOnce/") {
		return config.AtLeastOnce
	}
	return config.ExactlyOnce
}

func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// config writes the configuration file and loads it.
func (s *site) config() *config.Config {
	s.t.Helper()
	text := strings.ReplaceAll(s.yaml, "KAFKA", kafkaAt(s.t, "127.0.0.1:0"))
	text = strings.NewReplacer("DIR", s.dir, "RUN", s.run, "DELIVERY", s.delivery()).Replace(text)
	s.write("kafka-notify.yaml", text)
	cfg, err := config.Load(os.LookupEnv, filepath.Join(s.dir, "kafka-notify.yaml"))
	if err != nil {
		s.t.Fatal(err)
	}
	return cfg
}

// instance is a running app.
type instance struct {
	*site
	app *app.App
	url string
}

func (s *site) start() *instance {
	s.t.Helper()
	return s.serve(s.config())
}

// serve runs an app with that configuration.
func (s *site) serve(cfg *config.Config) *instance {
	s.t.Helper()
	a, err := app.New(app.Options{Config: cfg, Registry: handler.Default(), Logger: quiet()})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := a.Start(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	run := &instance{site: s, app: a, url: "http://" + a.Addr()}
	s.t.Cleanup(run.stop)
	return run
}

// quiet is the log of tests: none, unless KAFKA_NOTIFY_TEST_LOG is set.
func quiet() *slog.Logger {
	level := slog.LevelError + 4
	if os.Getenv("KAFKA_NOTIFY_TEST_LOG") != "" {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

func (s *instance) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := s.app.Stop(ctx); err != nil {
		s.t.Errorf("stop: %v", err)
	}
}

// post submits one event of the run's follow type and returns the status and body.
func (s *instance) post(id, follower, followee string) (int, string) {
	s.t.Helper()
	body := fmt.Sprintf(`{"type":"follow-%s","id":%q,"data":{"follower_id":%q,"followee_id":%q}}`, s.run, id, follower, followee)
	resp, err := http.Post(s.url+"/v1/events", "application/json", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, text(s.t, resp)
}

func text(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func (s *instance) get(path string, into any) {
	s.t.Helper()
	resp, err := http.Get(s.url + path)
	if err != nil {
		s.t.Fatal(err)
	}
	body := text(s.t, resp)
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("GET %s: %d %s", path, resp.StatusCode, body)
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(body)))
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		s.t.Fatalf("GET %s: %v in %s", path, err, body)
	}
}

// inbox is the texts of a person's notifications, newest first.
func (s *instance) inbox(person string) (texts []string) {
	s.t.Helper()
	var page struct {
		Notifications []struct{ Text string }
	}
	s.get("/v1/users/"+s.run+"-"+person+"/notifications?limit=100", &page)
	for _, n := range page.Notifications {
		texts = append(texts, n.Text)
	}
	return texts
}

// redrive sends a poison entry back.
func (s *instance) redrive(id string) {
	s.t.Helper()
	resp, err := http.Post(s.url+"/v1/poison/"+id+"/redrive", "", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if body := text(s.t, resp); resp.StatusCode != http.StatusAccepted {
		s.t.Fatalf("%d %s", resp.StatusCode, body)
	}
}

type poisoned struct {
	ID, Pipeline, Class, Step, Reason string
	Attempts, Redrives                int
}

func (s *instance) poison() []poisoned {
	s.t.Helper()
	var page struct{ Entries []poisoned }
	s.get("/v1/poison?limit=100", &page)
	return page.Entries
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
