package handlers_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/handlers/handler"
	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

func TestThrottle(t *testing.T) {
	type message struct {
		key    string
		offset int64
		after  time.Duration
		over   bool
	}
	tests := map[string][]message{
		"at most two":         {{"a", 1, 0, false}, {"a", 2, 0, false}, {"a", 3, 0, true}, {"a", 4, time.Hour - 1, true}},
		"another key":         {{"a", 1, 0, false}, {"a", 2, 0, false}, {"b", 3, 0, false}},
		"the same event":      {{"a", 1, 0, false}, {"a", 1, 0, false}, {"a", 1, 0, false}, {"a", 2, 0, false}, {"a", 3, 0, true}},
		"over, and again":     {{"a", 1, 0, false}, {"a", 2, 0, false}, {"a", 3, 0, true}, {"a", 3, 0, true}, {"a", 1, 0, false}},
		"after the window":    {{"a", 1, 0, false}, {"a", 2, 1, false}, {"a", 3, time.Hour, false}, {"a", 4, time.Hour, true}, {"a", 5, time.Hour + 1, false}},
		"over counts nothing": {{"a", 1, 0, false}, {"a", 2, 0, false}, {"a", 3, time.Hour - 1, true}, {"a", 4, time.Hour, false}, {"a", 5, time.Hour, false}},
		"long, same digest":   {{long("a"), 1, 0, false}, {long("a"), 2, 0, false}, {long("a"), 3, 0, true}, {long("b"), 4, 0, false}},
	}
	for name, messages := range tests {
		drop := handlertest.Handler(t, `throttle: {key: "{data.k}", limit: 2, window: 1h}`)
		mark := handlertest.Handler(t, `throttle: {key: "{data.k}", limit: 2, window: 1h, over: mark, as: busy}`)
		for i, tt := range messages {
			data := fmt.Sprintf(`{"k":%q}`, tt.key)
			result, err := drop.Handle(t.Context(), event(data, tt.offset, tt.after))
			if dropped := result.Reason() == "throttled"; err != nil || dropped != tt.over {
				t.Errorf("%s: message %d: got reason %q, %v", name, i, result.Reason(), err)
			}
			m := event(data, tt.offset, tt.after)
			result, err = mark.Handle(t.Context(), m)
			if err != nil || len(result.Messages()) != 1 || m.Values["busy"] != tt.over || (len(m.Claims) == 0) != tt.over {
				t.Errorf("%s: message %d: marked %v, claims %v, %v", name, i, m.Values["busy"], m.Claims, err)
			}
		}
	}
}

