package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/app/api"
)

// refusal is one request that is refused.
type refusal struct {
	contentType, body string
	header            []string
	status            int
	problem           string // the end of the type
	want              []string
}

func refusals() map[string]refusal {
	const j, nd, ce = "application/json", "application/x-ndjson", "application/cloudevents+json"
	event := func(data string) string { return `{"type":"follow","data":` + data + `}` }
	deep := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	list := `{"type":"open","data":1}` + strings.Repeat(`,{"type":"open","data":1}`, 1000)
	noID := []string{"ce-specversion", "1.0", "ce-source", "/s", "ce-type", "follow"}
	return map[string]refusal{
		"malformed JSON":        {j, `{"type":`, nil, 400, "malformed", []string{"line 1, column 9 (byte 8)", "the text ends in the middle of a value"}},
		"malformed, second row": {j, "{\"type\":\"follow\",\n\"data\":nope}", nil, 400, "malformed", []string{"line 2, column"}},
		"no JSON at all":        {j, `hello`, nil, 400, "malformed", []string{"byte 0"}},
		"empty body":            {j, ``, nil, 400, "malformed", []string{"the body is empty"}},
		"blank body":            {nd, " \n\n", nil, 400, "malformed", []string{"the body is empty"}},
		"empty array":           {j, `[]`, nil, 400, "malformed", []string{"the list holds no events"}},
		"empty batch":           {batchType, `[]`, nil, 400, "malformed", []string{"the list holds no events"}},
		"batch that is none":    {batchType, cloudEvent, nil, 400, "invalid-event", []string{"is no JSON array but an object"}},
		"array not closed":      {j, `[` + native, nil, 400, "malformed", []string{"the text ends in the middle"}},
		"number":                {j, `42`, nil, 400, "invalid-event", []string{"is no JSON object but a number"}},
		"wrong schema":          {j, event(`{"follower_id":true}`), nil, 400, "invalid-event", []string{`"/data/follower_id"`, "is a boolean", `"/data/followee_id"`, "is missing"}},
		"no data":               {j, `{"type":"follow"}`, nil, 400, "invalid-event", []string{`"/data"`, "is missing"}},
		"no type":               {j, `{"data":1}`, nil, 400, "invalid-event", []string{`"/type"`, "is missing"}},
		"unknown type":          {j, `{"type":"folow","data":{}}`, nil, 404, "unknown-event-type", []string{"did you mean", "follow, message, open"}},
		"unknown member":        {j, `{"type":"open","data":1,"idd":"1"}`, nil, 400, "invalid-event", []string{`"/idd"`, "is unknown"}},
		"CloudEvent as native":  {j, cloudEvent, nil, 400, "invalid-event", []string{"submit it with the content type application/cloudevents+json"}},
		"1,001 events":          {j, `[` + list + `]`, nil, 413, "too-many-events", []string{"more than 1000 events"}},
		"1,001 lines":           {nd, strings.Repeat("{\"type\":\"open\",\"data\":1}\n", 1001), nil, 413, "too-many-events", []string{"more than 1000 events"}},
		"1,001 CloudEvents":     {batchType, `[` + list + `]`, nil, 413, "too-many-events", []string{"more than 1000 events"}},
		"1 MiB and a byte":      {j, event(`"` + strings.Repeat("x", 1<<20+1-len(event(`""`))) + `"`), nil, 413, "too-large", []string{"1048576 bytes"}},
		"wrong content type":    {"text/plain", native, nil, 415, "unsupported-media-type", []string{"text/plain", j, nd, ce, batchType}},
		"no content type":       {"", native, nil, 415, "unsupported-media-type", []string{"no Content-Type"}},
		"broken content type":   {"application/;;", native, nil, 415, "unsupported-media-type", []string{"cannot be read"}},
		"another charset":       {"application/json; charset=iso-8859-1", native, nil, 415, "unsupported-media-type", []string{"iso-8859-1", "UTF-8"}},
		"compressed":            {j, native, []string{"Content-Encoding", "gzip"}, 415, "unsupported-media-type", []string{"gzip"}},
		"another event format":  {"application/cloudevents+avro", "x", nil, 415, "unsupported-media-type", []string{"application/cloudevents+avro"}},
		"binary without JSON":   {"text/xml", "<a/>", ceHeaders, 415, "unsupported-media-type", []string{"text/xml"}},
		"id beyond a topic":     {j, event(`{"follower_id":"2","followee_id":"` + strings.Repeat("é", 39) + `"}`), nil, 400, "invalid-event", []string{`"/data"`, "takes 234 bytes in a topic name: at most 230 fit"}},
		"empty key":             {j, event(`{"follower_id":"2","followee_id":""}`), nil, 400, "invalid-event", []string{`"/data"`, "is empty"}},
		"invalid UTF-8":         {j, event("\"\xff\""), nil, 400, "malformed", []string{"UTF-8"}},
		"100,000 deep":          {j, event(deep), nil, 400, "malformed", []string{"depth"}},
		"100,000 deep, batch":   {j, deep, nil, 400, "malformed", []string{"depth"}},
		"101 deep":              {j, `{"type":"open","data":` + strings.Repeat("[", 101) + strings.Repeat("]", 101) + `}`, nil, 400, "invalid-event", []string{`"/data"`, "deep"}},
		"duplicate keys":        {j, event(`{"follower_id":"2","followee_id":"1","followee_id":"3"}`), nil, 400, "malformed", []string{`the name \"followee_id\" stands twice`, `"/data/followee_id"`}},
		"something after":       {j, native + `x`, nil, 400, "malformed", []string{"there is something after the JSON value"}},
		"two objects":           {j, native + native, nil, 400, "malformed", []string{"there is something after the JSON value"}},
		"something after list":  {j, `[` + native + `]]`, nil, 400, "malformed", []string{"there is something after the JSON value"}},
		"bad line":              {nd, native + "\n\n" + native + "\n{\"type\":\n", nil, 400, "malformed", []string{"line 4, column"}},
		"two on a line":         {nd, native + native, nil, 400, "malformed", []string{"line 1", "something after"}},
		"number out of range":   {j, `{"type":"open","data":1e999999999}`, nil, 400, "invalid-event", []string{`"/data"`, "out of range"}},
		"control character":     {j, `{"type":"open","id":"\u0000","data":1}`, nil, 400, "invalid-event", []string{`"/id"`, "control character"}},
		"long id":               {j, `{"type":"open","id":"` + strings.Repeat("x", 1025) + `","data":1}`, nil, 400, "invalid-event", []string{`"/id"`, "1025 bytes"}},
		"bad time":              {j, `{"type":"open","time":"today","data":1}`, nil, 400, "invalid-event", []string{`"/time"`, "RFC 3339"}},
		"structured, version":   {ce, strings.Replace(cloudEvent, "1.0", "0.3", 1), nil, 400, "invalid-event", []string{`"/specversion"`}},
		"structured, array":     {ce, `[` + cloudEvent + `]`, nil, 400, "invalid-event", []string{"an array"}},
		"structured, XML data":  {ce, strings.Replace(cloudEvent, `"data"`, `"datacontenttype":"text/xml","data"`, 1), nil, 400, "invalid-event", []string{`"/datacontenttype"`}},
		"binary without an id":  {j, `{}`, noID, 400, "invalid-event", []string{`"/id"`, "is missing"}},
		"binary, empty":         {j, ``, ceHeaders, 400, "malformed", []string{"the body is empty"}},
		"binary, id twice":      {j, `{}`, append([]string{"ce-id", "2"}, ceHeaders...), 400, "invalid-event", []string{`"/id"`, "is given twice"}},
		"binary, version 0.3":   {j, `{}`, []string{"ce-specversion", "0.3"}, 400, "invalid-event", []string{`"/specversion"`}},
		"binary, invalid UTF-8": {j, `{}`, append([]string{"ce-ext", "%ff"}, ceHeaders...), 400, "invalid-event", []string{`"/ext"`, "UTF-8"}},
		"key with a list":       {j, `[` + native + `]`, []string{"Idempotency-Key", "k"}, 400, "malformed", []string{"Idempotency-Key", "list"}},
		"key twice":             {j, native, []string{"Idempotency-Key", "a", "Idempotency-Key", "b"}, 400, "malformed", []string{"is given twice"}},
		"key too long":          {j, native, []string{"Idempotency-Key", strings.Repeat("x", 1025)}, 400, "malformed", []string{"1025 bytes"}},
		"empty idempotency key": {j, native, []string{"Idempotency-Key", ""}, 400, "malformed", []string{"is missing"}},
		"from another site":     {j, native, []string{"Sec-Fetch-Site", "cross-site"}, 403, "cross-origin", []string{"another site"}},
		"of another origin":     {j, native, []string{"Origin", "https://evil.example"}, 403, "cross-origin", []string{"another site"}},
	}
}

