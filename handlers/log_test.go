package handlers_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/handlers/handler"
	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

// logged is a log that writes into a buffer, without the time.
func logged(buf *bytes.Buffer, json bool) handlertest.Option {
	options := &slog.HandlerOptions{Level: slog.LevelInfo, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	if json {
		return handlertest.Log(slog.New(slog.NewJSONHandler(buf, options)))
	}
	return handlertest.Log(slog.New(slog.NewTextHandler(buf, options)))
}

func TestLog(t *testing.T) {
	const where = ` step="log test.yaml:1" event_id=e1 origin=events.follow/0/7` + "\n"
	tests := map[string]struct{ log, data, want string }{
		"info":     {`{message: "{data.a} follows {data.b}"}`, `{"a":"1","b":2}`, `level=INFO msg="1 follows 2"` + where},
		"error":    {`{message: a, level: error}`, `{}`, "level=ERROR msg=a" + where},
		"warn":     {`{message: a, level: warn}`, `{}`, "level=WARN msg=a" + where},
		"no level": {`{message: a, level: debug}`, `{}`, ""},
		"one line": {`{message: "{data.a}"}`, `{"a":"x\nlevel=ERROR msg=forged\u001b[2J\u0000 \u2028\u200b"}`, `level=INFO msg="x\nlevel=ERROR msg=forged\x1b[2J\x00 \u2028\u200b"` + where},
		"long":     {`{message: "{data.a}"}`, `{"a":"` + strings.Repeat("ü", 5000) + `"}`, "level=INFO msg=" + strings.Repeat("ü", 2048) + "…" + where},
		"cut":      {`{message: "x{data.a}"}`, `{"a":"` + strings.Repeat("ü", 5000) + `"}`, "level=INFO msg=x" + strings.Repeat("ü", 2047) + "…" + where},
	}
	for name, tt := range tests {
		var buf bytes.Buffer
		m := handlertest.Message(tt.data)
		m.Origin.Offset = 7
		result, err := handlertest.Handler(t, "log: "+tt.log, logged(&buf, false)).Handle(t.Context(), m)
		if err != nil || len(result.Messages()) != 1 || result.Messages()[0] != m {
			t.Errorf("%s: the message is not passed on: %v, %v", name, result, err)
		}
		if diff := cmp.Diff(tt.want, buf.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	var buf bytes.Buffer
	h := handlertest.Handler(t, `log: {message: "{data.a}"}`, logged(&buf, true))
	if _, err := h.Handle(t.Context(), handlertest.Message(`{"a":"x\ny"}`)); err != nil {
		t.Fatal(err)
	}
	want := `{"level":"INFO","msg":"x\ny","step":"log test.yaml:1","event_id":"e1","origin":"events.follow/0/0"}` + "\n"
	if diff := cmp.Diff(want, buf.String()); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

func TestLogErrors(t *testing.T) {
	for _, level := range []string{"debug", "info"} {
		h := handlertest.Handler(t, `log: {message: "{data.a}", level: `+level+`}`)
		_, err := h.Handle(t.Context(), handlertest.Message(`{}`))
		if err == nil || handler.ClassOf(err) != handler.ClassExpression || !handler.IsPermanent(err) || err.Error() != "message: {data.a}: no such key: a" {
			t.Errorf("%s: got error %v", level, err)
		}
	}
}

func TestLogFaults(t *testing.T) {
	env := handlertest.Env(map[string]string{"TOKEN": "hunter2"})
	for yaml, want := range map[string]string{
		`- log: {}`:                              `missing key "message"`,
		`- log: {message: a, level: inof}`:       `test.yaml:1:28: "inof" is not possible here (did you mean "info"?)`,
		`- log: {message: "{actr.id}"}`:          `test.yaml:1:20: unknown name "actr"`,
		`- log: {message: "${TOKEN} {data.a}"}`:  "test.yaml:1:18: the value of a variable such as ${TOKEN} may be a secret, and must not stand in the log",
		`- log: {message: "${STAGE:-dev} here"}`: "test.yaml:1:18: the value of a variable such as ${STAGE}",
	} {
		faults := handlertest.Faults(t, yaml, env)
		if len(faults) != 1 || !strings.Contains(faults.Error(), want) {
			t.Errorf("%s: got\n%s\nwant %s", yaml, faults, want)
		}
		handlertest.NoSecret(t, faults.Error(), "hunter2")
	}
	handlertest.Handler(t, `log: {message: "a literal $${{TOKEN}}"}`, env)
}

// Nor does it get there as what a parameter of a declared type stands for.
func TestLogTakesNoVariableAsParameter(t *testing.T) {
	const types = `
note:
  summary: Notes.
  parameters: {text: {type: template, doc: what to note}, tag: {type: string, default: x, doc: what to call it}}
  handlers: [log: {message: "MESSAGE"}]
`
	env := handlertest.Env(map[string]string{"TOKEN": "hunter2"})
	for _, message := range []string{"{params.text}", "noted: {params.text}", "{params.tag}: noted"} {
		declared := handlertest.Types(strings.ReplaceAll(types, "MESSAGE", message))
		faults := handlertest.Faults(t, `- note: {text: "${TOKEN}", tag: "${TOKEN}"}`, declared, env)
		if !strings.Contains(faults.Error(), "a variable such as ${TOKEN} may be a secret") {
			t.Errorf("%s: got\n%s", message, faults)
		}
		handlertest.NoSecret(t, faults.Error(), "hunter2")
	}
}
