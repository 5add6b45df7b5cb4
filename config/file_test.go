package config_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/config"
)

// inFiles writes files and goes to the folder where they lie.
func inFiles(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// declare is a file with one event type.
func declare(name string) string { return "events:\n  " + name + ": {key: x}\n" }

// Which files are read, and what they are called.
func TestLoadFiles(t *testing.T) {
	inFiles(t, map[string]string{
		"base.yaml":            declare("base"),
		"kinds/b.yaml":         declare("b"),
		"kinds/a.yml":          declare("a"),
		"kinds/.hidden.yaml":   "no: configuration",
		"kinds/data/c.yaml":    "no: configuration",
		"kinds/folder.yaml/d":  "no: configuration",
		"kinds/users.json":     "no: configuration",
		"kinds/README":         "no: configuration",
		"mounted/..data/e.yml": declare("e"),
	})
	// As Kubernetes mounts a ConfigMap.
	if err := os.Symlink(filepath.Join("..data", "e.yml"), "mounted/e.yml"); err != nil {
		t.Fatal(err)
	}
	absolute, err := filepath.Abs("base.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		paths []string
		want  string // the files
	}{
		{[]string{"base.yaml"}, "base.yaml"},
		{[]string{"./base.yaml"}, "./base.yaml"},
		{[]string{"kinds"}, "kinds/a.yml kinds/b.yaml"},
		{[]string{"./kinds/", "base.yaml"}, "kinds/a.yml kinds/b.yaml base.yaml"},
		{[]string{"base.yaml", "kinds/b.yaml", "kinds"}, "base.yaml kinds/b.yaml kinds/a.yml"},
		{[]string{"base.yaml", "base.yaml", "./base.yaml", absolute}, "base.yaml"},
		{[]string{"mounted", "mounted/..data/e.yml"}, "mounted/e.yml"},
	} {
		c, err := config.Load(testEnv, test.paths...)
		if err != nil {
			t.Errorf("%s: %v", test.paths, err)
			continue
		}
		read := make(map[string]bool)
		for _, e := range c.Events {
			read[filepath.ToSlash(e.Node.Pos().File)] = true
		}
		want := strings.Fields(test.want)
		if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(maps.Keys(read))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.paths, diff)
		}
	}
	standard, err := config.Load(testEnv)
	if err != nil || len(standard.Pipelines) != 2 {
		t.Errorf("without a path: %v", err)
	}
}

func TestLoadErrors(t *testing.T) {
	inFiles(t, map[string]string{
		"c.yaml":          declare("c"),
		"empty/sub/c.yml": declare("c"),
	})
	if err := os.MkdirAll("dangling", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", "dangling/c.yaml"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		path   string
		absent bool
		want   string
	}{
		{"absent.yaml", true, "absent.yaml"},
		{"dangling", true, filepath.Join("dangling", "c.yaml")},
		{"empty", false, "the folder empty has no *.yaml or *.yml file"},
		{"", false, "a path is empty"},
	} {
		_, err := config.Load(testEnv, "c.yaml", test.path)
		var faults config.Faults
		if err == nil || errors.As(err, &faults) || errors.Is(err, fs.ErrNotExist) != test.absent || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v", test.path, err)
		}
	}
}

// A file lies relative to the one that names it, and is shown as it would be
// named beside the first.
func TestFilename(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside.json")
	inFiles(t, map[string]string{
		"etc/base.yaml": "lookups: {a: {file: a.json}, b: {file: ../b.json}, o: {file: '" + outside + "'}}\n" +
			"kafka: {brokers: [\"k:1\"], single_instance: true, tls: {ca: ca.pem}}\n",
		"etc/kinds/c.yaml": "lookups: {c: {file: c.json}, d: {file: ../data/d.json}}\n",
	})
	first, err := filepath.Abs("etc/base.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		base  string
		shown map[string]string
	}{
		{"etc/base.yaml", map[string]string{"a": "a.json", "b": "../b.json", "c": "kinds/c.json", "d": "data/d.json", "o": outside}},
		{first, map[string]string{
			"a": "a.json", "b": "../b.json", "o": outside,
			"c": filepath.Join(filepath.Dir(first), "kinds", "c.json"), "d": filepath.Join(filepath.Dir(first), "data", "d.json"),
		}},
	} {
		c, err := config.Load(testEnv, test.base, "etc/kinds")
		if err != nil {
			t.Fatal(err)
		}
		shown, err := c.Show()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("etc/shown", shown, 0o600); err != nil {
			t.Fatal(err)
		}
		again := mustLoad(t, "etc/shown")
		for name, want := range test.shown {
			got := again.Lookups[name].File
			if filepath.ToSlash(got.Value) != filepath.ToSlash(want) {
				t.Errorf("lookup %s of %s is shown as %s, want %s", name, test.base, got.Value, want)
			}
			before, err := filepath.Abs(c.Lookups[name].File.Filename())
			after, errAfter := filepath.Abs(got.Filename())
			if err != nil || errAfter != nil || before != after {
				t.Errorf("lookup %s of %s was in %s and is in %s", name, test.base, before, after)
			}
		}
		if got := again.Kafka.TLS.CA.Value; got != "ca.pem" {
			t.Errorf("kafka.tls.ca is shown as %s", got)
		}
	}
}

func TestReadFile(t *testing.T) {
	inFiles(t, map[string]string{"etc/c.yaml": "lookups: {users: {file: users.json}}", "etc/users.json": "x"})
	for _, c := range []*config.Config{mustLoad(t, "etc/c.yaml"), {}} {
		name := filepath.Join("etc", "users.json")
		if c.Lookups != nil {
			name = c.Lookups["users"].File.Filename()
		}
		if data, err := c.ReadFile(name); err != nil || string(data) != "x" {
			t.Errorf("ReadFile(%s) = %q, %v", name, data, err)
		}
		if info, err := c.Stat(name); err != nil || info.Size() != 1 {
			t.Errorf("Stat(%s): %v", name, err)
		}
	}
	if got := (config.Text{Value: "users.json"}).Filename(); got != "users.json" {
		t.Errorf("the file of a text that stands nowhere is %s", got)
	}
}

// What several files declare is one configuration, whoever declares it.
func TestFilesAreOneConfiguration(t *testing.T) {
	inFiles(t, map[string]string{
		"base.yaml":    "http: {max_events: 7}\nretry: {attempts: 5}\nlookups: {users: {file: users.json}}\n",
		"follow.yaml":  "events: {follow: {key: x}}\npipelines: {follow: {subscribe: events.follow, handlers: &h [filter: {when: \"true\"}]}, again: {subscribe: events.like, handlers: *h}}\n",
		"like.yaml":    "pipelines:\n  like: {subscribe: events.like, handlers: [log: {}], retry: {timeout: 1m}}\nevents: {like: {key: y}}\n",
		"nothing.yaml": "# to come\n",
		"null.yaml":    "events:\npipelines:\nlookups:\n",
	})
	c, err := config.Load(testEnv, ".")
	if err != nil {
		t.Fatal(err)
	}
	if c.HTTP.MaxEvents != 7 || len(c.Lookups) != 1 || len(c.Events) != 2 || len(c.Pipelines) != 3 {
		t.Errorf("configuration = %+v", c)
	}
	if like := c.Pipelines["like"]; like.Name != "like" || like.Retry.Attempts != 5 || like.Node.Path() != "pipelines.like" || like.Node.Pos().String() != "like.yaml:2:9" {
		t.Errorf("like stands at %s, %s: %+v", like.Node.Path(), like.Node.Pos(), like.Retry)
	}
}
