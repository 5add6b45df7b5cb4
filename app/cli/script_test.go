package cli_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write the files that cmp compares with into the scripts")

// patience bounds every wait of a script.
const patience = 30 * time.Second

// TestScripts runs testdata/script. Each script has ports of its own in $HTTP
// and $KAFKA, and the files of testdata/service unless it brings them itself.
//
// Its commands beside testscript's own:
//
//	status CODE PROGRAM ARG...         run it; it must exit with that code
//	eventually PATTERN PROGRAM ARG...  run it until it succeeds and its stdout matches
//	ready URL                          wait until the URL answers 200
//	json FILE PATH VALUE               FILE is one JSON document, with that value there
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":     status,
			"eventually": eventually,
			"ready":      ready,
			"json":       checkJSON,
		},
	})
}

func setup(env *testscript.Env) error {
	if err := setPorts(env, "HTTP", "KAFKA"); err != nil {
		return err
	}
	files, err := filepath.Glob("testdata/service/*")
	if err != nil {
		return err
	}
	for _, file := range files {
		target := filepath.Join(env.WorkDir, filepath.Base(file))
		if _, err := os.Stat(target); err == nil {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := os.WriteFile(target, data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// setPorts sets each variable to an address nobody listens on.
func setPorts(env *testscript.Env, names ...string) error {
	for _, name := range names {
		address, err := freeAddress()
		if err != nil {
			return err
		}
		env.Setenv(name, address)
	}
	return nil
}

// nextPort is given to nobody twice. It lies below the ports of outgoing
// connections, one of which could take it before the script comes to use it.
var nextPort = func() *atomic.Int32 {
	first := new(atomic.Int32)
	first.Store(20_000 + rand.Int32N(10_000))
	return first
}()

func freeAddress() (address string, err error) {
	for range 100 {
		address = fmt.Sprintf("127.0.0.1:%d", nextPort.Add(1))
		l, listenErr := net.Listen("tcp", address)
		if err = listenErr; err == nil {
			return address, l.Close()
		}
	}
	return "", err
}

func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("run %s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: eventually PATTERN PROGRAM ARG...")
	}
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("no %q within %s; the last run: %v\n%s%s", args[0], patience, err, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
		}
	}
}

func ready(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready URL")
	}
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		answer, err := client.Get(args[0])
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s is not ready within %s: %v", args[0], patience, err)
		}
	}
}

func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: json FILE PATH VALUE")
	}
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	decoder.UseNumber()
	var at any
	ts.Check(decoder.Decode(&at))
	if decoder.More() {
		ts.Fatalf("%s holds more than one document", args[0])
	}
	for _, step := range strings.Split(args[1], ".") {
		switch v := at.(type) {
		case map[string]any:
			at = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				ts.Fatalf("%s: no item %q in a list of %d", args[1], step, len(v))
			}
			at = v[i]
		default:
			ts.Fatalf("%s: no %q in %v", args[1], step, at)
		}
	}
	if got := fmt.Sprint(at); got != args[2] {
		ts.Fatalf("%s is %q, want %q", args[1], got, args[2])
	}
}
