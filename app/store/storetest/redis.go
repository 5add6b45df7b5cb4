// Package storetest starts Redis servers for tests.
package storetest

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Redis is a redis-server of a test's own, on a port of loopback, which keeps
// its data in a folder of the test's.
type Redis struct {
	t       testing.TB
	dir     string
	options []string
	port    string
	cmd     *exec.Cmd
	ended   chan struct{}
}

// StartRedis starts a redis-server that is set up to keep claims, but for what
// options such as "--appendonly", "no" say. It ends with the test.
func StartRedis(t testing.TB, options ...string) *Redis {
	t.Helper()
	r := &Redis{t: t, dir: t.TempDir(), options: options}
	t.Cleanup(func() {
		if r.cmd != nil {
			r.Kill()
		}
	})
	// Another process may take the free port in between.
	for range 5 {
		r.port = freePort(t)
		if r.start() {
			return r
		}
	}
	r.fail("redis-server does not start")
	return nil
}

// Address returns host:port.
func (r *Redis) Address() string { return "127.0.0.1:" + r.port }

// URL returns the address with an option or none, such as "read_timeout=1s".
func (r *Redis) URL(options ...string) string {
	return "redis://" + r.Address() + "/0?" + strings.Join(options, "&")
}

// Kill ends the server with SIGKILL.
func (r *Redis) Kill() {
	r.t.Helper()
	if err := r.cmd.Process.Kill(); err != nil {
		r.t.Errorf("kill redis-server: %v", err)
	}
	<-r.ended
	r.cmd = nil
}

// Signal sends the server a signal, such as syscall.SIGSTOP.
func (r *Redis) Signal(s os.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// Restart starts the server again after Kill, at the same address.
func (r *Redis) Restart() {
	r.t.Helper()
	if !r.start() {
		r.fail("redis-server does not start again")
	}
}

// start runs the server and waits until it answers; false when it ended.
func (r *Redis) start() bool {
	r.t.Helper()
	r.cmd = exec.Command("redis-server", append([]string{
		"--port", r.port, "--bind", "127.0.0.1", "--dir", r.dir, "--logfile", filepath.Join(r.dir, "log"),
		"--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction",
	}, r.options...)...)
	if err := r.cmd.Start(); err != nil {
		r.t.Fatalf("there is no redis-server: install it (on Debian: apt-get install redis-server): %v", err)
	}
	r.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait()
		close(ended)
	}(r.cmd, r.ended)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		select {
		case <-r.ended:
			r.cmd = nil
			return false
		case <-time.After(10 * time.Millisecond):
		}
		if r.answers() {
			return true
		}
	}
	r.fail("redis-server does not answer")
	return false
}

// answers tells whether the server is there and done with loading its data.
func (r *Redis) answers() bool {
	c, err := net.DialTimeout("tcp", r.Address(), time.Second)
	if err != nil {
		return false
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := fmt.Fprint(c, "PING\r\n"); err != nil {
		return false
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	return err == nil && (strings.HasPrefix(line, "+PONG") || strings.HasPrefix(line, "-NOAUTH"))
}

func (r *Redis) fail(what string) {
	r.t.Helper()
	log, _ := os.ReadFile(filepath.Join(r.dir, "log"))
	r.t.Fatalf("%s\n%s", what, log)
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
