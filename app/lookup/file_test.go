package lookup_test

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/lookup"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func TestFile(t *testing.T) {
	tests := []struct {
		name, file, content, key string
		want                     map[string]any // nil: not found
	}{
		{"a quoted key", "users.yaml", `"1": {name: Emma}`, "1", map[string]any{"id": "1", "name": "Emma"}},
		{"an integer key counts as its digits", "users.yaml", `1: {name: Emma}`, "1", map[string]any{"id": "1", "name": "Emma"}},
		{"a record's own id", "users.yaml", `emma: {id: 7}`, "emma", map[string]any{"id": int64(7)}},
		{"an id of null is none", "users.yaml", `emma: {id: null}`, "emma", map[string]any{"id": "emma"}},
		{
			"JSON", "users.json", `{"1": {"name": "Emma", "tags": ["a", {"b": true}]}}`, "1",
			map[string]any{"id": "1", "name": "Emma", "tags": []any{"a", map[string]any{"b": true}}},
		},
		{
			"integers stay exact", "users.yaml", `"1": {account: 9007199254740993, n: 1000000}`, "1",
			map[string]any{"id": "1", "account": int64(9007199254740993), "n": int64(1000000)},
		},
		{"an empty record", "users.yaml", `"1": {}`, "1", map[string]any{"id": "1"}},
		{"an unknown key", "users.yaml", `"1": {name: Emma}`, "2", nil},
		{"no records at all", "users.yaml", `{}`, "1", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			files := folder(t.TempDir())
			files.write(t, test.file, test.content)
			set, _ := started(t, "users: {file: "+test.file+"}", files)
			record, found, err := get(t, set, "users").Get(t.Context(), test.key)
			if err != nil || found != (test.want != nil) {
				t.Errorf("found %v, error %v", found, err)
			}
			if diff := cmp.Diff(test.want, record); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFileFaults(t *testing.T) {
	tests := []struct {
		name, content string
		want          []string // place and words of each fault
	}{
		{"a record that is no mapping", "\"1\": {name: Emma}\n\"2\": Bruno\n3: [Rick]\n", []string{
			`etc/users.yaml:2:6: the record of key "2" must be a mapping, not a string`,
			`etc/users.yaml:3:4: the record of key "3" must be a mapping, not a list`,
		}},
		{"a list", "- {name: Emma}\n", []string{"etc/users.yaml:1:1: a lookup file is one mapping"}},
		{"an empty file", "", []string{"etc/users.yaml:1:1: a lookup file is one mapping"}},
		{"a key twice", "1: {name: Emma}\n\"1\": {name: Bruno}\n", []string{"etc/users.yaml:2:1: "}},
		{"a second document", "1: {name: Emma}\n---\n2: {name: Bruno}\n", []string{"etc/users.yaml:2"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			files := folder(t.TempDir())
			files.write(t, "users.yaml", test.content)
			err := newSet(t, "users: {file: users.yaml}", files, quiet()).Start(t.Context())
			var faults config.Faults
			if !errors.As(err, &faults) {
				t.Fatalf("Start = %v, want faults", err)
			}
			if len(faults) != len(test.want) {
				t.Fatalf("%d faults, want %d:\n%v", len(faults), len(test.want), faults)
			}
			for i, want := range test.want {
				if !strings.HasPrefix(faults[i].String(), want) {
					t.Errorf("fault:\n%v\nwant it to begin with\n%s", faults[i], want)
				}
			}
		})
	}
}

func TestStartReportsEveryFile(t *testing.T) {
	files := folder(t.TempDir())
	files.write(t, "users.yaml", "1: Emma")
	set := newSet(t, "users: {file: users.yaml}\ncities:\n  {file: cities.yaml}\n", files, quiet())
	err := set.Start(t.Context())
	var faults config.Faults
	if !errors.As(err, &faults) || len(faults) != 2 {
		t.Fatalf("Start = %v, want two faults", err)
	}
	missing := faults[0]
	if missing.Pos.String() != "etc/kafka-notify.yaml:3:3" || !strings.Contains(missing.Message, "no such file") {
		t.Errorf("the missing file's fault is %v", missing)
	}
}

func TestNamesAndGet(t *testing.T) {
	set := newSet(t, `
users: {file: users.yaml}
cities: {file: cities.yaml}
accounts: {http: {url: "http://localhost/{key}"}}
`, folder(""), quiet())
	if diff := cmp.Diff([]string{"accounts", "cities", "users"}, set.Names()); diff != "" {
		t.Error(diff)
	}
	if _, ok := set.Get("nobody"); ok {
		t.Error("a lookup nobody named was found")
	}
	for _, name := range set.Names() {
		if _, _, err := get(t, set, name).Get(t.Context(), "1"); err == nil {
			t.Errorf("lookup %q answers before Start", name)
		}
	}
	instant, ok := get(t, set, "users").(handler.Instant)
	if !ok || !instant.Instant() {
		t.Error("a file lookup doesn't say that it answers from memory")
	}
	if _, ok := get(t, set, "accounts").(handler.Instant); ok {
		t.Error("an HTTP lookup says that it answers from memory")
	}
}

// name returns what a lookup knows of key 1.
func name(t testing.TB, set *lookup.Set) any {
	t.Helper()
	record, _, err := get(t, set, "users").Get(t.Context(), "1")
	if err != nil {
		t.Fatal(err)
	}
	return record["name"]
}

// settle lets enough looks at the files pass for a change to be taken up.
func settle() { time.Sleep(3 * time.Second) }

// TestReload runs in a bubble, where the clock jumps. That it ends at all
// shows that Stop leaves nothing running.
func TestReload(t *testing.T) {
	files := folder(t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		files.write(t, "users.yaml", "1: {name: Emma}")
		set, logged := started(t, "users: {file: users.yaml}", files)

		files.write(t, "users.yaml", "1: {name: Emma Stone}")
		settle()
		if got := name(t, set); got != "Emma Stone" {
			t.Errorf("after a change: %v", got)
		}

		files.write(t, "users.yaml", "1: {name: Nobody}\n2: oops")
		for range 5 {
			settle()
		}
		if got := name(t, set); got != "Emma Stone" {
			t.Errorf("after a faulty change: %v", got)
		}
		if n := strings.Count(logged.String(), "level=ERROR"); n != 1 {
			t.Errorf("a faulty file was logged %d times:\n%s", n, logged)
		}
		if !strings.Contains(logged.String(), "users.yaml:2:4") {
			t.Errorf("the log doesn't say where the fault is:\n%s", logged)
		}
		var faults config.Faults
		if h := set.Health()[0]; !errors.As(h.Err, &faults) || h.Name != "users" || h.Records != 1 {
			t.Errorf("health of a faulty file: %+v", h)
		}

		files.write(t, "users.yaml", "1: {name: Emma}\n2: {name: Bruno}")
		settle()
		if got := name(t, set); got != "Emma" {
			t.Errorf("after the repair: %v", got)
		}
		if h := set.Health()[0]; h.Err != nil || h.Records != 2 || h.LoadedAt.IsZero() {
			t.Errorf("health after the repair: %+v", h)
		}
		set.Stop()
	})
}

func TestReloadOfAFileThatIsGone(t *testing.T) {
	files := folder(t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		const content = "1: {name: Emma}"
		files.write(t, "users.yaml", content)
		path := filepath.Join(string(files), "users.yaml")
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		set, logged := started(t, "users: {file: users.yaml}", files)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		settle()
		if got := name(t, set); got != "Emma" {
			t.Errorf("without the file: %v", got)
		}
		if set.Health()[0].Err == nil || strings.Count(logged.String(), "level=ERROR") != 1 {
			t.Errorf("health %+v, logged:\n%s", set.Health()[0], logged)
		}
		// The very same file again heals the lookup too.
		files.write(t, "users.yaml", content)
		if err := os.Chtimes(path, before.ModTime(), before.ModTime()); err != nil {
			t.Fatal(err)
		}
		settle()
		if err := set.Health()[0].Err; err != nil {
			t.Errorf("with the file back: %v", err)
		}
		set.Stop()
	})
}

