package suite_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/trieungochai/kafka-notify/app/suite"
	"github.com/trieungochai/kafka-notify/config"
	_ "github.com/trieungochai/kafka-notify/handlers" // as main does
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// head is a configuration without tests.
const head = `
kafka: {embedded: {}}
store: {embedded: {}}
lookups: {users: {file: users.yaml}}
events:
  follow:
    key: "{data.followee_id}"
    schema: {type: object, required: [follower_id, followee_id]}
handler_types:
  told:
    summary: Words and routes a notification.
    handlers:
      - filter: {when: "!has(data.silent)"}
      - compose: {to: "{recipient.id}", text: "{actor.name} started following you."}
      - route: {topic: "notifications.user.{recipient.id}"}
pipelines:
  follow:
    subscribe: events.follow
    handlers:
      - enrich:
          actor: {lookup: users, key: "{data.follower_id}"}
          recipient: {lookup: users, key: "{data.followee_id}"}
      - deduplicate: {key: "{actor.id} follows {recipient.id}", window: 24h}
      - switch:
          cases:
            - when: recipient.id == '1'
              handlers: [told: {}]
          default: [told: {}]
`

// load loads a configuration in a folder of its own, with two people.
func load(t *testing.T, yaml string) *config.Config {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"test.yaml": yaml, "users.yaml": `{"1": {name: Emma}, "2": {name: Bruno}}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	cfg, err := config.Load(os.LookupEnv, "test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// run runs all tests of a configuration.
func run(t *testing.T, yaml string) (suite.Report, *suite.Coverage) {
	t.Helper()
	s, err := suite.New(t.Context(), load(t, yaml), handler.Default())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	report, err := s.Run(t.Context(), func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	return report, s.Coverage()
}

// Each test begins with a store of its own, and tests run one after the other
// see nothing of each other.
func TestTestsAreIndependent(t *testing.T) {
	var yaml strings.Builder
	yaml.WriteString(head + "tests:\n")
	for i := range 100 {
		fmt.Fprintf(&yaml, `  - name: test %d
    events:
      - {type: follow, data: {follower_id: 2, followee_id: 1}, expect: [{text: Bruno started following you.}]}
      - {type: follow, data: {follower_id: 2, followee_id: 1}, expect: [{dropped: duplicate, by: deduplicate}]}
`, i)
	}
	if report, _ := run(t, yaml.String()); report.Passed != 100 || report.Failed != 0 {
		t.Errorf("%d passed, %d failed: %+v", report.Passed, report.Failed, report.Tests)
	}
}

// A pipeline of several sources has them all tested.
func TestSeveralSources(t *testing.T) {
	yaml := strings.NewReplacer(
		"handler_types:", "  unfollow: {key: \"{data.followee_id}\"}\nhandler_types:",
		"subscribe: events.follow", "subscribe: [events.follow, events.unfollow]",
	).Replace(head) + `tests:
  - name: a
    events:
      - {type: follow, data: {follower_id: 2, followee_id: 1}, expect: [{recipient: 1}]}
      - {type: unfollow, data: {follower_id: 2, followee_id: 1}, expect: [{dropped: duplicate}]}
      - {type: unfollow, id: 7, data: {follower_id: 1, followee_id: 2}, expect: [{recipient: 2}]}
`
	if report, _ := run(t, yaml); report.Failed > 0 {
		t.Errorf("%+v", report.Tests)
	}
}

// A handler of a declared type counts where it is defined, whichever use of it
// a test comes through.
func TestCoverage(t *testing.T) {
	const test = `{name: a, events: [{type: follow, data: {follower_id: 2, followee_id: 1}, expect: [{topic: notifications.user.1}]}]}`
	for _, tt := range []struct {
		name  string
		tests string
		want  suite.Coverage
	}{
		{"one way", test, suite.Coverage{Handlers: 6, HandlersReached: 6, Branches: 6, BranchesReached: 3, Missing: []suite.Missing{
			{At: "test.yaml:13", Handler: "filter", Branch: "drops: filtered"},
			{At: "test.yaml:23", Handler: "deduplicate", Branch: "drops: duplicate"},
			{At: "test.yaml:24", Handler: "switch", Branch: "default"},
		}}},
		{
			"before the first handler", `{name: a, events: [{type: follow, record: "", expect: [{poisoned: decode}]}]}`,
			suite.Coverage{Handlers: 6, Branches: 6, Missing: []suite.Missing{
				{At: "test.yaml:13", Handler: "filter"},
				{At: "test.yaml:14", Handler: "compose"},
				{At: "test.yaml:15", Handler: "route"},
				{At: "test.yaml:20", Handler: "enrich"},
				{At: "test.yaml:23", Handler: "deduplicate"},
				{At: "test.yaml:24", Handler: "switch"},
			}},
		},
		{"all", test + `
  - name: b
    events:
      - {type: follow, data: {follower_id: 1, followee_id: 2, silent: true}, expect: [{dropped: filtered}]}
      - {type: follow, data: {follower_id: 2, followee_id: 1}, expect: [{topic: notifications.user.1}]}
      - {type: follow, data: {follower_id: 2, followee_id: 1}, expect: [{dropped: duplicate}]}
`, suite.Coverage{Handlers: 6, HandlersReached: 6, Branches: 6, BranchesReached: 6, Missing: []suite.Missing{}}},
	} {
		report, got := run(t, head+"tests:\n  - "+tt.tests)
		if report.Failed > 0 {
			t.Errorf("%s: %+v", tt.name, report.Tests)
		}
		if diff := cmp.Diff(tt.want, *got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// The configuration, which knows nothing of handlers, takes the classes of their
// failures, and no others.
func TestPoisonClasses(t *testing.T) {
	for class, want := range map[handler.Class]bool{
		handler.ClassDecode: true, handler.ClassSchema: true, handler.ClassLookupMissing: true, handler.ClassLookupUnavailable: true,
		handler.ClassExpression: true, handler.ClassPublish: true, handler.ClassTimeout: true, handler.ClassPanic: true, handler.ClassOther: true,
		"unheard_of": false,
	} {
		path := filepath.Join(t.TempDir(), "test.yaml")
		text := head + "tests: [{name: a, events: [{type: follow, data: {}, expect: [{poisoned: " + string(class) + "}]}]}]\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Load(os.LookupEnv, path); (err == nil) != want {
			t.Errorf("%s: %v", class, err)
		}
	}
}

func TestFaults(t *testing.T) {
	cfg := load(t, strings.Replace(head, "{actor.name}", "{actr.name}", 1))
	if s, err := suite.New(t.Context(), cfg, handler.Default()); err == nil || !strings.Contains(err.Error(), `unknown name "actr"`) {
		t.Errorf("New = %v, %v", s, err)
	}
}

// The shipped configurations and the examples pass their own tests.
func TestShippedConfigurations(t *testing.T) {
	files, err := filepath.Glob("../../config/examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range append(files, "../../config/kafka-notify.yaml", "../../config/docker.yaml") {
		cfg, err := config.Load(os.LookupEnv, file)
		if err != nil {
			t.Error(err)
			continue
		}
		s, err := suite.New(t.Context(), cfg, handler.Default())
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		report, err := s.Run(t.Context(), func(string) bool { return true })
		s.Close()
		if err != nil || report.Failed > 0 {
			t.Errorf("%s: %v, %+v", file, err, report.Tests)
		}
		for _, m := range s.Coverage().Missing {
			if m.Branch == "" {
				t.Errorf("%s: no test reaches %s %s", file, m.Handler, m.At)
			}
		}
	}
}