// runThrottled runs one event after the other and tells for each what was dropped, "" for what went
// through.
func runThrottled(t *testing.T, claims handler.Claims, yaml string, data ...string) []string {
	t.Helper()
	chain := handlertest.Chain(t, yaml, handlertest.Claims(claims))
	reasons := make([]string, len(data))
	for i, d := range data {
		_, drops, err := chain.Run(t.Context(), event(d, int64(i), 0), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, drop := range drops {
			reasons[i] += drop.Reason
		}
	}
	return reasons
}

// A place is given back when the message is dropped later, or poisoned.
func TestThrottleGivesPlacesBack(t *testing.T) {
	claims := handlertest.NewClaims()
	yaml := `[throttle: {key: "{data.k}", limit: 1, window: 1h}, filter: {when: data.ok}]`
	got := runThrottled(t, claims, yaml, `{"k":"a","ok":false}`, `{"k":"a","ok":true}`, `{"k":"a","ok":true}`)
	if diff := cmp.Diff([]string{"filtered", "", "throttled"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	chain := handlertest.Chain(t, yaml, handlertest.Claims(claims))
	failed := event(`{"k":"b"}`, 10, 0)
	for range 2 { // The second is a retry.
		if _, _, err := chain.Run(t.Context(), failed, nil); err == nil || len(failed.Claims) != 1 {
			t.Fatalf("got %v and the claims %v", err, failed.Claims)
		}
	}
	other := event(`{"k":"b","ok":true}`, 11, 0)
	if _, drops, err := chain.Run(t.Context(), other, nil); err != nil || len(drops) != 1 {
		t.Errorf("a message that is tried again has lost its place: %v, %v", drops, err)
	}
	if err := failed.ReleaseClaims(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, drops, err := chain.Run(t.Context(), other, nil); err != nil || drops != nil {
		t.Errorf("after the first was poisoned: %v, %v", drops, err)
	}
}

// People of one event that was split are counted each by themselves, and one place is for one event.
func TestThrottleAfterSplit(t *testing.T) {
	claims := handlertest.NewClaims()
	got := runThrottled(t, claims, `
- split: {over: "{data.to}", as: p}
- throttle: {key: "{p}", limit: 2, window: 1h}
`, `{"to":["a","b"]}`, `{"to":["a"]}`, `{"to":["a","b"]}`)
	if diff := cmp.Diff([]string{"", "", "throttled"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(claims.Held()) != 4 {
		t.Errorf("%d places are held, want two of each person: %v", len(claims.Held()), claims.Held())
	}
	got = runThrottled(t, handlertest.NewClaims(), `
- split: {over: "{data.to}", as: p}
- throttle: {key: everybody, limit: 2, window: 1h}
`, `{"to":["a","b","c"]}`, `{"to":["a"]}`, `{"to":["b"]}`)
	if diff := cmp.Diff([]string{"", "", "throttled"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Several throttles of one key are independent, however they are ordered; deduplicate has keys of its own.
func TestThrottleScope(t *testing.T) {
	few, many := `throttle: {key: "{data.k}", limit: 1, window: 1h, over: mark}`, `throttle: {key: "{data.k}", limit: 2, window: 1h}`
	for _, yaml := range []string{"- " + few + "\n- " + many, "- " + many + "\n- " + few} {
		got := runThrottled(t, handlertest.NewClaims(), yaml+"\n- filter: {when: '!throttled'}", `{"k":"a"}`, `{"k":"a"}`, `{"k":"a"}`, `{"k":"a"}`)
		// What the filter drops gives its place among the many back.
		if diff := cmp.Diff([]string{"", "filtered", "filtered", "filtered"}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", yaml, diff)
		}
		got = runThrottled(t, handlertest.NewClaims(), yaml, `{"k":"a"}`, `{"k":"a"}`, `{"k":"a"}`)
		if diff := cmp.Diff([]string{"", "", "throttled"}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", yaml, diff)
		}
	}
	claims := handlertest.NewClaims()
	runThrottled(t, claims, `[deduplicate: {key: "{data.k}", window: 1h}, throttle: {key: "{data.k}", limit: 1, window: 1h}]`, `{"k":"a"}`)
	if len(claims.Held()) != 2 {
		t.Errorf("claims: %v, want one for each step", claims.Held())
	}
}

func TestThrottleErrors(t *testing.T) {
	h := handlertest.Handler(t, `throttle: {key: "{data.k}", limit: 1, window: 1h}`)
	for data, want := range map[string]string{`{}`: "key: {data.k}: no such key: k", `{"k":""}`: "key: the key is empty"} {
		_, err := h.Handle(t.Context(), handlertest.Message(data))
		if err == nil || handler.ClassOf(err) != handler.ClassExpression || !handler.IsPermanent(err) || err.Error() != want {
			t.Errorf("%s: got error %v, want %s", data, err, want)
		}
	}
	claims := handlertest.NewClaims()
	claims.Err = handler.Unavailable(errors.New("connection refused"))
	h = handlertest.Handler(t, `throttle: {key: "{data.k}", limit: 1, window: 1h, over: mark}`, handlertest.Claims(claims))
	m := handlertest.Message(`{"k":"a"}`)
	if _, err := h.Handle(t.Context(), m); !handler.IsUnavailable(err) || handler.IsPermanent(err) {
		t.Errorf("got error %v, want an outage", err)
	}
	if len(m.Claims) != 1 {
		t.Error("a place that may have been taken is not remembered")
	}
}

func TestThrottleFaults(t *testing.T) {
	for yaml, want := range map[string]string{
		`- throttle: {key: a, limit: 1, window: 0s}`:                                "test.yaml:1:40: window must be longer than 0s",
		`- throttle: {key: a, limit: 0, window: 1h}`:                                "test.yaml:1:29: limit must be from 1 to 1000",
		`- throttle: {key: a, limit: 1001, window: 1h}`:                             "test.yaml:1:29: limit must be from 1 to 1000",
		`- throttle: {key: a, limit: 1, window: 1h, over: hold}`:                    `test.yaml:1:50: "hold" is not possible here (valid: drop, mark)`,
		`- throttle: {key: a, limit: 1, window: 1h, as: busy}`:                      "test.yaml:1:48: as names the mark, and nothing is marked here (add over: mark)",
		`- throttle: {key: a, limit: 1, window: 1h, over: mark, as: data}`:          `test.yaml:1:60: the name "data" is taken already`,
		`[throttle: {key: a, limit: 1, window: 1h}, filter: {when: throttled}]`:     `unknown name "throttled"`,
		`[throttle: {limit: 1, window: 1h, over: mark}, filter: {when: throttled}]`: `missing key "key"`,
	} {
		if faults := handlertest.Faults(t, yaml); len(faults) != 1 || !strings.Contains(faults.Error(), want) {
			t.Errorf("%s: got\n%s\nwant %s", yaml, faults, want)
		}
	}
	twice := "- throttle: {key: a, limit: 1, window: 1h, over: mark}\n- throttle: {key: b, limit: 1, window: 1h, over: mark}\n"
	if faults := handlertest.Faults(t, twice); len(faults) != 1 || !strings.Contains(faults.Error(), `test.yaml:2:13: the name "throttled" is taken already`) {
		t.Errorf("two marks of one name: %s", faults)
	}
	faults := handlertest.Faults(t, `- throttle: {key: a, limit: 1, window: 1h}`, handlertest.Claims(nil))
	if !strings.Contains(faults.Error(), "no store") {
		t.Errorf("without a store: %s", faults)
	}
}
