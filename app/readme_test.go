//go:build !kafka

package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app"
	"github.com/trieungochai/kafka-notify/app/suite"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// fenced returns the fenced blocks of a page behind comments of that name.
func fenced(t *testing.T, page, name string) []string {
	t.Helper()
	text, err := os.ReadFile("../" + page)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, rest := range strings.Split(string(text), "<!-- "+name+" -->\n```")[1:] {
		_, rest, _ = strings.Cut(rest, "\n")
		block, _, closed := strings.Cut(rest, "```")
		if !closed {
			t.Fatalf("%s: the block %q has no end", page, name)
		}
		blocks = append(blocks, block)
	}
	if len(blocks) == 0 {
		t.Fatalf("%s has no block %q", page, name)
	}
	return blocks
}

// readmeBlock is the one block of the README of that name.
func readmeBlock(t *testing.T, name string) string {
	t.Helper()
	return fenced(t, "README.md", name)[0]
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

// withLike is the shipped configuration with the README's first notification in
// a file beside it, and what else a page says.
func withLike(t *testing.T, more ...string) (*site, *config.Config) {
	t.Helper()
	s := shippedSite(t)
	s.config()
	files := []string{filepath.Join(s.dir, "kafka-notify.yaml")}
	for i, text := range append([]string{readmeBlock(t, "like.yaml")}, more...) {
		name := fmt.Sprintf("more-%d.yaml", i)
		s.write(name, text)
		files = append(files, filepath.Join(s.dir, name))
	}
	cfg, err := config.Load(os.LookupEnv, files...)
	if err != nil {
		t.Fatal(err)
	}
	faults, err := app.Check(t.Context(), cfg, handler.Default())
	if err != nil || len(faults) > 0 {
		t.Errorf("check: %v\n%s", err, faults)
	}
	return s, cfg
}

// The tests that the README and the page on the configuration show pass, beside
// those of the shipped pipelines, and all of them together reach everything.
func TestTheTestsOfTheDocsPass(t *testing.T) {
	_, cfg := withLike(t, fenced(t, "docs/configuration.md", "tests")[0])
	tests, err := suite.New(t.Context(), cfg, handler.Default())
	if err != nil {
		t.Fatal(err)
	}
	defer tests.Close()
	report, err := tests.Run(t.Context(), func(string) bool { return true })
	if err != nil || report.Failed > 0 || report.Passed != 5 {
		t.Errorf("%v, %+v", err, report.Tests)
	}
	if missing := tests.Coverage().Missing; len(missing) > 0 {
		t.Errorf("not reached: %+v", missing)
	}
}

// What the README shows of the examples stands in them, word for word.
func TestTheReadmesCookbookIsThatOfTheExamples(t *testing.T) {
	for name := range examples {
		if name == "like" { // the README has one of its own
			continue
		}
		file := "config/examples/" + name + ".yaml"
		text, err := os.ReadFile("../" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range fenced(t, "README.md", file) {
			if !strings.Contains(string(text), block) {
				t.Errorf("%s has not:\n%s", file, block)
			}
		}
	}
}

// The page on the configuration shows the default one as it is.
func TestTheGraphOfTheDocsIsThatOfTheDefaultConfiguration(t *testing.T) {
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
	if diff := cmp.Diff(want.String(), fenced(t, "docs/configuration.md", "config graph")[0]); diff != "" {
		t.Errorf("docs/configuration.md, and what config graph prints (-want +got):\n%s", diff)
	}
}

// The README's first notification is one file beside the shipped one.
func TestTheReadmesFirstNotificationIsOneFile(t *testing.T) {
	s, cfg := withLike(t)
	run := s.serve(cfg)
	body := `{"type":"like","data":{"user_id":"2","author_id":"1","post_id":"77"}}`
	resp, err := http.Post(run.url+"/v1/events", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if answer := text(t, resp); resp.StatusCode != http.StatusAccepted {
		t.Fatalf("%d %s", resp.StatusCode, answer)
	}
	eventually(t, "Bruno's like", func() bool { return slices.Equal(run.texts("1"), []string{"Bruno liked your post."}) })
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
