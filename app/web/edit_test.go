package web_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/poison"
)

const editPath = "/ui/poison/messages/m/edit"

// What a browser sends of a field that nobody touched is the payload, byte for
// byte; where it can't be, there is no field.
func TestEditKeepsEveryByte(t *testing.T) {
	for name, value := range map[string]string{
		"one line":           `{"a":1}`,
		"line feeds":         "{\n\t\"a\": 1\n}\n",
		"leading line feed":  "\n{\"a\":1}",
		"leading line feeds": "\n\n\n{}",
		"CR LF":              "{\r\n\"a\":1\r\n}\r\n",
		"leading CR LF":      "\r\n{}",
		"markup":             `{"a":"</textarea><script>&amp;&lt;"}`,
		"space":              "  {}  ",
		"other characters":   "\ufeff{\"a\":\"é\u2028\u0085\u202e😀\ufffd\"}\f\v\x01",
		"empty":              "",
	} {
		c := &console{entries: []poison.Entry{entry("m", value)}}
		b := open(t, c)
		form := b.get(editPath).form(t, editPath+"#trial")
		form.Set("do", "try")
		page := b.post(editPath, form)
		if string(c.value) != value || page.StatusCode != http.StatusOK {
			t.Errorf("%s: %d, tried %q, want %q", name, page.StatusCode, c.value, value)
		}
		form = page.form(t, editPath+"#trial")
		form.Set("do", "send")
		if page = b.post(editPath, form); string(c.value) != value || !c.sent || page.Header.Get("Location") != "/ui/poison/redrives/job-1" {
			t.Errorf("%s: %d, sent %q, want %q", name, page.StatusCode, c.value, value)
		}
	}
	for name, value := range map[string]string{
		"not UTF-8": "\xff{}", "NUL": "a\x00b", "mixed lines": "a\r\nb\nc", "CR alone": "a\rb", "CR at the end": "a\r\nb\r",
	} {
		c := &console{entries: []poison.Entry{entry("m", value)}}
		b := open(t, c)
		a := b.get(editPath)
		a.has(t, "This payload can't be edited here", "kafka-notify poison edit")
		a.lacks(t, "<textarea")
		if a := b.post(editPath, map[string][]string{"value": {"{}"}, "do": {"try"}}); a.StatusCode != http.StatusConflict || c.value != nil {
			t.Errorf("%s: %d, %q", name, a.StatusCode, c.value)
		}
	}
}

func TestEditIsSentAsItWasTried(t *testing.T) {
	c := &console{entries: []poison.Entry{entry("m", `{"a":1}`)}, trial: poison.EditPreview{
		Diff: "--- poisoned\n+++ edited\n-a\n+b\n",
		Trial: action.Trial{
			Outcome: "delivered", Steps: []action.TrialStep{{Step: "enrich kafka-notify.yaml:57", Did: "passes it on", Values: map[string]any{"actor": map[string]any{"name": "Emma"}}}},
			Outputs: []action.TrialOutput{{Topic: "notifications.user.1", Key: "1"}},
		},
	}}
	b := open(t, c)
	first := b.get(editPath)
	first.lacks(t, `id="send"`)
	form := first.form(t, editPath+"#trial")
	form.Set("value", "{\r\n\"a\":2}")
	form.Set("do", "send")
	if a := b.post(editPath, form); a.StatusCode != http.StatusBadRequest || c.sent {
		t.Errorf("sent untried: %d", a.StatusCode)
	}
	form.Set("do", "try")
	tried := b.post(editPath, form)
	tried.has(t, `<span class="removed">-a`, `<span class="added">&#43;b`, "delivered", "passes it on", `actor = {&#34;name&#34;:&#34;Emma&#34;}`, "notifications.user.1", `id="send"`)
	form = tried.form(t, editPath+"#trial")
	form.Set("do", "send")
	form.Set("value", "{}")
	changed := b.post(editPath, form)
	if c.sent {
		t.Error("what was sent was not tried")
	}
	changed.has(t, "The text was changed after it was tried")
	form = changed.form(t, editPath+"#trial")
	form.Set("do", "send")
	form.Set("reason", "typo")
	form.Set("name", "Ida")
	if a := b.post(editPath, form); !c.sent || string(c.value) != "{}" || c.reason != "typo" || c.by.Name != "Ida" || a.Header.Get("Location") != "/ui/poison/redrives/job-1" {
		t.Errorf("%d %q %q by %s", a.StatusCode, c.value, c.reason, c.by)
	}
}

// Nobody has to write their text again.
func TestEditThatIsRefusedKeepsTheText(t *testing.T) {
	c := &console{entries: []poison.Entry{entry("m", `{"a":1}`)}, trial: poison.EditPreview{Refused: `the id of the event must stay "x"`}}
	b := open(t, c)
	a := b.post(editPath, map[string][]string{"value": {"mine"}, "do": {"try"}})
	a.has(t, "the id of the event must stay", "mine</textarea>")
	a.lacks(t, `id="send"`)

	large := b.post(editPath, map[string][]string{"value": {strings.Repeat("x", 1<<16+1)}, "do": {"try"}})
	large.has(t, "The payload has 65,537 bytes, the most is 65,536", "x</textarea>")
	if a := b.post(editPath, map[string][]string{"value": {strings.Repeat("x", 1<<20)}, "do": {"try"}}); a.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%d", a.StatusCode)
	}

	laid := b.post(editPath, map[string][]string{"value": {`{"n":9007199254740993}`}, "do": {"lay-out"}})
	laid.has(t, "{\n\t&#34;n&#34;: 9007199254740993\n}</textarea>")

	refusing := open(t, &refusing{console{entries: c.entries}})
	a = refusing.post(editPath, map[string][]string{"value": {"mine"}, "do": {"try"}})
	if a.StatusCode != http.StatusConflict {
		t.Errorf("%d", a.StatusCode)
	}
	a.has(t, "no pipeline runs here", "mine</textarea>")
}

// refusing tries nothing.
type refusing struct{ console }

func (*refusing) TryEdit(context.Context, string, []byte) (poison.EditPreview, error) {
	return poison.EditPreview{}, &poison.RefusedError{Reason: "no pipeline runs here"}
}
