package config

import (
	"fmt"
	"reflect"
	"slices"
)

// Load reads and checks a configuration, which may stand in several files. A
// path is a file, or a folder: then it stands for every *.yaml and *.yml file
// directly in it, in the order of their names, but for hidden ones. Lookups,
// event types, pipelines and whatever else has names are taken together, and
// no two files may declare the same; any other section stands in one of them.
// Without a path it is Default.
//
// Variables are looked up with getenv, as os.LookupEnv does. The error is
// Faults when the files could be read but are wrong; a Config that comes with
// them holds what could be made of the files, so that others can look for
// further faults, and is not to be run.
func Load(getenv func(string) (string, bool), paths ...string) (*Config, error) {
	if len(paths) == 0 {
		return Default(getenv)
	}
	names, err := list(paths)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return load(names, disk{}, getenv)
}

// Default returns the configuration embedded in the binary, which needs
// nothing but a writable working directory.
func Default(getenv func(string) (string, bool)) (*Config, error) {
	return load([]string{defaultFile}, builtin{}, getenv)
}

func load(names []string, files files, getenv func(string) (string, bool)) (*Config, error) {
	var roots []Node
	var faults Faults
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the configuration: %w", err)
		}
		root, found := parseFile(name, data, getenv)
		faults = append(faults, found...)
		if !root.IsZero() {
			roots = append(roots, root)
		}
	}
	if len(roots) == 0 {
		return nil, faults.Err()
	}
	root, found := merge(roots)
	faults = append(faults, found...)
	c := &Config{files: files, root: root}
	faults = append(faults, c.decode()...)
	if len(roots) < len(names) {
		// What the others declare would seem to be missing.
		return nil, faults.Err()
	}
	return c, append(faults, c.check()...).Err()
}

// parseFile reads one file of a configuration. The node is absent when there
// is no use in looking further into it.
func parseFile(name string, data []byte, getenv func(string) (string, bool)) (Node, Faults) {
	root, faults := Parse(name, data, getenv)
	hideSecrets(root, reflect.TypeFor[Config]())
	switch {
	case root.Kind() != Mapping && root.Kind() != Null:
		return Node{}, append(faults, root.Decode(new(Config))...)
	case root.v.broken:
		return Node{}, faults
	}
	return root, faults
}

// decode fills the configuration from its document.
func (c *Config) decode() Faults {
	c.setDefaults()

	// Pipelines begin with the general policies, so these are decoded first,
	// wherever they stand in the files. What is wrong with them is found again
	// below.
	general := Pipeline{Delivery: c.Delivery, Sessions: c.Sessions, Batch: c.Batch, Retry: c.Retry.clone(), Breaker: c.Breaker}
	_ = c.root.Get("delivery").Decode(&general.Delivery)
	_ = c.root.Get("sessions").Decode(&general.Sessions)
	_ = c.root.Get("batch").Decode(&general.Batch)
	_ = c.root.Get("retry").Decode(&general.Retry)
	_ = c.root.Get("breaker").Decode(&general.Breaker)
	faults := c.root.Decode(c, WithHook(func(target any, n Node) (bool, Faults) {
		if p, ok := target.(*Pipeline); ok {
			*p = general
			p.Retry = general.Retry.clone()
		}
		return false, nil
	}))
	for name, p := range c.Pipelines {
		p.Name = name
		if p.ID == "" {
			p.ID = name
		}
		c.Pipelines[name] = p
	}
	c.embed()
	return faults
}

// embed makes up for a section that stands in no file: whoever names neither a
// cluster nor a store gets those of this process.
func (c *Config) embed() {
	if !c.Has("kafka") {
		c.Kafka.Embedded = new(EmbeddedKafka)
		c.Kafka.Embedded.SetDefaults()
	}
	if !c.Has("store") {
		c.Store.Embedded = new(EmbeddedStore)
		c.Store.Embedded.SetDefaults()
	}
}

// Has reports whether a section, such as kafka, stands in any of the files.
func (c *Config) Has(section string) bool { return !c.root.Get(section).IsZero() }

func (r Retry) clone() Retry {
	r.Later = slices.Clone(r.Later)
	return r
}
