package event_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

var sameEvent = cmpopts.IgnoreUnexported(handler.Event{})

// oddData is JSON that most codecs rewrite: space, escapes, order, numbers.
const oddData = "{ \"z\" : 9007199254740993,\n\t\"a\":1.0e+2,\"big\":123456789012345678901234567890, \"html\":\"<&>\\u003c\\/\u2028é\" }"

var when = time.Date(2026, 1, 2, 15, 4, 5, 123456789, time.UTC)

func headers(pairs ...string) []record.Header {
	var list []record.Header
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, record.Header{Key: pairs[i], Value: []byte(pairs[i+1])})
	}
	return list
}

func TestDecode(t *testing.T) {
	plain := &handler.Event{ID: "1", Source: "/s", Type: "follow", Data: []byte(oddData)}
	structured := `{"specversion":"1.0","id":"1","source":"/s","type":"follow","data": ` + oddData + ` }`
	full := &handler.Event{
		ID: "1", Source: "https://example.com/a?b=c#d", Type: "follow", Time: when, Data: []byte(oddData),
		Extensions: map[string]any{
			"subject": "s u b", "dataschema": "https://example.com/schema", "datacontenttype": "application/vnd.x+json",
			"text": "é\"<", "yes": true, "count": int64(-7),
		},
	}
	withText := *full
	withText.Extensions = map[string]any{
		"subject": "s u b", "dataschema": "https://example.com/schema", "datacontenttype": "application/vnd.x+json",
		"text": "é\"<", "yes": "true", "count": "-7",
	}
	tests := map[string]struct {
		headers []record.Header
		value   string
		want    *handler.Event
	}{
		"structured":                    {headers("content-type", "application/cloudevents+json"), structured, plain},
		"structured with a charset":     {headers("Content-Type", "application/CloudEvents+JSON; charset=UTF-8"), structured, plain},
		"without headers":               {nil, structured, plain},
		"with the headers of something": {headers("content-type", "application/json", "x", "y"), structured, plain},
		"the last content type counts":  {headers("content-type", "application/cloudevents+avro", "content-type", "application/cloudevents+json"), structured, plain},
		"data before the attributes": {
			nil,
			`{ "data" : ` + oddData + `,"type":"follow" , "source":"/s","id":"1","specversion":"1.0"}`, plain,
		},
		"data_base64": {
			nil,
			`{"specversion":"1.0","id":"1","source":"/s","data_base64" : "` + base64.StdEncoding.EncodeToString([]byte(" "+oddData)) + `","type":"follow"}`, plain,
		},
		"null attributes count as absent": {
			nil,
			`{"specversion":"1.0","id":"1","source":"/s","type":"follow","subject":null,"time":null,"ext":null,"data":` + oddData + `}`, plain,
		},
		"every attribute": {
			nil,
			`{"specversion":"1.0","id":"1","source":"https://example.com/a?b=c#d","type":"follow","time":"2026-01-02T16:04:05.123456789+01:00",` +
				`"subject":"s u b","dataschema":"https://example.com/schema","datacontenttype":"application/vnd.x+json",` +
				`"text":"é\"\u003c","yes":true,"count":-7,"data":` + oddData + `}`, full,
		},
		"null data": {
			nil, `{"specversion":"1.0","id":"1","source":"/s","type":"follow","data":null}`,
			&handler.Event{ID: "1", Source: "/s", Type: "follow", Data: []byte("null")},
		},
		"source that needs escaping": {
			nil, `{"specversion":"1.0","id":"1","source":"a b","type":"follow","data":1}`,
			&handler.Event{ID: "1", Source: "a%20b", Type: "follow", Data: []byte("1")},
		},
		"binary": {headers("ce_specversion", "1.0", "ce_id", "1", "ce_source", "/s", "ce_type", "follow", "content-type", "application/json"), oddData, plain},
		"binary with space around the data": {
			headers("ce_specversion", "1.0", "ce_id", "1", "ce_source", "/s", "ce_type", "follow"), "\n " + oddData + "\r\n", plain,
		},
		"binary with every attribute": {
			headers("ce_specversion", "1.0", "ce_id", "1", "ce_source", "https://example.com/a?b=c#d",
				"ce_type", "follow", "ce_time", "2026-01-02T15:04:05.123456789Z", "ce_subject", "s u b", "ce_dataschema", "https://example.com/schema",
				"content-type", "application/vnd.x+json", "ce_text", "é\"<", "ce_yes", "true", "ce_count", "-7", "traceparent", "unrelated"),
			oddData, &withText,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := event.Decode(tt.headers, []byte(tt.value))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, sameEvent); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestDecodeFaults(t *testing.T) {
	binary := func(pairs ...string) []record.Header {
		return append(headers("ce_specversion", "1.0", "ce_id", "1", "ce_source", "/s", "ce_type", "t"), headers(pairs...)...)
	}
	ce := func(members string) string {
		return `{"specversion":"1.0","id":"1","source":"/s","type":"t"` + members + `}`
	}
	long := strings.Repeat("x", event.MaxAttribute+1)
	tests := map[string]struct {
		headers []record.Header
		value   string
		want    []string // parts of the error
	}{
		"nothing":           {nil, "", []string{"byte 0", "the text is empty"}},
		"no JSON":           {nil, "hello", []string{"line 1, column 1"}},
		"no object":         {nil, `[]`, []string{"is no JSON object but an array"}},
		"empty object":      {nil, `{}`, []string{"/specversion is missing", "/id is missing", "/source is missing", "/type is missing", "/data is missing"}},
		"cut off":           {nil, `{"specversion":"1.0",`, []string{"the text ends in the middle of a value"}},
		"something after":   {nil, ce(`,"data":1`) + ` {}`, []string{"there is something after the JSON value"}},
		"duplicate name":    {nil, ce(`,"data":1,"id":"2"`), []string{`the name "id" stands twice`}},
		"duplicate in data": {nil, ce(`,"data":{"a":1,"a":2}`), []string{`the name "a" stands twice`}},
		"invalid UTF-8":     {nil, ce(",\"data\":\"\xff\""), []string{"UTF-8"}},
		"lone surrogate":    {nil, ce(`,"data":"\ud800"`), []string{"surrogate"}},
		"too deep":          {nil, ce(`,"data":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)), []string{"depth"}},
		"place":             {nil, "{\n \"id\": nul\n}", []string{"line 2, column"}},

		"version 0.3":           {nil, `{"specversion":"0.3","id":"1","source":"/s","type":"t","data":1}`, []string{`/specversion is "0.3", must be "1.0"`}},
		"id of another type":    {nil, `{"specversion":"1.0","id":1,"source":"/s","type":"t","data":1}`, []string{"/id is a number, must be a string"}},
		"empty id":              {nil, `{"specversion":"1.0","id":"","source":"/s","type":"t","data":1}`, []string{"/id is missing"}},
		"blank id":              {nil, `{"specversion":"1.0","id":" ","source":"/s","type":"t","data":1}`, []string{"/id is empty"}},
		"long id":               {nil, `{"specversion":"1.0","id":"` + long + `","source":"/s","type":"t","data":1}`, []string{"/id has 1025 bytes: at most 1024 are allowed"}},
		"control character":     {nil, `{"specversion":"1.0","id":"a\u0000b","source":"/s","type":"t","data":1}`, []string{"/id holds a control character"}},
		"source that is none":   {nil, `{"specversion":"1.0","id":"1","source":"1a:b","type":"t","data":1}`, []string{"/source is no URI reference"}},
		"source with control":   {nil, `{"specversion":"1.0","id":"1","source":"a\nb","type":"t","data":1}`, []string{"/source is no URI reference"}},
		"long source":           {nil, `{"specversion":"1.0","id":"1","source":"` + long + `","type":"t","data":1}`, []string{"/source has 1025 bytes"}},
		"source grows too long": {nil, `{"specversion":"1.0","id":"1","source":"` + strings.Repeat(" ", 500) + `x","type":"t","data":1}`, []string{"/source has 1501 bytes"}},
		"time that is none":     {nil, ce(`,"data":1,"time":"yesterday"`), []string{`/time is "yesterday": write the time after RFC 3339`}},
		"year that overflows":   {nil, ce(`,"data":1,"time":"9999-12-31T23:59:59-01:00"`), []string{"/time lies outside"}},
		"empty subject":         {nil, ce(`,"data":1,"subject":""`), []string{"/subject is empty"}},
		"relative dataschema":   {nil, ce(`,"data":1,"dataschema":"/x"`), []string{"/dataschema is no absolute URI"}},
		"other data":            {nil, ce(`,"data":"<a/>","datacontenttype":"text/xml"`), []string{`/datacontenttype is "text/xml": the data of an event must be JSON`}},
		"events as data":        {nil, ce(`,"data":{},"datacontenttype":"application/cloudevents+json"`), []string{"/datacontenttype"}},
		"name of an extension":  {nil, ce(`,"data":1,"myExt":"x"`), []string{"/myExt is no attribute of CloudEvents 1.0"}},
		"fraction":              {nil, ce(`,"data":1,"n":1.5`), []string{"/n is 1.5: a number in an extension attribute is an integer of 32 bits"}},
		"large integer":         {nil, ce(`,"data":1,"n":2147483648`), []string{"/n is 2147483648"}},
		"object as extension":   {nil, ce(`,"data":1,"n":{}`), []string{"/n is an object"}},
		"control in extension":  {nil, ce(`,"data":1,"n":"\u0007"`), []string{"/n holds a control character"}},
		"data twice":            {nil, ce(`,"data":1,"data_base64":"MQ=="`), []string{"/data_base64 stands beside data"}},
		"no base64":             {nil, ce(`,"data_base64":"%"`), []string{"/data_base64 is no base64"}},
		"base64 of no string":   {nil, ce(`,"data_base64":1`), []string{"/data_base64 is a number, must be a string"}},
		"base64 of no JSON":     {nil, ce(`,"data_base64":"aGVsbG8="`), []string{"/data_base64 holds no JSON"}},
		"several at once":       {nil, `{"specversion":"1.0","id":2,"source":"/s","time":3,"data":1}`, []string{"/id", "/time", "/type is missing"}},

		"another event format":     {headers("content-type", "application/cloudevents+avro"), "x", []string{"application/cloudevents+avro", "application/cloudevents+json"}},
		"batch":                    {headers("content-type", "application/cloudevents-batch+json"), "[]", []string{"application/cloudevents-batch+json"}},
		"binary without data":      {binary(), " ", []string{"/data is missing"}},
		"binary, data is no JSON":  {binary(), "hello", []string{"invalid JSON"}},
		"binary, duplicate names":  {binary(), `{"a":1,"a":1}`, []string{`the name "a" stands twice`}},
		"binary, wrong version":    {headers("ce_specversion", "0.3"), "1", []string{`/specversion is "0.3", must be "1.0"`}},
		"binary, nothing else":     {headers("ce_specversion", "1.0"), "1", []string{"/id is missing", "/source is missing", "/type is missing"}},
		"binary, twice":            {binary("ce_id", "2"), "1", []string{"/id is given twice"}},
		"binary, bad time":         {binary("ce_time", "now"), "1", []string{`/time is "now"`}},
		"binary, other data":       {binary("content-type", "text/xml"), "1", []string{"/datacontenttype"}},
		"binary, ce_data":          {binary("ce_data", "2"), "1", []string{"/data is no name for an extension"}},
		"binary, datacontenttype":  {binary("ce_datacontenttype", "x"), "1", []string{"/datacontenttype comes from the content-type header"}},
		"binary, name":             {binary("ce_my_ext", "x"), "1", []string{"/my_ext is no attribute"}},
		"binary, invalid UTF-8":    {binary("ce_ext", "\xff"), "1", []string{"/ext is not valid UTF-8"}},
		"binary, subject":          {binary("ce_subject", " "), "1", []string{"/subject is empty"}},
		"binary, control in an id": {headers("ce_specversion", "1.0", "ce_id", "a\x00b", "ce_source", "/s", "ce_type", "t"), "1", []string{"/id holds a control character"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := event.Decode(tt.headers, []byte(tt.value))
			if err == nil {
				t.Fatalf("no error, but %+v", e)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error lacks %q: %v", want, err)
				}
			}
			var syntax *event.SyntaxError
			var problems event.Problems
			if !errors.As(err, &syntax) && !errors.As(err, &problems) {
				t.Errorf("error is a %T", err)
			}
			if len(err.Error()) > 1000 {
				t.Errorf("error has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestEncode(t *testing.T) {
	e := &handler.Event{
		ID: "a\"b", Source: "/s", Type: "follow", Time: when, Data: []byte(oddData),
		Extensions: map[string]any{"subject": "<x>", "n": int64(5), "b": false},
	}
	got, err := event.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"specversion":"1.0","id":"a\"b","source":"/s","type":"follow","subject":"<x>","datacontenttype":"application/json",` +
		`"time":"2026-01-02T15:04:05.123456789Z","b":false,"n":5,"data":` + oddData + `}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

// An event without extension attributes doesn't go through the SDK; it must
// look as if it did.
func TestEncodeWritesPlainEventsAsTheSDKWritesOthers(t *testing.T) {
	for _, e := range []handler.Event{
		{ID: "a\"b\\c", Source: "https://example.com/a%20b?c=d#e", Type: "fol<low>&é", Time: when, Data: []byte(oddData)},
		{ID: "1", Source: "/s", Type: "t", Data: []byte("null")},
	} {
		plain, err := event.Encode(&e)
		if err != nil {
			t.Fatal(err)
		}
		extended := handler.Event{ID: e.ID, Source: e.Source, Type: e.Type, Time: e.Time, Data: e.Data, Extensions: map[string]any{"x": "1"}}
		other, err := event.Encode(&extended)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Replace(string(other), `"x":"1",`, "", 1), string(plain)); diff != "" {
			t.Errorf("(-SDK +plain)\n%s", diff)
		}
	}
}

func TestEncodeFaults(t *testing.T) {
	good := handler.Event{ID: "1", Source: "/s", Type: "t", Data: []byte("1")}
	tests := map[string]struct {
		change func(e *handler.Event)
		want   string
	}{
		"no id":               {func(e *handler.Event) { e.ID = "" }, "/id is missing"},
		"no data":             {func(e *handler.Event) { e.Data = nil }, "/data is missing"},
		"source":              {func(e *handler.Event) { e.Source = "a b" }, "/source is no URI reference"},
		"extension data":      {func(e *handler.Event) { e.Extensions = map[string]any{"data": "x"} }, "/data is no name"},
		"extension type":      {func(e *handler.Event) { e.Extensions = map[string]any{"x": []string{"y"}} }, "extension attribute x"},
		"subject of a number": {func(e *handler.Event) { e.Extensions = map[string]any{"subject": int64(1)} }, "attribute subject is no string"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := handler.Event{ID: good.ID, Source: good.Source, Type: good.Type, Data: good.Data}
			tt.change(&e)
			if text, err := event.Encode(&e); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Encode gave %q and %v, want an error with %q", text, err, tt.want)
			}
		})
	}
}

// events generates any event that can be submitted.
func events() *rapid.Generator[*handler.Event] {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("aZ0-_./:%<>&\"\\ é\u2028𝄞")), 1, 40, -1).
		Filter(func(s string) bool { return strings.TrimSpace(s) == s })
	source := rapid.SampledFrom([]string{"/s", "https://example.com/a%20b?c=%22#d", "urn:uuid:1", "mailto:a@b.c", "a/b", "?", "//host/x", "/kafka-notify/follow"})
	name := rapid.StringMatching("x[a-z0-9]{0,15}")
	value := rapid.OneOf(
		text.AsAny(),
		rapid.Bool().AsAny(),
		rapid.Map(rapid.Int32(), func(n int32) any { return int64(n) }),
	)
	data := rapid.OneOf(
		rapid.SampledFrom([]string{oddData, "null", "0", `""`, "[ ]", "-0.0", `"\u0000"`, strings.Repeat("[", 99) + strings.Repeat("]", 99)}),
		rapid.Custom(func(t *rapid.T) string {
			encoded, err := json.Marshal(rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "members"))
			if err != nil {
				t.Fatal(err)
			}
			return string(encoded)
		}),
	)
	return rapid.Custom(func(t *rapid.T) *handler.Event {
		e := &handler.Event{
			ID: text.Draw(t, "id"), Source: source.Draw(t, "source"), Type: text.Draw(t, "type"), Data: []byte(data.Draw(t, "data")),
		}
		if rapid.Bool().Draw(t, "has time") {
			seconds := rapid.Int64Range(-62167219200, 253402300799).Draw(t, "seconds")
			e.Time = time.Unix(seconds, rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).UTC()
		}
		if extensions := rapid.MapOfN(name, value, 0, 5).Draw(t, "extensions"); len(extensions) > 0 {
			e.Extensions = extensions
		}
		if rapid.Bool().Draw(t, "has optional attributes") {
			if e.Extensions == nil {
				e.Extensions = map[string]any{}
			}
			e.Extensions["subject"] = text.Draw(t, "subject")
			e.Extensions["dataschema"] = "https://example.com/schema"
			e.Extensions["datacontenttype"] = rapid.SampledFrom([]string{"text/json", "application/x+json; v=1"}).Draw(t, "content type")
		}
		return e
	})
}

func TestDecodeUndoesEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := events().Draw(t, "event")
		value, err := event.Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		if err := event.CheckJSON(value); err != nil {
			t.Fatal(err)
		}
		for name, h := range map[string][]record.Header{"bare": nil, "structured": headers("content-type", event.ContentType)} {
			got, err := event.Decode(h, value)
			if err != nil {
				t.Fatalf("%s: %v in %s", name, err, value)
			}
			if diff := cmp.Diff(want, got, sameEvent); diff != "" {
				t.Fatalf("%s (-want +got)\n%s", name, diff)
			}
		}
	})
}

// FuzzDecode feeds Decode with arbitrary records. What it accepts, Encode and
// Decode keep.
func FuzzDecode(f *testing.F) {
	f.Add("", `{"specversion":"1.0","id":"1","source":"/s","type":"t","data":`+oddData+`}`)
	f.Add("", `{"specversion":"1.0","id":"1","source":"#","type":"t","data_base64":"MQ=="}`)
	f.Add("", `{"specversion":"1.0","id":" 1","source":"a b%","type":"t","data":1,"n":-0,"time":"0000-01-01T00:00:00Z"}`)
	f.Add("application/json", `{"a":1}`)
	f.Add("application/x+json", "[1e400]")
	f.Fuzz(func(t *testing.T, binary, value string) {
		var h []record.Header
		if binary != "" {
			h = headers("ce_specversion", "1.0", "ce_id", "1", "ce_source", "/s", "ce_type", "t", "content-type", binary)
		}
		e, err := event.Decode(h, []byte(value))
		if err != nil {
			return
		}
		encoded, err := event.Encode(e)
		if err != nil {
			t.Fatalf("accepted %q, but cannot write it: %v", value, err)
		}
		again, err := event.Decode(nil, encoded)
		if err != nil {
			t.Fatalf("wrote %s, but cannot read it: %v", encoded, err)
		}
		if diff := cmp.Diff(e, again, sameEvent); diff != "" {
			t.Fatal(diff)
		}
	})
}
