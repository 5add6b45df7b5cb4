package web

import (
	"fmt"
	"html/template"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

// functions are what templates call.
func (s *site) functions() template.FuncMap {
	return template.FuncMap{
		"ago":     func(t time.Time) string { return ago(s.opts.Now().Sub(t)) },
		"stamp":   func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
		"machine": func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
		"expires": func(t *time.Time) string { return expires(t, s.opts.Now()) },
		"count":   count, "messages": messages, "visible": visible, "message": messageLink, "job": jobLink, "percent": percent,
		"total": func(n int64) string { return count(int(n)) }, "rate": rate, "lasts": lasts, "reason": reason,
		"until":     func(t time.Time) string { return until(t.Sub(s.opts.Now())) },
		"difflines": diffLines, "json": inJSON,
		"list": func(items ...any) []any { return items },
	}
}

// ago is a span of the past in one unit.
func ago(d time.Duration) string {
	switch {
	case d < 2*time.Second:
		return "now"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s ago", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", d/time.Hour)
	}
	return fmt.Sprintf("%d d ago", d/(24*time.Hour))
}

// until is a span of the future in one unit.
func until(d time.Duration) string {
	if d <= 0 {
		return "when it comes"
	}
	return "in " + lasts(d.Truncate(time.Second)+time.Second)
}

// lasts is a duration, or so many seconds, in the form of the configuration: 1m,
// not 1m0s.
func lasts(span any) string {
	d, ok := span.(time.Duration)
	if !ok {
		d = seconds(span.(float64))
	}
	if d > time.Second {
		d = d.Round(time.Second)
	}
	text := d.Round(time.Millisecond).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// rate is so many a second.
func rate(perSecond float64) string {
	if perSecond >= 9.95 {
		return count(int(perSecond + 0.5))
	}
	return strconv.FormatFloat(math.Round(perSecond*10)/10, 'f', -1, 64)
}

// reason is why messages were dropped, as people read it.
func reason(name string) string { return strings.ReplaceAll(name, "_", " ") }

// soon is how long before its end a message is marked.
const soon = 7 * 24 * time.Hour

// expires says when Kafka will delete a message, if that is soon.
func expires(at *time.Time, now time.Time) string {
	if at == nil || at.Sub(now) > soon {
		return ""
	}
	switch left := at.Sub(now); {
	case left <= 0:
		return "expires any moment"
	case left < 2*time.Hour:
		return fmt.Sprintf("expires in %d min", left/time.Minute)
	case left < 48*time.Hour:
		return fmt.Sprintf("expires in %d h", left/time.Hour)
	default:
		return fmt.Sprintf("expires in %d d", left/(24*time.Hour))
	}
}

// count is a number with its thousands apart.
func count(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// messages is how many of them.
func messages(n int) string {
	if n == 1 {
		return "1 message"
	}
	return count(n) + " messages"
}

// percent is a share in percent.
func percent(share float64) string {
	return strconv.FormatFloat(100*share, 'g', 4, 64) + " %"
}

// visible is text as it is, or quoted where some of it couldn't be seen.
func visible(text string) string {
	if utf8.ValidString(text) && strings.IndexFunc(text, unseen) < 0 {
		return text
	}
	return strconv.Quote(text)
}

// unseen reports whether a character shows nothing, or changes how others are
// shown.
func unseen(r rune) bool { return r != ' ' && !unicode.IsPrint(r) }

// inJSON is a value as JSON, for people.
func inJSON(value any) string {
	text, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// messageLink is where one message is shown.
func messageLink(id string) string { return Home + "/messages/" + url.PathEscape(id) }

// jobLink is where one redrive job is shown.
func jobLink(id string) string { return Home + "/redrives/" + url.PathEscape(id) }
