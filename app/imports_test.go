package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	module = "github.com/trieungochai/kafka-notify"
	root   = ".." // a test runs in its package's folder
)

// floors is the house from top to bottom. A package may import what stands on a lower floor: never an upper one, never
// a neighbour. A new package needs a place here, and one in .golangci.yml.
var floors = [][]string{
	{"app/kafka-notify", "app/bench"},
	{"app/cli"},
	{"app"},
	{"app/web", "app/api", "app/lint", "app/suite", "app/graph"},
	{"app/poison", "app/inbox", "app/pipeline"},
	{"app/kafka", "app/lookup", "app/store", "app/event"},
	{"app/action"},
	{"app/record", "app/schema"},
	{"handlers/handler"},
	{"config", "handlers/expr"},
}

// beside are the packages that stand on no floor, with all that they may import. The handler types know nothing of the
// app, and the app nothing of them: only the mains, which may import everything, join the two.
var beside = map[string][]string{
	"handlers":             {"handlers/handler", "handlers/expr"},
	"handlers/handlertest": {"handlers/handler", "handlers/expr", "config"},
	"app/kafka/kafkatest":  {},
	"app/store/storetest":  {},
	"app/chaos":            {"app/record", "config"}, // it knows the service from outside
}

// topLevel is what may stand at the top of the repository, besides names that begin with a dot. bin and data are what
// make build and make run leave there.
var topLevel = []string{
	"app", "config", "handlers", "docs",
	"compose.yaml", "Dockerfile", "go.mod", "go.sum", "LICENSE", "Makefile", "README.md",
	"bin", "data", "coverage.out",
}

func TestImports(t *testing.T) {
	for _, p := range listPackages(t) {
		for _, fault := range importFaults(p.name, p.imports) {
			t.Error(fault)
		}
	}
}

// The check itself must be able to fail.
func TestImportFaults(t *testing.T) {
	for _, tt := range []struct {
		name    string
		pkg     string
		imports []string
		want    []string
	}{
		{"lower floors", "app/api", []string{"app/inbox", "app/record", "handlers/handler", "config"}, nil},
		{"main joins the handler types to the app", "app/kafka-notify", []string{"app/cli", "handlers"}, nil},
		{"so does the bench", "app/bench", []string{"app", "handlers"}, nil},
		{"handler type", "handlers", []string{"handlers/handler", "handlers/expr"}, nil},
		{"upper floor", "app/kafka", []string{"app/pipeline"}, []string{"app/kafka must not import app/pipeline"}},
		{"neighbour", "app/api", []string{"app/web"}, []string{"app/api must not import app/web"}},
		{"floor of nothing", "config", []string{"handlers/expr"}, []string{"config must not import handlers/expr"}},
		{"app knows no handler types", "app", []string{"handlers"}, []string{"app must not import handlers"}},
		{"cli knows no handler types", "app/cli", []string{"handlers"}, []string{"app/cli must not import handlers"}},
		{"handlers know no app", "handlers", []string{"app/store"}, []string{"handlers must not import app/store"}},
		{
			"test helpers are for tests", "app/kafka-notify",
			[]string{"handlers/handlertest", "app/kafka/kafkatest"},
			[]string{"app/kafka-notify must not import handlers/handlertest", "app/kafka-notify must not import app/kafka/kafkatest"},
		},
		{
			"test helpers are for tests, of the store too", "app",
			[]string{"app/store/storetest"},
			[]string{"app must not import app/store/storetest"},
		},
		{
			"unknown package", "app/attic",
			[]string{"config"},
			[]string{"app/attic has no place in the house: add it to floors in app/imports_test.go and to .golangci.yml"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, importFaults(tt.pkg, tt.imports)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

// importFaults says what is wrong with a package of ours and the packages of ours that it imports.
func importFaults(pkg string, imports []string) []string {
	if _, ok := beside[pkg]; !ok && floorOf(pkg) < 0 {
		return []string{pkg + " has no place in the house: add it to floors in app/imports_test.go and to .golangci.yml"}
	}
	var faults []string
	for _, imported := range imports {
		if !mayImport(pkg, imported) {
			faults = append(faults, fmt.Sprintf("%s must not import %s", pkg, imported))
		}
	}
	return faults
}

func mayImport(pkg, imported string) bool {
	if allowed, ok := beside[pkg]; ok {
		return slices.Contains(allowed, imported)
	}
	if imported == "handlers" {
		return slices.Contains(floors[0], pkg)
	}
	return floorOf(imported) > floorOf(pkg)
}

// floorOf counts from the top; -1 is a package that stands on no floor.
func floorOf(pkg string) int {
	return slices.IndexFunc(floors, func(floor []string) bool { return slices.Contains(floor, pkg) })
}

// A goPackage has the names of ours without the module's. Imports of tests are not among its imports: a test may join
// what it likes.
type goPackage struct {
	name    string
	imports []string
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var packages []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var listed struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&listed); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("output of go list: %v", err)
		}
		p := goPackage{name: strings.TrimPrefix(listed.ImportPath, module+"/")}
		for _, path := range listed.Imports {
			if name, ours := strings.CutPrefix(path, module+"/"); ours {
				p.imports = append(p.imports, name)
			}
		}
		packages = append(packages, p)
	}
	if len(packages) == 0 {
		t.Fatal("go list names no package of the module")
	}
	return packages
}

// It walks through the three folders too: go test keeps a result until a file that the test itself has seen changes,
// and go list is another process.
func TestGoCodeStandsInThreeFolders(t *testing.T) {
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{".git", ".kafka", ".kafka-chaos", "bin", "data"}, rel) {
			return filepath.SkipDir
		}
		top, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
		if filepath.Ext(path) == ".go" && !slices.Contains([]string{"app", "config", "handlers"}, top) {
			t.Errorf("%s: Go code stands in app, config and handlers only", rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") && !slices.Contains(topLevel, entry.Name()) {
			t.Errorf("%s does not belong at the top of the repository: only %s and names with a dot do",
				entry.Name(), strings.Join(topLevel, ", "))
		}
	}
}
