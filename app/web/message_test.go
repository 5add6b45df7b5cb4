package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/poison"
)

const script = `<script>alert(1)</script>`

// Whatever a message holds is text.
func TestNothingOfAMessageIsMarkup(t *testing.T) {
	m := entry("m", `{"a":"`+script+`"}`)
	m.Reason, m.Step, m.Key, m.Pipeline, m.EventID, m.EventType = script, script, script, script, script, script
	m.Topic, m.Fingerprint, m.Class, m.Job = script, script+`"><script>`, script, script
	m.Headers = []poison.Header{{Key: script, Value: "a\r\nb " + script}, {Key: "bytes", Value: "\xff\x00"}}
	c := &console{
		entries: []poison.Entry{m},
		groups:  []poison.Group{{Fingerprint: script, Pipeline: script, Class: script, Reason: script, Step: script, Count: 1, Hours: make([]int, 24)}},
		events: []poison.Event{{
			At: now, What: "redrive", Reason: script, By: &action.By{Name: script, Front: script}, Job: script, Edited: true,
			Diff: "+" + script + "\n", Refused: script,
		}},
		preview: poison.Preview{Selected: 1, Eligible: 1, Targets: []poison.Target{{Topic: script, Messages: 1, Readers: []string{script}}}, Refused: []poison.Refusal{{Reason: script, Count: 1, IDs: []string{script}}}},
		job:     poison.Job{ID: script, State: poison.Running, By: action.By{Name: script}, Why: script, Terms: action.Terms{Target: script, Selection: script}},
		trial: poison.EditPreview{Diff: script, Refused: script, Trial: action.Trial{
			Reason: script, Steps: []action.TrialStep{{Step: script, Did: script, Text: script, Values: map[string]any{"a": script}}},
			Outputs: []action.TrialOutput{{Topic: script, Key: script}},
		}},
	}
	b := open(t, c)
	answers := map[string]*answer{
		"trial": b.post("/ui/poison/messages/m/edit", map[string][]string{"value": {script}, "do": {"try"}}),
		"deed":  b.post("/ui/poison/discard", map[string][]string{"scope": {"ticked"}, "id": {script}, "q": {script}, "name": {script}}),
	}
	for _, path := range []string{
		"/ui/poison", "/ui/poison/messages/m", "/ui/poison/messages/m/edit", "/ui/poison/redrive?scope=shown&q=" + script, "/ui/poison/redrives",
		"/ui/poison/redrives/j", "/ui/poison/discard?scope=shown&reason=" + script + "&back=" + script,
		"/ui/poison?filter=" + script + "&q=" + script + "&pipeline=" + script + "&older_than=" + script, "/ui/" + script,
	} {
		answers[path] = b.get(path)
	}
	for path, a := range answers {
		if scripts := a.all("script"); len(scripts) != 1 || attribute(scripts[0], "src") != "/ui/static/console.js" {
			t.Errorf("%s: %d scripts:\n%s", path, len(scripts), a.body)
		}
		a.lacks(t, "ZgotmplZ") // html/template's mark for what it would not let through
	}
	answers["/ui/poison/messages/m"].has(t, `&#34;a\r\nb &lt;script&gt;`, `&#34;\xff\x00&#34;`, `<span class="added">&#43;&lt;script&gt;`)
}

func TestMessageShowsWhereItFailed(t *testing.T) {
	m := entry("m", `{"n":9007199254740993,"big":1e400,"deep":{"a":[1,2]}}`)
	c := &console{entries: []poison.Entry{m}, events: []poison.Event{{At: now, What: "failed", Class: "lookup_missing", Step: m.Step, Reason: "no user 5", Attempts: 3}}}
	a := open(t, c).get("/ui/poison/messages/m")
	a.has(t, "enrich kafka-notify.yaml:57", "events.follow/4/17", "notifications.poison/0/2", "5f2a", "f-9", "2026-01-02 14:04:05", "2026-01-02 15:03:05",
		"3, after 1 redrives", "expires in 2 d", "no user 5", "\t&#34;n&#34;: 9007199254740993,\n\t&#34;big&#34;: 1e400,\n\t&#34;deep&#34;: {\n\t\t&#34;a&#34;: [\n",
		`{&#34;n&#34;:9007199254740993,&#34;big&#34;:1e400`, "/ui/poison/messages/m/edit", "/ui/poison/redrive?id=m&amp;scope=ticked")
	a.lacks(t, "00000000")
}

func TestPayloads(t *testing.T) {
	nested := strings.Repeat("[", 9000) + strings.Repeat("]", 9000)
	m := []poison.Entry{
		entry("binary", "\xff\x00<script>"+strings.Repeat("x", 64<<10)), entry("hidden", "a\x1b[31mb"), entry("text", "\n\n  no json"),
		entry("large", `"`+strings.Repeat("y", 1<<20)+`"`), entry("nested", nested), entry("none", ""),
	}
	m[5].Value, m[5].Truncated = nil, true
	b := open(t, &console{entries: m})
	binary := b.get("/ui/poison/messages/binary")
	binary.has(t, "00000000  ff 00 3c 73 63 72 69 70", "|..&lt;script&gt;", "These are the first 64 KiB")
	binary.lacks(t, "Raw</summary>", "00010000")
	b.get("/ui/poison/messages/hidden").has(t, "Raw</summary>", "61 1b 5b 33 31 6d 62")
	if raw := inner(b.get("/ui/poison/messages/text").all("pre")[0]); raw != "\n\n  no json" {
		t.Errorf("raw %q", raw)
	}
	if large := b.get("/ui/poison/messages/large"); strings.Count(large.body, strings.Repeat("y", 1<<20)) != 2 {
		t.Error("a large payload is not shown whole")
	}
	if deep := b.get("/ui/poison/messages/nested"); len(deep.body) > 1<<20 || strings.Contains(deep.body, "Pretty") {
		t.Errorf("%d bytes", len(deep.body))
	}
	b.get("/ui/poison/messages/none").has(t, "The record has no value. The broker refused it as too large")

	file := b.get("/ui/poison/messages/binary/payload")
	if file.body != string(m[0].Value) || file.Header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(file.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("%v", file.Header)
	}
}

func TestStateDecidesWhatCanBeDone(t *testing.T) {
	m := entry("m", "{}")
	m.State = poison.Archived
	b := open(t, &console{entries: []poison.Entry{m}})
	a := b.get("/ui/poison/messages/m")
	a.has(t, `action="/ui/poison/restore"`, "/ui/poison/discard?")
	a.lacks(t, `action="/ui/poison/archive"`, "/edit", "/ui/poison/redrive?")
	if a := b.get("/ui/poison/messages/m/edit"); a.StatusCode != http.StatusConflict {
		t.Errorf("%d", a.StatusCode)
	}
}
