package graph_test

import (
	"bytes"
	"flag"
	"html"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/trieungochai/kafka-notify/app"
	"github.com/trieungochai/kafka-notify/app/graph"
	"github.com/trieungochai/kafka-notify/config"
	_ "github.com/trieungochai/kafka-notify/handlers"
	"github.com/trieungochai/kafka-notify/handlers/handler"
	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

var update = flag.Bool("update", false, "write what is compared with")

// secret is the value of a variable: no drawing shows it.
const secret = "s3cr3t"

func load(t *testing.T, files ...string) *config.Config {
	t.Helper()
	lookup := func(name string) (string, bool) { return secret, name == "TOKEN" || name == "LANG_CODE" }
	cfg, err := config.Load(lookup, files...)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func draw(t *testing.T, cfg *config.Config, only string) (mermaid, dot string) {
	t.Helper()
	g, err := app.Graph(cfg, handler.Default(), only)
	if err != nil {
		t.Fatal(err)
	}
	var m, d bytes.Buffer
	if err := g.Mermaid(&m); err != nil {
		t.Fatal(err)
	}
	if err := g.DOT(&d); err != nil {
		t.Fatal(err)
	}
	return m.String(), d.String()
}

func TestGraph(t *testing.T) {
	for _, tt := range []struct{ name, file, only string }{
		{"default", "../../config/kafka-notify.yaml", ""},
		{"rich", "testdata/rich.yaml", ""},
		{"like", "testdata/rich.yaml", "like"},
	} {
		mermaid, dot := draw(t, load(t, tt.file), tt.only)
		for name, got := range map[string]string{tt.name + ".mmd": mermaid, tt.name + ".dot": dot} {
			handlertest.Golden(t, "testdata/"+name, got, *update)
			if strings.Contains(got, secret) || strings.Contains(got, "http:") {
				t.Errorf("%s shows what is secret:\n%s", name, got)
			}
		}
		for range 5 {
			if again, _ := draw(t, load(t, tt.file), tt.only); again != mermaid {
				t.Fatalf("%s is drawn in another way (-first +again):\n%s", tt.name, cmp.Diff(mermaid, again))
			}
		}
	}
}

var entity = regexp.MustCompile(`#(\d+);`)

// What is written for a label is read as the same text, and ends nothing.
func TestText(t *testing.T) {
	special := rapid.StringOf(rapid.RuneFrom([]rune("ab1 \"#%&<>`*_~:@\\|[](){}-+.;=/'é日😀\n\twWhtps")))
	rapid.Check(t, func(t *rapid.T) {
		text := special.Draw(t, "text")
		written := graph.MermaidText(text)
		if bad := strings.IndexAny(entity.ReplaceAllString(written, ""), "\"#%&<>`*_~:@\\|[]\n\t"); bad >= 0 {
			t.Fatalf("%q is written %q", text, written)
		}
		read := entity.ReplaceAllStringFunc(written, func(e string) string {
			code, _ := strconv.Atoi(e[1 : len(e)-1])
			return string(rune(code))
		})
		if read != text {
			t.Fatalf("%q is written %q, read %q", text, written, read)
		}
		written = graph.DOTText(text)
		inside, err := strconv.Unquote(`"` + written + `"`)
		if want := strings.NewReplacer("\n", " ").Replace(text); err != nil || html.UnescapeString(inside) != want {
			t.Fatalf("%q is written %q, read %q, %v", text, written, inside, err)
		}
	})
}

func TestTextThatMermaidMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"- a":            "#45; a",
		"1. a":           "#49;. a",
		"www.a":          "www#46;a",
		"WWW.a":          "WWW#46;a",
		"https://a":      "https#58;//a",
		"é":              "é",
		"%%{init}%%":     "#37;#37;{init}#37;#37;",
		"a {b} (c) d; e": "a {b} (c) d; e",
	} {
		if got := graph.MermaidText(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestFaults(t *testing.T) {
	cfg := load(t)
	if _, err := app.Graph(cfg, handler.Default(), "folow"); err == nil || !strings.Contains(err.Error(), `there is no pipeline "folow" (did you mean "follow"?)`) {
		t.Errorf("%v", err)
	}
	if _, err := app.Graph(cfg, handler.NewRegistry(), ""); err == nil || !strings.Contains(err.Error(), `unknown handler type "enrich"`) {
		t.Errorf("%v", err)
	}
}