// TestReloadOfAConfigMap swaps a symbolic link the way the kubelet does.
func TestReloadOfAConfigMap(t *testing.T) {
	files := folder(t.TempDir())
	at := func(path string) string { return filepath.Join(string(files), path) }
	link := func(target, path string) {
		if err := os.Symlink(target, at(path)); err != nil {
			t.Fatal(err)
		}
	}
	version := func(folder, content string) {
		if err := os.Mkdir(at(folder), 0o700); err != nil {
			t.Fatal(err)
		}
		files.write(t, folder+"/users.yaml", content)
	}
	synctest.Test(t, func(t *testing.T) {
		version("v1", "1: {name: Emma}")
		link("v1", "..data")
		link("..data/users.yaml", "users.yaml")
		set, _ := started(t, "users: {file: users.yaml}", files)
		version("v2", "1: {name: Rick}")
		link("v2", "..data_tmp")
		if err := os.Rename(at("..data_tmp"), at("..data")); err != nil {
			t.Fatal(err)
		}
		settle()
		if got := name(t, set); got != "Rick" {
			t.Errorf("after the swap: %v", got)
		}
		set.Stop()
	})
}

// embedded is files that are part of the binary: they have no time and no
// identity.
type embedded struct{ fstest.MapFS }

func (e embedded) ReadFile(path string) ([]byte, error)  { return fs.ReadFile(e.MapFS, path) }
func (e embedded) Stat(path string) (fs.FileInfo, error) { return fs.Stat(e.MapFS, path) }

func TestAnEmbeddedFileIsReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := embedded{fstest.MapFS{"etc/users.yaml": {Data: []byte("1: {name: Emma}")}}}
		set, logged := started(t, "users: {file: users.yaml}", files)
		settle()
		set.Stop()
		if logged.Len() > 0 {
			t.Errorf("a file that can't change was taken up again:\n%s", logged)
		}
	})
}

// TestReloadWaitsForTheWriter appends to a file for some seconds: every state
// of it is valid, but only the last is complete.
func TestReloadWaitsForTheWriter(t *testing.T) {
	files := folder(t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		content := "2: {name: Bruno}\n1: {name: Emma}\n"
		files.write(t, "users.yaml", content)
		set, _ := started(t, "users: {file: users.yaml}", files)
		content = "2: {name: Bruno}\n"
		for range 8 {
			files.write(t, "users.yaml", content)
			time.Sleep(700 * time.Millisecond)
			if got := name(t, set); got != "Emma" {
				t.Fatalf("amid the writing: %v", got)
			}
			content += "# …\n"
		}
		files.write(t, "users.yaml", content+"1: {name: Emma Stone}\n")
		settle()
		if got := name(t, set); got != "Emma Stone" {
			t.Errorf("at the end: %v", got)
		}
		set.Stop()
	})
}

func TestStopWithoutStart(t *testing.T) {
	set, faults := lookup.New(parse(t, "users: {file: users.yaml}"), folder(""), slog.New(slog.DiscardHandler))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	set.Stop()
	set.Stop()
}

func BenchmarkFile(b *testing.B) {
	files := folder(b.TempDir())
	files.write(b, "users.yaml", "1: {name: Emma}")
	set, _ := started(b, "users: {file: users.yaml}", files)
	users := get(b, set, "users")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, found, err := users.Get(b.Context(), "1"); err != nil || !found {
				b.Error(found, err)
			}
		}
	})
}

// Variables are for the configuration: the environment holds secrets, and what
// a lookup says ends up in notifications.
func TestFileKeepsTheEnvironmentOut(t *testing.T) {
	files := folder(t.TempDir())
	files.write(t, "users.yaml", "1: {name: \"${HOME}\"}\n")
	set := newSet(t, "users: {file: users.yaml}", files, quiet())
	if err := set.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer set.Stop()
	users, _ := set.Get("users")
	record, found, err := users.Get(t.Context(), "1")
	if err != nil || !found || record["name"] != "${HOME}" {
		t.Errorf("record %v, %v, %v", record, found, err)
	}
}
