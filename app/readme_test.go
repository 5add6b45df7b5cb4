//go:build !kafka

package app_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app"
	"github.com/trieungochai/kafka-notify/app/suite"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// readmeBlock is the fenced block of the README behind a comment of that name.
func readmeBlock(t *testing.T, name string) string {
	t.Helper()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), "<!-- "+name+" -->\n```")
	_, rest, _ = strings.Cut(rest, "\n")
	block, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatalf("README.md has no block %q", name)
	}
	return block
}

// shippedSite has the shipped configuration, on ports and folders of its own.
func shippedSite(t *testing.T) *site {
	s := newSite(t)
	for _, file := range []string{"kafka-notify.yaml", "users.yaml"} {
		text, err := os.ReadFile("../config/" + file)
		if err != nil {
			t.Fatal(err)
		}
		s.write(file, string(text))
		if file == "kafka-notify.yaml" {
			s.yaml = string(text)
		}
	}
	s.yaml = strings.NewReplacer(
		"127.0.0.1:8080", "127.0.0.1:0", "127.0.0.1:9092", "127.0.0.1:0", "data/", "DIR/data/",
	).Replace(s.yaml)
	return s
}

// The shipped message pipeline delivers whatever is accepted, to the last byte.
func TestTheLargestMessageIsDelivered(t *testing.T) {
	run := shippedSite(t).start()
	frame := `{"type":"message","data":{"from_id":"1","to_id":"2","message":""}}`
	body := strings.Replace(frame, `""`, `"`+strings.Repeat("m", 1<<20-len(frame))+`"`, 1)
	resp, err := http.Post(run.url+"/v1/events", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if answer := text(t, resp); resp.StatusCode != http.StatusAccepted {
		t.Fatalf("%d %s", resp.StatusCode, answer)
	}
	eventually(t, "the message", func() bool {
		var page struct{ Notifications []struct{ Text string } }
		run.get("/v1/users/2/notifications", &page)
		return len(page.Notifications) == 1 && len(page.Notifications[0].Text) == 1<<20-len(frame)
	})
}

// withLike is a configuration with the README's new kind of notification, and
// its test.
func withLike(t *testing.T, yaml string) string {
	return strings.NewReplacer(
		"\nevents:\n", "\nevents:\n"+readmeBlock(t, "like: events"),
		"\npipelines:\n", "\npipelines:\n"+readmeBlock(t, "like: pipelines"),
		"\ntests:\n", "\ntests:\n"+readmeBlock(t, "like: tests"),
	).Replace(yaml)
}

// The README's test passes, beside those of the shipped pipelines, and all of
// them together reach everything.
func TestTheReadmesTestPasses(t *testing.T) {
	s := shippedSite(t)
	s.write("like.yaml", withLike(t, s.yaml))
	cfg, err := config.Load(os.LookupEnv, filepath.Join(s.dir, "like.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	tests, err := suite.New(t.Context(), cfg, handler.Default())
	if err != nil {
		t.Fatal(err)
	}
	defer tests.Close()
	report, err := tests.Run(t.Context(), func(string) bool { return true })
	if err != nil || report.Failed > 0 || report.Passed < 4 {
		t.Errorf("%v, %+v", err, report.Tests)
	}
	if missing := tests.Coverage().Missing; len(missing) > 0 {
		t.Errorf("not reached: %+v", missing)
	}
}

// The README shows the default configuration as it is.
func TestTheReadmesGraphIsThatOfTheDefaultConfiguration(t *testing.T) {
	cfg, err := config.Load(os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	g, err := app.Graph(cfg, handler.Default(), "")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	if err := g.Mermaid(&want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), readmeBlock(t, "config graph")); diff != "" {
		t.Errorf("README.md, and what config graph prints (-want +got):\n%s", diff)
	}
}

// The README's new kind of notification works when it is pasted.
func TestTheReadmesLikeWorksWhenPasted(t *testing.T) {
	s := shippedSite(t)
	s.yaml = withLike(t, s.yaml)
	run := s.start()
	body := `{"type":"like","data":{"user_id":"2","author_id":"1","post_id":"77"}}`
	resp, err := http.Post(run.url+"/v1/events", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if answer := text(t, resp); resp.StatusCode != http.StatusAccepted {
		t.Fatalf("%d %s", resp.StatusCode, answer)
	}
	eventually(t, "Bruno's like", func() bool {
		var page struct{ Notifications []struct{ Text string } }
		run.get("/v1/users/1/notifications", &page)
		return len(page.Notifications) == 1 && page.Notifications[0].Text == "Bruno liked your post."
	})
}

// The README's handler type compiles, and is known to the command line and the
// configuration with no other file edited.
func TestTheReadmesHandlerTypeIsOneFile(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "shorten.go")
	if err := os.WriteFile(source, []byte(readmeBlock(t, "handlers/shorten.go")), 0o600); err != nil {
		t.Fatal(err)
	}
	place, err := filepath.Abs("../handlers/shorten.go")
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {place: source}})
	if err != nil {
		t.Fatal(err)
	}
	overlayFile := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlayFile, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	conformance := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlayFile, "../handlers")
	if out, err := conformance.CombinedOutput(); err != nil {
		t.Errorf("the conformance test with shorten in place: %v\n%s", err, out)
	}
	show := exec.CommandContext(t.Context(), "go", "run", "-overlay", overlayFile, "./kafka-notify", "handlers", "show", "shorten")
	out, err := show.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "the most characters a text may have") {
		t.Errorf("handlers show shorten: %v\n%s", err, out)
	}
}
