package config

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
)

//go:embed kafka-notify.yaml users.yaml
var embedded embed.FS

const defaultFile = "kafka-notify.yaml"

// files is what the file system has to offer a configuration.
type files interface {
	ReadFile(path string) ([]byte, error)
	Stat(path string) (fs.FileInfo, error)
}

// folder is a folder of the disk. Absolute paths lead out of it.
type folder string

func (f folder) path(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(string(f), path)
}

func (f folder) ReadFile(path string) ([]byte, error)  { return os.ReadFile(f.path(path)) }
func (f folder) Stat(path string) (fs.FileInfo, error) { return os.Stat(f.path(path)) }

// builtin is the files embedded in the binary.
type builtin struct{}

func (builtin) ReadFile(path string) ([]byte, error) {
	return embedded.ReadFile(filepath.ToSlash(path))
}

func (builtin) Stat(path string) (fs.FileInfo, error) {
	return fs.Stat(embedded, filepath.ToSlash(path))
}

// Load reads and checks a configuration file. Variables are looked up with
// getenv, as os.LookupEnv does. The error is Faults when the file could be
// read but is wrong; the Config then holds what could be made of it, so that
// others can look for further faults, and is not to be run.
func Load(path string, getenv func(string) (string, bool)) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return load(path, data, folder(filepath.Dir(path)), getenv)
}

// Default returns the configuration embedded in the binary, which needs
// nothing but a writable working directory.
func Default(getenv func(string) (string, bool)) (*Config, error) {
	data, err := embedded.ReadFile(defaultFile)
	if err != nil {
		return nil, fmt.Errorf("read the default configuration: %w", err)
	}
	return load(defaultFile, data, builtin{}, getenv)
}

func load(name string, data []byte, files files, getenv func(string) (string, bool)) (*Config, error) {
	root, faults := Parse(name, data, getenv)
	if root.IsZero() {
		return nil, faults.Err()
	}
	hideSecrets(root, reflect.TypeFor[Config]())
	c := &Config{files: files, root: root}
	c.setDefaults()

	// Pipelines begin with the general policies, so these are decoded first,
	// wherever they stand in the file. What is wrong with them is found again
	// below.
	general := Pipeline{Delivery: c.Delivery, Sessions: c.Sessions, Batch: c.Batch, Retry: c.Retry.clone(), Breaker: c.Breaker}
	_ = root.Get("delivery").Decode(&general.Delivery)
	_ = root.Get("sessions").Decode(&general.Sessions)
	_ = root.Get("batch").Decode(&general.Batch)
	_ = root.Get("retry").Decode(&general.Retry)
	_ = root.Get("breaker").Decode(&general.Breaker)
	faults = append(faults, root.Decode(c, WithHook(func(target any, n Node) (bool, Faults) {
		if p, ok := target.(*Pipeline); ok {
			*p = general
			p.Retry = general.Retry.clone()
		}
		return false, nil
	}))...)
	for name, p := range c.Pipelines {
		p.Name = name
		if p.ID == "" {
			p.ID = name
		}
		c.Pipelines[name] = p
	}
	faults = append(faults, c.check()...)
	return c, faults.Err()
}

func (r Retry) clone() Retry {
	r.Later = slices.Clone(r.Later)
	return r
}
