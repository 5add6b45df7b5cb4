package lint_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app"
	"github.com/trieungochai/kafka-notify/config"
	_ "github.com/trieungochai/kafka-notify/handlers"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

var update = flag.Bool("update", false, "write what is found into the .want files")

// head begins every case.
const head = `kafka: {embedded: {}}
store: {embedded: {}}
`

// TestCheck checks every file of testdata, put behind head, and compares what is found with the
// .want file beside it.
func TestCheck(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases found: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			whole := filepath.Join(t.TempDir(), name+".yaml")
			if err := os.WriteFile(whole, append([]byte(head), text...), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg, err := config.Load(func(string) (string, bool) { return "", false }, whole)
			if err != nil {
				t.Fatal(err)
			}
			faults, err := app.Check(t.Context(), cfg, handler.Default())
			if err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(faults.Error(), filepath.Dir(whole)+"/", "") + "\n"
			golden := strings.TrimSuffix(file, ".yaml") + ".want"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("what is found has changed (-want +got):\n%s", diff)
			}
		})
	}
}
