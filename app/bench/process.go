package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// task is what a child process is told, as JSON in its second argument.
type task struct {
	Brokers []string `json:"brokers,omitempty"`
	// Dir is the broker's folder, Config the service's file.
	Dir    string `json:"dir,omitempty"`
	Config string `json:"config,omitempty"`
	// Topic is the event topic that a baseline reads or writes, Group its group.
	Topic string `json:"topic,omitempty"`
	Group string `json:"group,omitempty"`
	// Batch is how many events a bare loop takes at once.
	Batch int `json:"batch,omitempty"`
	// Run is the workload's name, that of its keys.
	Run string `json:"run,omitempty"`
	// People and Followers are those of the workload.
	People    int `json:"people,omitempty"`
	Followers int `json:"followers,omitempty"`
	// Profile begins the names of profiles to write; "" makes none.
	Profile string `json:"profile,omitempty"`
}

// child is a process of this binary: the broker or a contestant.
type child struct {
	role  string
	cmd   *exec.Cmd
	stdin io.Closer // the child ends when this is closed, also by our own death
	log   string    // path of what it wrote to stderr
	addr  string    // where it listens, if it does
	done  chan struct{}
	err   error // of the process, once done is closed
}

// startPatience is how long a child may take until it is ready.
const startPatience = 60 * time.Second

// spawn starts a child and waits until it says that it is ready.
func spawn(ctx context.Context, dir, role string, t task) (*child, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	told, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	log, err := os.CreateTemp(dir, role+"-*.log")
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	c := &child{role: role, log: log.Name(), done: make(chan struct{})}
	c.cmd = exec.Command(binary, childCommand, role, string(told))
	c.cmd.Dir, c.cmd.Stderr = dir, log
	// A Ctrl-C at the terminal is ours to handle: children are stopped in order.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", role, err)
	}
	if err := c.await(ctx, out); err != nil {
		return nil, errors.Join(err, c.kill())
	}
	return c, nil
}

// await reads the line that says the child is ready, and goes on watching it.
func (c *child) await(ctx context.Context, out io.Reader) error {
	ready := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if addr, ok := strings.CutPrefix(lines.Text(), readyLine); ok {
				ready <- strings.TrimSpace(addr)
			}
		}
		c.err = c.cmd.Wait()
		close(c.done)
	}()
	select {
	case c.addr = <-ready:
		return nil
	case <-c.done:
		return c.failure("ended before it was ready")
	case <-time.After(startPatience):
		return c.failure("is not ready after " + startPatience.String())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ended is an error once the child has ended, which it never does by itself.
func (c *child) ended() error {
	select {
	case <-c.done:
		return c.failure("ended by itself")
	default:
		return nil
	}
}

// failure says what happened to the child, with the end of its log.
func (c *child) failure(what string) error {
	text, _ := os.ReadFile(c.log)
	text = text[max(0, len(text)-2000):]
	return fmt.Errorf("%s %s:\n%s", c.role, what, strings.TrimSpace(string(text)))
}

// stop lets the child end in order; one that takes too long is killed, which
// costs nothing but its profile.
func (c *child) stop(patience time.Duration) error {
	_ = c.stdin.Close()
	select {
	case <-c.done:
		if c.err != nil {
			return c.failure("failed while it stopped (" + c.err.Error() + ")")
		}
		return nil
	case <-time.After(patience):
		return c.kill()
	}
}

// kill ends the child at once.
func (c *child) kill() error {
	_ = c.stdin.Close()
	err := c.cmd.Process.Kill()
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", c.role, err)
	}
	<-c.done
	return nil
}

// usage is what the child uses now.
func (c *child) usage() usage { return usageOf(filepath.Join("/proc", fmt.Sprint(c.cmd.Process.Pid))) }
