package handlertest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/handlers/handler"
	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

// types has one handler type, which drops everything with the reason that the YAML gives.
func types() *handler.Registry {
	type config struct {
		Reason string `yaml:"reason,required" doc:"the reason"`
	}
	r := handler.NewRegistry()
	handler.Add(r, handler.Type[config]{
		Name: "drop", Summary: "Drops.", Example: "- drop: {reason: a}",
		New: func(c config, _ *handler.Build) (handler.Handler, error) { return drop(c.Reason), nil },
	})
	return r
}

type drop string

func (d drop) Handle(context.Context, *handler.Message) (handler.Result, error) {
	return handler.Drop(string(d)), nil
}

// failures is a testing.TB that keeps what a helper under test complains about.
type failures struct {
	testing.TB
	said []string
}

func (f *failures) Helper() {}

func (f *failures) Errorf(format string, args ...any) {
	f.said = append(f.said, fmt.Sprintf(format, args...))
}

func (f *failures) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	panic(f)
}

// complaints runs a helper that is expected to end the test.
func complaints(tb testing.TB, helper func(tb testing.TB)) (said string) {
	f := &failures{TB: tb}
	defer func() {
		if p := recover(); p != nil && p != any(f) {
			panic(p)
		}
		said = strings.Join(f.said, "\n")
	}()
	helper(f)
	return ""
}

func TestBuild(t *testing.T) {
	registry := handlertest.Registry(types())
	h := handlertest.Handler(t, "drop:\n  reason: because\n", registry)
	if result, err := h.Handle(t.Context(), handlertest.Message(`{}`)); err != nil || result.Reason() != "because" {
		t.Errorf("the handler gives %v, %v", result, err)
	}
	if faults := handlertest.Faults(t, "- drop: {}", registry); len(faults) != 1 {
		t.Errorf("faults: %s", faults)
	}
	tests := map[string]struct {
		helper func(tb testing.TB)
		want   string
	}{
		"faulty chain": {func(tb testing.TB) { handlertest.Chain(tb, "- drop: {}", registry) }, `missing key "reason"`},
		"no list":      {func(tb testing.TB) { handlertest.Chain(tb, "drop", registry) }, "must be a list"},
		"no YAML":      {func(tb testing.TB) { handlertest.Chain(tb, "[", registry) }, "test.yaml:1"},
		"two handlers": {func(tb testing.TB) { handlertest.Handler(tb, "drop: {reason: a}\n\n- drop: {reason: b}", registry) }, "test.yaml"},
		"no fault":     {func(tb testing.TB) { _ = handlertest.Faults(tb, "- drop: {reason: a}", registry) }, "want faults"},
		"secret":       {func(tb testing.TB) { handlertest.NoSecret(tb, "the key is hunter2", "hunter2") }, "a secret was given away: the key is <secret>"},
	}
	for name, tt := range tests {
		if said := complaints(t, tt.helper); !strings.Contains(said, tt.want) {
			t.Errorf("%s: said %q, want %q", name, said, tt.want)
		}
	}
	if said := complaints(t, func(tb testing.TB) { handlertest.NoSecret(tb, "fine", "hunter2") }); said != "" {
		t.Errorf("no secret: said %q", said)
	}
}

// The fake must behave as the contract of handler.Claims says, or tests prove nothing.
func TestClaims(t *testing.T) {
	at := handlertest.Now
	claim := func(offset int64, after time.Duration) handler.Claim {
		return handler.Claim{Origin: handler.Origin{Topic: "t", Offset: offset}, AcceptedAt: at.Add(after), Window: time.Hour}
	}
	claims := handlertest.NewClaims()
	take := func(offset int64, after time.Duration) handler.Verdict {
		verdict, err := claims.Take(t.Context(), "k", claim(offset, after))
		if err != nil {
			t.Fatal(err)
		}
		return verdict
	}
	release := func(offset int64) {
		if err := claims.Release(t.Context(), "k", claim(offset, 0).Origin); err != nil {
			t.Fatal(err)
		}
	}
	steps := []struct {
		do   func() handler.Verdict
		want handler.Verdict
	}{
		{func() handler.Verdict { return take(1, 0) }, handler.Taken},
		{func() handler.Verdict { return take(1, 0) }, handler.Taken},
		{func() handler.Verdict { return take(2, time.Minute) }, handler.Duplicate},
		{func() handler.Verdict { release(2); return take(2, time.Minute) }, handler.Duplicate},
		{func() handler.Verdict { release(1); return take(2, time.Minute) }, handler.Taken},
		{func() handler.Verdict { return take(3, 2*time.Hour) }, handler.Taken},
		{func() handler.Verdict { return take(4, 2*time.Hour+time.Minute) }, handler.Duplicate},
	}
	for i, s := range steps {
		if got := s.do(); got != s.want {
			t.Errorf("step %d: %s, want %s", i, got, s.want)
		}
	}
	if diff := cmp.Diff([]string{"k"}, claims.Released()); diff != "" {
		t.Errorf("released (-want +got):\n%s", diff)
	}
	claims.Err = errors.New("outage")
	if _, err := claims.Take(t.Context(), "k", claim(1, 0)); !errors.Is(err, claims.Err) {
		t.Errorf("Take: %v", err)
	}
	if err := claims.Release(t.Context(), "k", claim(1, 0).Origin); !errors.Is(err, claims.Err) {
		t.Errorf("Release: %v", err)
	}
}

// With a limit, no window has more origins than that.
func TestClaimsWithALimit(t *testing.T) {
	claims := handlertest.NewClaims()
	for i, s := range []struct {
		offset int64
		after  time.Duration
		want   handler.Verdict
	}{
		{1, 0, handler.Taken},
		{2, time.Minute, handler.Taken},
		{3, 2 * time.Minute, handler.Duplicate},
		{2, time.Minute, handler.Taken},
		{4, time.Hour, handler.Taken},
		{5, time.Hour, handler.Duplicate},
		{6, time.Hour + time.Minute, handler.Taken},
	} {
		by := handler.Claim{
			Origin: handler.Origin{Topic: "t", Offset: s.offset}, AcceptedAt: handlertest.Now.Add(s.after), Window: time.Hour, Limit: 2,
		}
		if got, err := claims.Take(t.Context(), "k", by); err != nil || got != s.want {
			t.Errorf("step %d: %s, %v, want %s", i, got, err, s.want)
		}
	}
	if diff := cmp.Diff([]string{"k", "k", "k", "k"}, claims.Held()); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
}

func TestLookup(t *testing.T) {
	users := handlertest.Users()
	if record, ok, err := users.Get(t.Context(), "1"); !ok || err != nil || record["name"] != "Emma" {
		t.Errorf("1: %v, %t, %v", record, ok, err)
	}
	if record, ok, err := users.Get(t.Context(), "9"); ok || err != nil {
		t.Errorf("9: %v, %t, %v", record, ok, err)
	}
	users.Err = errors.New("outage")
	if _, ok, err := users.Get(t.Context(), "1"); ok || err == nil {
		t.Errorf("during an outage: %t, %v", ok, err)
	}
	if diff := cmp.Diff([]string{"1", "9", "1"}, users.Asked()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}
