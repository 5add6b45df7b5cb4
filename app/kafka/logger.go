package kafka

import (
	"context"
	"log/slog"

	"github.com/ThreeDotsLabs/watermill"
)

// Logger is Watermill's LoggerAdapter on slog. Watermill's own adapter builds
// its attributes even for levels that are off, which costs on every message;
// this one looks at the level first. What Watermill calls info (a handler
// added, a subscription made) is debug to an operator.
type Logger struct {
	log    *slog.Logger
	fields watermill.LogFields
}

// NewLogger makes log take Watermill's messages.
func NewLogger(log *slog.Logger) Logger { return Logger{log: log} }

var _ watermill.LoggerAdapter = Logger{}

// Error implements watermill.LoggerAdapter.
func (l Logger) Error(msg string, err error, fields watermill.LogFields) {
	level := slog.LevelError
	if repeated[msg] {
		level = slog.LevelDebug
	}
	text := "none"
	if err != nil {
		text = err.Error() // formatted by itself it would bring its stack
	}
	l.write(level, msg, fields, slog.String("error", text))
}

// repeated is what watermill-kafka says of every consumer, many times a second,
// while the broker is away. That it is away, and back, the service says once.
var repeated = map[string]bool{
	"Sarama internal error":              true,
	"Cannot reconnect messages consumer": true,
	"Group consume error":                true,
}

// Info implements watermill.LoggerAdapter.
func (l Logger) Info(msg string, fields watermill.LogFields) { l.write(slog.LevelDebug, msg, fields) }

// Debug implements watermill.LoggerAdapter.
func (l Logger) Debug(msg string, fields watermill.LogFields) {
	l.write(slog.LevelDebug-2, msg, fields)
}

// Trace implements watermill.LoggerAdapter.
func (l Logger) Trace(msg string, fields watermill.LogFields) {
	l.write(watermill.LevelTrace, msg, fields)
}

// With implements watermill.LoggerAdapter.
func (l Logger) With(fields watermill.LogFields) watermill.LoggerAdapter {
	return Logger{log: l.log, fields: l.fields.Add(fields)}
}

func (l Logger) write(level slog.Level, msg string, fields watermill.LogFields, more ...slog.Attr) {
	ctx := context.Background()
	if !l.log.Enabled(ctx, level) {
		return
	}
	for name, value := range l.fields.Add(fields) {
		more = append(more, slog.Any(name, value))
	}
	l.log.LogAttrs(ctx, level, msg, more...)
}