// Each is a problem that names the fault, nothing is published, and the service
// goes on.
func TestBadInput(t *testing.T) {
	s := start(t)
	for name, tt := range refusals() {
		t.Run(name, func(t *testing.T) {
			got := s.submit(t, tt.contentType, tt.body, tt.header...)
			var p api.Problem
			if err := json.Unmarshal([]byte(got.body), &p); err != nil {
				t.Fatalf("%v in %.300s", err, got.body)
			}
			if got.StatusCode != tt.status || p.Status != tt.status || p.Type != "urn:kafka-notify:problem:"+tt.problem {
				t.Errorf("%d %.300s, want %d %s", got.StatusCode, got.body, tt.status, tt.problem)
			}
			if contentType := got.Header.Get("Content-Type"); contentType != "application/problem+json" {
				t.Errorf("content type %s", contentType)
			}
			for _, want := range tt.want {
				if !strings.Contains(got.body, want) {
					t.Errorf("the problem lacks %q: %.500s", want, got.body)
				}
			}
			if len(got.body) > 2000 {
				t.Errorf("the problem has %d bytes", len(got.body))
			}
			if ids := s.publisher.ids(); len(ids) > 0 {
				t.Errorf("published %v", ids)
			}
		})
	}
	if got := s.submit(t, "application/json", native); got.StatusCode != http.StatusAccepted {
		t.Errorf("afterwards the service answers %d %s", got.StatusCode, got.body)
	}
}

// A client that never says how much it sends is stopped all the same.
func TestEndlessBody(t *testing.T) {
	s := start(t)
	request, err := http.NewRequest(http.MethodPost, s.URL+"/v1/events", &endless{})
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", response.StatusCode)
	}
}

// endless is a body of spaces without an end.
type endless struct{}

func (*endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}
