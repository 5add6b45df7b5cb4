package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// machine is what the numbers were measured on.
type machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Memory string `json:"memory"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	// Load is the load average of the minute before: what else was going on.
	Load string `json:"load_before"`
}

func thisMachine() machine {
	load, _, _ := strings.Cut(procFile("loadavg"), " ")
	return machine{
		CPU: field(procFile("cpuinfo"), "model name"), Cores: runtime.NumCPU(),
		Memory: field(procFile("meminfo"), "MemTotal"),
		Kernel: orUnknown(strings.TrimSpace(procFile("sys/kernel/osrelease"))),
		Go:     runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH,
		Load:   orUnknown(load),
	}
}

func procFile(name string) string {
	text, _ := os.ReadFile("/proc/" + name)
	return string(text)
}

// field is the first value of a name in lines of "name: value".
func field(text, name string) string {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return orUnknown("")
}

func orUnknown(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}

// moduleVersion is that of a module in this binary.
func moduleVersion(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == path {
				return m.Version
			}
		}
	}
	return "unknown"
}
