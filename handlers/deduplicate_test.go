package handlers_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/handlers/handler"
	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

// event returns a message with another place in the source topic, accepted some time after Now.
func event(data string, offset int64, after time.Duration) *handler.Message {
	m := handlertest.Message(data)
	m.Origin.Offset = offset
	m.AcceptedAt = handlertest.Now.Add(after)
	return m
}

func TestDeduplicate(t *testing.T) {
	type message struct {
		data   string
		offset int64
		after  time.Duration
		reason string
	}
	tests := map[string][]message{
		"a repetition":         {{`{"k":"a"}`, 1, 0, ""}, {`{"k":"a"}`, 2, time.Minute, "duplicate"}},
		"another key":          {{`{"k":"a"}`, 1, 0, ""}, {`{"k":"b"}`, 2, time.Minute, ""}},
		"the same event":       {{`{"k":"a"}`, 1, 0, ""}, {`{"k":"a"}`, 1, 0, ""}},
		"after the window":     {{`{"k":"a"}`, 1, 0, ""}, {`{"k":"a"}`, 2, time.Hour, ""}},
		"within the window":    {{`{"k":"a"}`, 1, 0, ""}, {`{"k":"a"}`, 2, time.Hour - 1, "duplicate"}},
		"long, same digest":    {{`{"k":"` + long("a") + `"}`, 1, 0, ""}, {`{"k":"` + long("a") + `"}`, 2, 0, "duplicate"}},
		"long, another at end": {{`{"k":"` + long("a") + `"}`, 1, 0, ""}, {`{"k":"` + long("b") + `"}`, 2, 0, ""}},
	}
	for name, messages := range tests {
		h := handlertest.Handler(t, `deduplicate: {key: "{data.k}", window: 1h}`)
		for i, m := range messages {
			result, err := h.Handle(t.Context(), event(m.data, m.offset, m.after))
			if err != nil || result.Reason() != m.reason {
				t.Errorf("%s: message %d: got reason %q, %v, want %q", name, i, result.Reason(), err, m.reason)
			}
		}
	}
}

func long(end string) string { return strings.Repeat("x", 1000) + end }

// What a claim is for depends on what the file says the key is, not on where it says so.
func TestDeduplicateScope(t *testing.T) {
	claims := handlertest.NewClaims()
	m := event(`{"k":"a","l":"a"}`, 1, 0)
	run := func(yaml string, m *handler.Message) []handler.Dropped {
		_, drops, err := handlertest.Chain(t, yaml, handlertest.Claims(claims)).Run(t.Context(), m, nil)
		if err != nil {
			t.Fatal(err)
		}
		return drops
	}
	two := `[deduplicate: {key: "{data.k}", window: 1h}, deduplicate: {key: "{data.l}", window: 1h}]`
	if drops := run(two, m); drops != nil {
		t.Errorf("an event is its own duplicate: %v", drops)
	}
	if len(claims.Held()) != 2 {
		t.Errorf("claims: %v, want one for each step", claims.Held())
	}
	moved := `[filter: {when: "true"}, deduplicate: {key: "{data.k}", window: 1h}]`
	if drops := run(moved, event(`{"k":"a"}`, 2, 0)); len(drops) != 1 {
		t.Error("a step that was moved forgot its claims")
	}
	if drops := run(`- deduplicate: {key: "{data.k}!", window: 1h}`, event(`{"k":"a"}`, 3, 0)); drops != nil {
		t.Error("a step with another key finds the claims of the old one")
	}
}

// An event that is dropped later did not happen as far as duplicates are concerned.
func TestDeduplicateThenFilter(t *testing.T) {
	claims := handlertest.NewClaims()
	chain := handlertest.Chain(t, `[deduplicate: {key: "{data.k}", window: 1h}, filter: {when: data.ok}]`, handlertest.Claims(claims))
	var reasons []string
	for i, data := range []string{`{"k":"a","ok":false}`, `{"k":"a","ok":true}`, `{"k":"a","ok":true}`} {
		_, drops, err := chain.Run(t.Context(), event(data, int64(i), 0), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range drops {
			reasons = append(reasons, d.Reason)
		}
	}
	if diff := cmp.Diff([]string{"filtered", "duplicate"}, reasons); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDeduplicateErrors(t *testing.T) {
	h := handlertest.Handler(t, `deduplicate: {key: "{data.k}", window: 1h}`)
	for data, want := range map[string]string{`{}`: "{data.k}: no such key: k", `{"k":""}`: "the key is empty"} {
		_, err := h.Handle(t.Context(), handlertest.Message(data))
		if err == nil || handler.ClassOf(err) != handler.ClassExpression || !handler.IsPermanent(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want %s", data, err, want)
		}
	}
	claims := handlertest.NewClaims()
	claims.Err = handler.Unavailable(errors.New("connection refused"))
	h = handlertest.Handler(t, `deduplicate: {key: "{data.k}", window: 1h}`, handlertest.Claims(claims))
	m := handlertest.Message(`{"k":"a"}`)
	if _, err := h.Handle(t.Context(), m); !handler.IsUnavailable(err) || handler.IsPermanent(err) {
		t.Errorf("got error %v, want an outage", err)
	}
	if len(m.Claims) != 1 {
		t.Error("a claim that may have been taken is not remembered")
	}
}

func TestDeduplicateFaults(t *testing.T) {
	for yaml, want := range map[string]string{
		`- deduplicate: {key: a, window: 0s}`:  "test.yaml:1:33: window must be longer than 0s",
		`- deduplicate: {key: a, window: -1h}`: "test.yaml:1:33: window must be longer than 0s",
		`- deduplicate: {key: a}`:              `missing key "window"`,
		`- deduplicate: {window: 1h}`:          `missing key "key"`,
	} {
		if faults := handlertest.Faults(t, yaml); len(faults) != 1 || !strings.Contains(faults.Error(), want) {
			t.Errorf("%s: got\n%s\nwant %s", yaml, faults, want)
		}
	}
	if faults := handlertest.Faults(t, `- deduplicate: {key: a, window: 1h}`, handlertest.Claims(nil)); !strings.Contains(faults.Error(), "no store") {
		t.Errorf("without a store: %s", faults)
	}
}
