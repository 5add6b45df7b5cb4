package event

import (
	"fmt"
	"mime"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/types"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// MaxAttribute is the longest id, source or type, in bytes.
const MaxAttribute = 1024

// The optional attributes of CloudEvents that handler.Event has no field for.
// They stand among its extensions.
const (
	attrSubject         = "subject"
	attrDataSchema      = "dataschema"
	attrDataContentType = "datacontenttype"
)

const contentTypeJSON = "application/json"

// validate checks what every event must fulfil, wherever it came from.
func validate(e *handler.Event) Problems {
	var problems Problems
	required := []struct{ name, value string }{{"id", e.ID}, {"source", e.Source}, {"type", e.Type}}
	for _, attribute := range required {
		if fault := checkRequired(attribute.value); fault != "" {
			problems = append(problems, Problem{pointer(attribute.name), fault})
		}
	}
	if source, ok := uriRef(e.Source); e.Source != "" && (!ok || source != e.Source) {
		problems = append(problems, Problem{"/source", "is no URI reference"})
	}
	// A year that RFC 3339 cannot write would make the record unreadable.
	if year := e.Time.UTC().Year(); year < 0 || year > 9999 {
		problems = append(problems, Problem{"/time", "lies outside the years 0 to 9999"})
	}
	for name, value := range e.Extensions {
		if fault := checkExtension(name, value); fault != "" {
			problems = append(problems, Problem{pointer(shorten(name, 100)), fault})
		}
	}
	if len(e.Data) == 0 {
		problems = append(problems, Problem{"/data", "is missing"})
	}
	return problems
}

// uriRef is a URI reference as the SDK writes it, escaped where it has to be:
// "a b" becomes "a%20b". It reports whether text is one at all.
func uriRef(text string) (string, bool) {
	if isPlainPath(text) {
		return text, true
	}
	ref := types.ParseURIRef(text)
	if ref == nil {
		return "", false
	}
	return ref.String(), true
}

// isPlainPath reports whether text is a path that needs no escapes, as nearly
// every source is: parsing it would leave it as it is.
func isPlainPath(text string) bool {
	if text == "" || strings.HasPrefix(text, "//") {
		return false
	}
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '/', c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}

// checkRequired checks the value of id, source or type.
func checkRequired(value string) string {
	switch {
	case value == "":
		return "is missing"
	case strings.TrimSpace(value) == "":
		return "is empty"
	case len(value) > MaxAttribute:
		return fmt.Sprintf("has %d bytes: at most %d are allowed", len(value), MaxAttribute)
	}
	return checkText(value)
}

// checkText refuses what a CloudEvents string may not hold.
func checkText(value string) string {
	if isPrintable(value) {
		return ""
	}
	if !utf8.ValidString(value) {
		return "is not valid UTF-8"
	}
	if strings.ContainsFunc(value, unicode.IsControl) {
		return "holds a control character"
	}
	return ""
}

// isPrintable reports whether value is ASCII without control characters, as
// nearly all values are.
func isPrintable(value string) bool {
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return false
		}
	}
	return true
}

// checkExtension checks an extension attribute, or an optional one that stands
// among them.
func checkExtension(name string, value any) string {
	if fault := checkName(name); fault != "" {
		return fault
	}
	text, ok := value.(string)
	if !ok {
		return ""
	}
	if fault := checkText(text); fault != "" {
		return fault
	}
	switch name {
	case attrSubject:
		if strings.TrimSpace(text) == "" {
			return "is empty: leave it out"
		}
	case attrDataSchema:
		if uri := types.ParseURI(text); uri == nil || !uri.Validate() || uri.String() != text {
			return "is no absolute URI"
		}
	case attrDataContentType:
		return checkContentType(text)
	}
	return ""
}

// checkName refuses what is no name of an attribute after CloudEvents 1.0.
// "data" would collide with the member that holds the data.
func checkName(name string) string {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return "is no attribute of CloudEvents 1.0: names are made of a-z and 0-9"
		}
	}
	switch name {
	case "", "data", "specversion", "id", "source", "type", "time":
		return "is no name for an extension attribute"
	}
	return ""
}

// checkContentType accepts the media types whose data is JSON.
func checkContentType(contentType string) string {
	if !IsJSON(contentType) {
		return fmt.Sprintf("is %s: the data of an event must be JSON (%s)", quote(contentType), contentTypeJSON)
	}
	return ""
}

// IsJSON says whether a content type is a JSON one: application/json,
// text/json, or any type with the suffix +json. CloudEvents' own types are not:
// they hold events, not data.
func IsJSON(contentType string) bool {
	if contentType == contentTypeJSON {
		return true
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil || strings.HasPrefix(mediaType, cloudEventsPrefix) {
		return false
	}
	return mediaType == contentTypeJSON || mediaType == "text/json" || strings.HasSuffix(mediaType, "+json")
}

// parseTime reads an RFC 3339 timestamp, as the SDK's types.ParseTime does,
// which puts the text on the heap.
func parseTime(text string) (time.Time, string) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Sprintf("is %s: write the time after RFC 3339, such as 2026-01-02T15:04:05Z", quote(text))
	}
	return t.UTC(), ""
}

// parseInteger reads a CloudEvents integer: 32 bits, no fraction, no exponent.
func parseInteger(value jsontext.Value) (int64, bool) {
	n, err := strconv.ParseInt(string(value), 10, 32)
	return n, err == nil
}

// CheckID says what is wrong with an event id, "" when nothing is.
func CheckID(id string) string { return checkRequired(id) }
