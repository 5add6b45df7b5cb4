package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// An outage of broker or store uses up neither attempts nor tiers.
func TestAnOutageIsNoFailureOfTheMessage(t *testing.T) {
	b := newBench(t, file, handler.Default())
	b.refuse = func(_ *record.Record, try int) error {
		if try <= 5 {
			return handler.Unavailable(errors.New("no broker"))
		}
		return nil
	}
	b.process(follow("e1", 7, "2", "1"))
	if n := len(b.in("notifications.user.")); n != 1 {
		t.Errorf("%d deliveries", n)
	}
	if _, _, retried, poisoned := b.Counts(); retried+poisoned != 0 {
		t.Errorf("%d retried, %d poisoned", retried, poisoned)
	}
}

// Stopping amid an outage abandons the message: nothing is written anywhere.
func TestStoppingIsNotFailing(t *testing.T) {
	for name, fail := range map[string]func(*bench){
		"broker away": func(b *bench) {
			b.refuse = func(*record.Record, int) error { return handler.Unavailable(errors.New("no broker")) }
		},
		"store away": func(b *bench) { b.claims.Err = handler.Unavailable(errors.New("no store")) },
		"poison topic refused": func(b *bench) {
			b.users.Records = nil
			b.refuse = func(*record.Record, int) error { return errors.New("not authorized") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, file, handler.Default())
			fail(b)
			stopping := make(chan struct{})
			d := &kafka.Delivery{Record: follow("e1", 7, "2", "1"), Stopping: stopping}
			time.AfterFunc(50*time.Millisecond, func() { close(stopping) })
			if err := b.Process(t.Context(), d); err != nil || !d.Abandoned() {
				t.Errorf("error %v, abandoned %v", err, d.Abandoned())
			}
			if len(b.sent) != 0 {
				t.Errorf("written: %+v", b.sent)
			}
		})
	}
}

// Work that a revocation cuts short is abandoned, not poisoned.
func TestACancelledContextPoisonsNothing(t *testing.T) {
	b := newBench(t, file, handler.Default())
	ctx, cancel := context.WithCancel(t.Context())
	b.users.Slow = true
	b.users.Before = func(ctx context.Context, _ string) error { cancel(); <-ctx.Done(); return ctx.Err() }
	d := &kafka.Delivery{Record: follow("e1", 7, "2", "1"), Stopping: make(chan struct{})}
	if err := b.Process(ctx, d); err != nil || !d.Abandoned() || len(b.sent) != 0 {
		t.Errorf("error %v, abandoned %v, sent %v", err, d.Abandoned(), b.sent)
	}
}

// A message that arrives while the pipeline stops is not begun.
func TestNothingBeginsWhileStopping(t *testing.T) {
	b := newBench(t, file, handler.Default())
	stopping := make(chan struct{})
	close(stopping)
	d := &kafka.Delivery{Record: follow("e1", 7, "2", "1"), Stopping: stopping}
	if err := b.Process(t.Context(), d); err != nil || !d.Abandoned() || len(b.users.Asked()) != 0 {
		t.Errorf("error %v, abandoned %v, asked %v", err, d.Abandoned(), b.users.Asked())
	}
}

// Publishing many outputs may take longer than an attempt may: that is no
// outage, and sends nothing twice.
func TestSlowPublishingIsNoOutage(t *testing.T) {
	routes := strings.Repeat("      - route: {topic: audit}\n", 5)
	b := newBench(t, strings.Replace(file, "      - route:", routes+"      - route:", 1), handler.Default())
	b.refuse = func(_ *record.Record, try int) error {
		time.Sleep(60 * time.Millisecond) // six of them; an attempt has 200 ms
		if try == 4 {
			return handler.Unavailable(errors.New("no broker"))
		}
		return nil
	}
	b.process(follow("e1", 7, "2", "1"))
	if len(b.in("audit")) != 5 || len(b.in("notifications.user.1")) != 1 || b.tries != 7 {
		t.Errorf("%d and %d delivered in %d tries", len(b.in("audit")), len(b.in("notifications.user.1")), b.tries)
	}
}

// While the service stops, no further attempt is begun.
func TestNoAttemptBeginsWhileStopping(t *testing.T) {
	stopping := make(chan struct{})
	tries := 0
	b := custom(t, func(context.Context) error {
		if tries++; tries == 1 {
			close(stopping)
		}
		return errors.New("may heal")
	})
	d := &kafka.Delivery{Record: follow("e1", 7, "2", "1"), Stopping: stopping}
	if err := b.Process(t.Context(), d); err != nil || !d.Abandoned() || tries != 1 || len(b.sent) != 0 {
		t.Errorf("error %v, abandoned %v, %d tries, sent %v", err, d.Abandoned(), tries, b.sent)
	}
}

// A stalled store is an outage too: it uses up no attempt.
func TestAStalledStoreIsAnOutage(t *testing.T) {
	b := newBench(t, file, handler.Default())
	stalls := 2
	b.stall = func(ctx context.Context) error {
		if stalls--; stalls >= 0 {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
	b.process(follow("e1", 7, "2", "1"))
	if _, _, retried, poisoned := b.Counts(); retried+poisoned != 0 || len(b.in("notifications.user.1")) != 1 {
		t.Errorf("%d retried, %d poisoned, %d delivered", retried, poisoned, len(b.in("notifications.user.1")))
	}
}

// stallable is a store of claims that can stall.
type stallable struct{ b *bench }

func (s stallable) Take(ctx context.Context, key string, by handler.Claim) (handler.Verdict, error) {
	if s.b.stall != nil {
		if err := s.b.stall(ctx); err != nil {
			return 0, err
		}
	}
	return s.b.claims.Take(ctx, key, by)
}

func (s stallable) Look(ctx context.Context, key string, by handler.Claim) (handler.Verdict, error) {
	return s.b.claims.Look(ctx, key, by)
}

func (s stallable) Release(ctx context.Context, key string, origin handler.Origin) error {
	return s.b.claims.Release(ctx, key, origin)
}
