package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// usage is what a process has used, after Linux' /proc. Where there is none it
// is zero, and shown as not measured.
type usage struct {
	cpu      time.Duration // of user and system together, since its start
	resident int64         // bytes now
	peak     int64         // bytes at the most
}

// tick is the unit of CPU times in /proc: USER_HZ, 100 on every Linux.
const tick = 10 * time.Millisecond

// usageOf reads the folder of a process.
func usageOf(dir string) (u usage) {
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return usage{}
	}
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[2] != "kB" {
			continue
		}
		kilobytes, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "VmRSS:":
			u.resident = kilobytes << 10
		case "VmHWM:":
			u.peak = kilobytes << 10
		}
	}
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return usage{}
	}
	// The name in parentheses may hold anything; user and system time are the
	// 12th and 13th field after it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return usage{}
	}
	for _, field := range fields[11:13] {
		ticks, _ := strconv.ParseInt(field, 10, 64)
		u.cpu += time.Duration(ticks) * tick
	}
	return u
}
