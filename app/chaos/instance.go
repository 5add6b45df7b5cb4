package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// instance is one process of the service, and the next one in its place after
// it was killed.
type instance struct {
	number int
	url    string
	binary string
	dir    string
	// died is told of an end that nobody asked for; it may be nil.
	died func(*instance, error)

	mu      sync.Mutex
	process *exec.Cmd     // nil while none runs
	ended   chan struct{} // closed when process has ended
	result  error         // of its end
	asked   bool          // somebody ended it
}

// log is where the processes write, one after the other.
func (i *instance) log() string { return filepath.Join(i.dir, "log") }

// start starts a process, and returns before it is ready.
func (i *instance) start() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.process != nil {
		return fmt.Errorf("instance %d runs already", i.number)
	}
	log, err := os.OpenFile(i.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	process := exec.Command(i.binary, "serve", "--config", filepath.Join(i.dir, "kafka-notify.yaml"))
	process.Stdout, process.Stderr = log, log
	if err := process.Start(); err != nil {
		return fmt.Errorf("start instance %d: %w", i.number, err)
	}
	_, _ = fmt.Fprintf(log, "--- %s: started as process %d\n", time.Now().UTC().Format(time.RFC3339Nano), process.Process.Pid)
	i.process, i.ended, i.asked = process, make(chan struct{}), false
	go i.watch(process, i.ended)
	return nil
}

// watch waits for the end of a process.
func (i *instance) watch(process *exec.Cmd, ended chan struct{}) {
	err := process.Wait()
	i.mu.Lock()
	i.process, i.result = nil, err
	asked := i.asked
	close(ended)
	i.mu.Unlock()
	if !asked && i.died != nil {
		i.died(i, err)
	}
}

// running reports whether there is a process.
func (i *instance) running() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.process != nil && !i.asked
}

// signal sends a signal that doesn't end the process.
func (i *instance) signal(s syscall.Signal) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.process == nil {
		return fmt.Errorf("instance %d does not run", i.number)
	}
	return i.process.Process.Signal(s)
}

// end sends a signal that ends the process, waits for it, and returns how it
// ended.
func (i *instance) end(ctx context.Context, s syscall.Signal) error {
	i.mu.Lock()
	process, ended := i.process, i.ended
	if process == nil {
		i.mu.Unlock()
		return fmt.Errorf("instance %d does not run", i.number)
	}
	i.asked = true
	err := process.Process.Signal(s)
	i.mu.Unlock()
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end instance %d: %w", i.number, err)
	}
	select {
	case <-ended:
		i.mu.Lock()
		defer i.mu.Unlock()
		return i.result
	case <-ctx.Done():
		return fmt.Errorf("instance %d has not ended after %v: %w", i.number, s, context.Cause(ctx))
	}
}

// kill ends the process with SIGKILL, which says nothing of how it ended.
func (i *instance) kill(ctx context.Context) error {
	err := i.end(ctx, syscall.SIGKILL)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}

// awaitReady waits until /readyz says so.
func (i *instance) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	client := http.Client{Timeout: 2 * time.Second}
	for {
		resp, err := client.Get(i.url + "/readyz")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("instance %d is not ready, see %s: %w", i.number, i.log(), context.Cause(ctx))
		case <-time.After(50 * time.Millisecond):
		}
	}
}
