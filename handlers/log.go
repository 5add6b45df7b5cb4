package handlers

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/trieungochai/kafka-notify/handlers/expr"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func init() { handler.Register(Log) }

// LogConfig is what log takes.
type LogConfig struct {
	Message *expr.Template `yaml:"message,required" doc:"what the line says, cut where it is longer than 4 KiB"`
	Level   Level          `yaml:"level" doc:"how much it matters: the service's log.level says which lines are written"`
}

// Level is how much a line of the log matters.
type Level string

// The levels, as those of the service's log.
const (
	LevelDebug Level = "debug"
	LevelInfo  Level = "info"
	LevelWarn  Level = "warn"
	LevelError Level = "error"
)

// Values implements handler.Enum.
func (Level) Values() []string {
	return []string{string(LevelDebug), string(LevelInfo), string(LevelWarn), string(LevelError)}
}

func (l Level) slog() slog.Level {
	return map[Level]slog.Level{LevelDebug: slog.LevelDebug, LevelInfo: slog.LevelInfo, LevelWarn: slog.LevelWarn, LevelError: slog.LevelError}[l]
}

// Log writes a line to the service's log, and passes the message on.
var Log = handler.Type[LogConfig]{
	Name:    "log",
	Summary: "Writes a line to the service's log and passes the message on.",
	Doc: `
The line has the pipeline, the handler's place in the configuration, and the event's id and origin.
Each attempt at a message writes it anew; dry runs and tests write nothing. A variable of the
environment can't stand in it: its value may be a secret.

A template that can't be evaluated is an error of the class expression, which is not tried again,
whether or not the line would be written. It drops nothing, and declares no names.
`,
	Example: `
- log: {message: "{data.follower_id} follows {data.followee_id}", level: debug}
`,
	Default: func() LogConfig { return LogConfig{Level: LevelInfo} },
	New: func(c LogConfig, b *handler.Build) (handler.Handler, error) {
		message := b.Node().Get("message")
		for _, name := range b.Variables(message) {
			b.Fault(message.Faultf("the value of a variable such as ${%s} may be a secret, and must not stand in the log", name))
		}
		return &logger{message: c.Message, level: c.Level.slog(), log: b.Log, step: b.At().String()}, nil
	},
}

type logger struct {
	message *expr.Template
	level   slog.Level
	log     *slog.Logger
	step    string
}

// Handle implements handler.Handler.
func (l *logger) Handle(ctx context.Context, m *handler.Message) (handler.Result, error) {
	text, err := l.message.Eval(m)
	if err != nil {
		return handler.Result{}, handler.ExpressionError(fmt.Errorf("message: %w", err))
	}
	l.log.LogAttrs(ctx, l.level, line(text),
		slog.String("step", l.step), slog.String("event_id", m.Event.ID), slog.String("origin", m.Origin.String()))
	return handler.Next(m), nil
}

// maxLine bounds what one message writes, in bytes: an event may be a megabyte.
const maxLine = 4 << 10

func line(text string) string {
	if len(text) <= maxLine {
		return text
	}
	return strings.ToValidUTF8(text[:maxLine], "") + "…"
}
