package lookup_test

import (
	"bytes"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/app/lookup"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// folder is etc, where the configuration lies. It opens files as a loaded
// configuration does.
type folder string

func (f folder) path(name string) string {
	return filepath.Join(string(f), strings.TrimPrefix(filepath.ToSlash(name), "etc/"))
}

func (f folder) ReadFile(name string) ([]byte, error)  { return os.ReadFile(f.path(name)) }
func (f folder) Stat(name string) (fs.FileInfo, error) { return os.Stat(f.path(name)) }

func (f folder) write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(string(f), path), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// parse reads what stands under "lookups:" in a configuration.
func parse(t testing.TB, text string) map[string]config.Lookup {
	t.Helper()
	root, faults := config.Parse("etc/kafka-notify.yaml", []byte(text), os.LookupEnv)
	lookups := map[string]config.Lookup{}
	faults = append(faults, root.Decode(&lookups)...)
	if err := faults.Err(); err != nil {
		t.Fatal(err)
	}
	return lookups
}

// newSet makes the lookups of a configuration, stopped when the test ends.
func newSet(t testing.TB, text string, files lookup.Files, log *slog.Logger) *lookup.Set {
	t.Helper()
	set, faults := lookup.New(parse(t, text), files, log)
	if err := faults.Err(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(set.Stop)
	return set
}

// started is newSet with Start; what the lookups log goes to the buffer.
func started(t testing.TB, text string, files lookup.Files) (*lookup.Set, *bytes.Buffer) {
	t.Helper()
	var logged bytes.Buffer
	set := newSet(t, text, files, slog.New(slog.NewTextHandler(&logged, nil)))
	if err := set.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return set, &logged
}

func get(t testing.TB, set *lookup.Set, name string) handler.Lookup {
	t.Helper()
	l, ok := set.Get(name)
	if !ok {
		t.Fatalf("no lookup %q", name)
	}
	return l
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
