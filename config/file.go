package config

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed kafka-notify.yaml users.yaml
var embedded embed.FS

const defaultFile = "kafka-notify.yaml"

// files is what the file system has to offer a configuration.
type files interface {
	ReadFile(path string) ([]byte, error)
	Stat(path string) (fs.FileInfo, error)
}

// disk is the files of this machine, those of the working directory first.
type disk struct{}

func (disk) ReadFile(path string) ([]byte, error)  { return os.ReadFile(path) }
func (disk) Stat(path string) (fs.FileInfo, error) { return os.Stat(path) }

// builtin is the files embedded in the binary.
type builtin struct{}

func (builtin) ReadFile(path string) ([]byte, error) {
	return embedded.ReadFile(filepath.ToSlash(path))
}

func (builtin) Stat(path string) (fs.FileInfo, error) {
	return fs.Stat(embedded, filepath.ToSlash(path))
}

// ReadFile reads a file that the configuration names, by its Text's Filename.
func (c *Config) ReadFile(path string) ([]byte, error) { return c.fileSystem().ReadFile(path) }

// Stat describes a file that the configuration names, so that a change can be
// noticed.
func (c *Config) Stat(path string) (fs.FileInfo, error) { return c.fileSystem().Stat(path) }

// fileSystem returns where the configuration's files lie: for one that was not
// loaded, on the disk.
func (c *Config) fileSystem() files {
	if c.files == nil {
		return disk{}
	}
	return c.files
}

// Filename returns the path of the file that the text names. A relative one is
// relative to the file that the text stands in.
func (t Text) Filename() string {
	if t.Value == "" || filepath.IsAbs(t.Value) {
		return t.Value
	}
	return filepath.Join(filepath.Dir(t.Node.Pos().File), t.Value)
}

// relative returns the text's file as it would be named in another folder.
func (t Text) relative(folder string) string {
	if filepath.IsAbs(t.Value) || filepath.Dir(t.Node.Pos().File) == folder {
		return t.Value
	}
	if path, err := filepath.Rel(folder, t.Filename()); err == nil {
		return path
	}
	// One of the two is absolute, and nobody knows how the other lies to it.
	if path, err := filepath.Abs(t.Filename()); err == nil {
		return path
	}
	return t.Filename()
}

// list returns the files of a configuration: those that the paths name, and
// those in the folders that they name. A file that comes twice, under whatever
// names, is listed once.
func list(paths []string) ([]string, error) {
	var names []string
	var known []fs.FileInfo
	add := func(name string, info fs.FileInfo) {
		if !slices.ContainsFunc(known, func(k fs.FileInfo) bool { return os.SameFile(k, info) }) {
			names, known = append(names, name), append(known, info)
		}
	}
	for _, path := range paths {
		if path == "" {
			return nil, errors.New("a path is empty; is a variable not set?")
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			add(path, info)
			continue
		}
		if err := listFolder(path, add); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// listFolder adds the files of a folder that belong to a configuration, in the
// order of their names.
func listFolder(folder string, add func(name string, info fs.FileInfo)) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	found := false
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext != ".yaml" && ext != ".yml" || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		// Not what the entry says of itself: in Kubernetes each is a link.
		name := filepath.Join(folder, e.Name())
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			found = true
			add(name, info)
		}
	}
	if !found {
		return fmt.Errorf("the folder %s has no *.yaml or *.yml file in it; those of folders below it are not looked at", folder)
	}
	return nil
}
