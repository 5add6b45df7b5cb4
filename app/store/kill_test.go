package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// victimEnv makes the test binary the process that is killed: its value is the
// folder of the store.
const victimEnv = "KAFKA_NOTIFY_STORE_VICTIM"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimEnv); dir != "" {
		takeForEver(dir)
	}
	goleak.VerifyTestMain(m)
}

// takeForEver claims keys from several goroutines and prints the number of
// each claim once it was taken.
func takeForEver(dir string) {
	s, err := openDir(dir, quiet())
	if err != nil {
		panic(err)
	}
	claims := s.Claims("p")
	var n atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				i := n.Add(1)
				got, err := claims.Take(context.Background(), fmt.Sprint(i), claim(i, epoch))
				if err != nil || got != handler.Taken {
					panic(fmt.Sprint(got, err))
				}
				// One write a line: the pipe keeps short ones whole.
				_, _ = os.Stdout.WriteString(strconv.FormatInt(i, 10) + "\n")
			}
		})
	}
	wg.Wait()
}

func TestClaimsSurviveSIGKILL(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	victim := exec.CommandContext(t.Context(), os.Args[0])
	victim.Env = append(os.Environ(), victimEnv+"="+dir)
	victim.Stderr = os.Stderr
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	const enough = 20_000
	var taken []int64
	for lines := bufio.NewScanner(out); lines.Scan(); {
		i, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			t.Fatalf("the victim wrote %q", lines.Text())
		}
		if taken = append(taken, i); len(taken) == enough {
			if err := victim.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = victim.Wait() // It was killed: that is no news.
	if len(taken) < enough {
		t.Fatalf("the victim ended by itself after %d claims", len(taken))
	}

	s, err := openDir(dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	claims := s.Claims("p")
	for _, i := range taken {
		key := fmt.Sprint(i)
		if got, err := claims.Take(t.Context(), key, claim(-1, epoch)); err != nil || got != handler.Duplicate {
			t.Fatalf("claim %d is lost: %v, %v", i, got, err)
		}
		if got, err := claims.Take(t.Context(), key, claim(i, epoch)); err != nil || got != handler.Taken {
			t.Fatalf("claim %d belongs to somebody else: %v, %v", i, got, err)
		}
	}
}
