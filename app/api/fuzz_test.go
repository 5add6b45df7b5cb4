package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/app/event"
)

// FuzzSubmit posts arbitrary bodies. Whatever they are, the service neither
// panics nor fails, and what it publishes is an event that a pipeline reads.
func FuzzSubmit(f *testing.F) {
	const plain, binary = false, true
	for _, r := range refusals() {
		if len(r.body) < 10_000 {
			f.Add(r.contentType, r.body, len(r.header) > 2)
		}
	}
	f.Add("application/json", native, plain)
	f.Add("application/json", "["+native+","+native+"]", plain)
	f.Add("application/x-ndjson", native+"\n"+native, plain)
	f.Add("application/cloudevents+json", cloudEvent, plain)
	f.Add(batchType, "["+cloudEvent+"]", plain)
	f.Add("application/vnd.x+json", `{"followee_id":1,"follower_id":2}`, binary)

	o := options(f)
	published := o.Publisher.(*publisher)
	server, err := api.New(o)
	if err != nil {
		f.Fatal(err)
	}
	handler := server.Handler()
	f.Fuzz(func(t *testing.T, contentType, body string, inBinary bool) {
		published.records = nil
		request := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(body))
		request.Header.Set("Content-Type", contentType)
		if inBinary {
			for i := 0; i < len(ceHeaders); i += 2 {
				request.Header.Set(ceHeaders[i], ceHeaders[i+1])
			}
		}
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		response := recorder.Result()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode >= http.StatusInternalServerError {
			t.Fatalf("%d %s", response.StatusCode, text)
		}
		if err := event.CheckJSON(text); err != nil {
			t.Fatalf("the answer is no JSON: %v in %s", err, text)
		}
		if response.StatusCode >= http.StatusBadRequest && len(published.records) > 0 {
			t.Fatalf("answered %d, but published %d records", response.StatusCode, len(published.records))
		}
		for _, rec := range published.records {
			e, err := event.Decode(rec.Headers, rec.Value)
			if err != nil {
				t.Fatalf("published what cannot be read: %v in %s", err, rec.Value)
			}
			kind, ok := o.Types.Get(e.Type)
			if !ok || kind.Topic() != rec.Topic || len(kind.Check(e)) > 0 {
				t.Fatalf("published to %s what is no event of it: %s", rec.Topic, rec.Value)
			}
			if key, err := kind.Key(e); err != nil || key != string(rec.Key) {
				t.Fatalf("published under %q, but the key is %q: %v", rec.Key, key, err)
			}
		}
	})
}
