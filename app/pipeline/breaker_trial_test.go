package pipeline_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// One message is tried at every interval, another one each time; when one
// passes, all go on. One that fails waits on, however it failed.
func TestATrialThatPassesEndsThePause(t *testing.T) {
	tiers := strings.Replace(attempts, "later: []", "later: [10s]", 1)
	for name, tt := range map[string]struct {
		policies string
		fails    error
		calls    int64 // that one trial takes
	}{
		"for good":           {attempts, errForGood, 1},
		"attempts used up":   {attempts, errForNow, 2},
		"it would be a tier": {tiers, errForNow, 2},
		"a panic's error":    {attempts, fmt.Errorf("deep: %w", errForGood), 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := new(faulty)
				f.breaks(errForGood)
				b := paced(t, f, "breaker: {messages: 10, trial: 30s}\n"+tt.policies)
				b.at(0, 10)
				after(time.Second) // they have failed
				b.at(10, 40)
				after(28 * time.Second)
				f.breaks(tt.fails)
				if n := f.calls.Load(); n != 10 {
					t.Errorf("before the first trial: %d calls", n)
				}
				next := b.Paused().NextTrial
				for trial := range int64(3) {
					after(30 * time.Second)
					if n := f.calls.Load(); n != 10+(trial+1)*tt.calls {
						t.Errorf("after trial %d: %d calls", trial, n)
					}
				}
				if got := b.Paused(); got == nil || got.NextTrial.Sub(next) != 90*time.Second {
					t.Fatalf("paused: %+v", got)
				}
				f.repaired()
				after(30 * time.Second)
				if b.Paused() != nil || b.finished() != 40 || b.poisoned() != 10 || len(b.in("notifications.retry")) != 0 {
					t.Errorf("%d are handled, %d poisoned, paused: %+v", b.finished(), b.poisoned(), b.Paused())
				}
			})
		})
	}
}

// The message that waits longest is tried; one that fails goes to the end, so
// that a bad one at the head doesn't keep the pipeline paused.
func TestTheTrialIsTheLongestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, file+"breaker: {messages: 1, trial: 30s}\n", handler.Default())
		b.now = time.Time{}
		b.process(follow("bad", 1, "9", "1"))
		for i, follower := range []string{"8", "2", "7"} {
			go b.process(follow(follower, int64(i)+2, follower, "1"))
			synctest.Wait()
		}
		after(30 * time.Second)
		if b.Paused() == nil || len(b.in("notifications.user")) != 0 {
			t.Fatal("the first trial passes, but it can't")
		}
		after(30 * time.Second)
		if len(b.in("notifications.user")) != 1 || b.poisoned() != 2 || b.Paused() == nil {
			// With it both others go on, and the first of them opens the breaker again.
			t.Errorf("%d delivered, %d poisoned", len(b.in("notifications.user")), b.poisoned())
		}
		b.Resume()
		synctest.Wait()
		if b.poisoned() != 3 {
			t.Errorf("%d poisoned", b.poisoned())
		}
	})
}

// What a message has failed before the pause, or while it was tried, doesn't
// count when it begins anew.
func TestTriesBeforeThePauseDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(faulty)
		f.breaks(errForNow)
		b := paced(t, f, "breaker: {messages: 1, trial: 30s}\n"+attempts)
		b.at(0, 2) // the first to fail opens the breaker, the other one waits
		after(31 * time.Second)
		began := time.Now()
		b.Resume()
		after(time.Second)
		got := b.in("notifications.poison")
		if len(got) != 2 || got[1].Get(record.PoisonAttempts) != "2" {
			t.Fatalf("poison: %+v", got)
		}
		if first, _ := time.Parse(time.RFC3339Nano, got[1].Get(record.PoisonFirstFailedAt)); first.Before(began) {
			t.Errorf("first failed at %v, but it began anew at %v", first, began)
		}
	})
}
