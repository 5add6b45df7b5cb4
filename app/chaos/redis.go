package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// redis is the store that all instances share: a redis-server of our own.
type redis struct {
	address string
	dir     string
	process *exec.Cmd
}

// startRedis starts redis-server as the service wants it: it loses nothing that
// it has confirmed, not even killed, and evicts nothing.
func startRedis(ctx context.Context, dir string) (*redis, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	r := &redis{address: address, dir: filepath.Join(dir, "redis")}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return nil, err
	}
	return r, r.start(ctx)
}

func (r *redis) start(ctx context.Context) error {
	host, port, _ := net.SplitHostPort(r.address)
	log, err := os.OpenFile(filepath.Join(r.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	r.process = exec.Command("redis-server", "--bind", host, "--port", port, "--dir", r.dir,
		"--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction")
	r.process.Stdout, r.process.Stderr = log, log
	if err := r.process.Start(); err != nil {
		return fmt.Errorf("start redis-server: %w", err)
	}
	return r.await(ctx)
}

// await waits until redis answers: it reads its data first.
func (r *redis) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := r.ping()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("redis at %s does not answer, see %s: %w", r.address, r.dir, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (r *redis) ping() error {
	conn, err := net.DialTimeout("tcp", r.address, time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
		return err
	}
	answer := make([]byte, len("+PONG"))
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	if string(answer) != "+PONG" {
		return fmt.Errorf("answered %q", answer)
	}
	return nil
}

// kill ends redis with SIGKILL.
func (r *redis) kill() error {
	if r.process == nil || r.process.Process == nil {
		return nil
	}
	err := r.process.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("redis had ended by itself, see %s", r.dir)
	}
	_ = r.process.Wait() // killed, it says
	r.process = nil
	return err
}

// redisVersion is the release of redis-server.
func redisVersion(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "redis-server", "--version").Output()
	if err != nil {
		return "unknown"
	}
	for _, word := range strings.Fields(string(out)) {
		if version, ok := strings.CutPrefix(word, "v="); ok {
			return version
		}
	}
	return "unknown"
}
