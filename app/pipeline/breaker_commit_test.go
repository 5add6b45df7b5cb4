package pipeline_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// transaction is one that the test commits or refuses.
type transaction struct {
	refused []error
	then    []func()
	late    bool
}

func (*transaction) Publish(*record.Record) error { return nil }

func (x *transaction) Refused(string) error {
	if len(x.refused) == 0 {
		return nil
	}
	err := x.refused[0]
	x.refused = x.refused[1:]
	return err
}

func (x *transaction) Then(f func()) { x.then = append(x.then, f) }

func (x *transaction) Late() { x.late = true }

// What its topic refuses when it is to be committed was no good message.
func TestARefusedCommitIsNotFinished(t *testing.T) {
	b := newBench(t, file+"breaker: {messages: 10}\n", handler.Default())
	for i := range int64(10) {
		rec := follow(fmt.Sprint("e", i), i, fmt.Sprint(i%4+1), fmt.Sprint(i/4+1))
		for _, refused := range [][]error{nil, {handler.Permanent(errors.New("against a policy"))}} {
			d := kafka.NewDelivery(rec, make(chan struct{}), &transaction{refused: refused})
			if err := b.Process(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := b.Paused(); got == nil || got.Finished != 10 || got.Poisoned != 10 {
		t.Errorf("paused: %+v", got)
	}
}

// A trial whose commit is refused ends no pause; nor does it keep others from
// being tried.
func TestATrialEndsThePauseWithItsCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(faulty)
		f.breaks(errForGood)
		b := paced(t, f, "breaker: {messages: 1, trial: 30s}\n"+attempts)
		b.at(0, 1)
		after(time.Second)
		f.repaired()
		var trials [2]transaction
		for i := range trials {
			d := kafka.NewDelivery(numbered(i+1), make(chan struct{}), &trials[i])
			go func() {
				if err := b.Process(t.Context(), d); err != nil {
					t.Errorf("process: %v", err)
				}
			}()
			synctest.Wait()
		}
		after(time.Minute)
		if len(trials[0].then) == 0 || len(trials[1].then) == 0 || b.Paused() == nil {
			t.Fatalf("%d and %d are tried, paused: %+v", len(trials[0].then), len(trials[1].then), b.Paused())
		}
		for _, f := range trials[1].then {
			f()
		}
		if b.Paused() != nil {
			t.Errorf("committed, and still paused: %+v", b.Paused())
		}
		f.breaks(errForGood)
		b.at(3, 1)
		after(time.Second)
		for _, f := range trials[0].then {
			f()
		}
		if b.Paused() == nil {
			t.Error("the trial of an earlier pause ends the next one")
		}
	})
}
