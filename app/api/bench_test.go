package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/app/record"
)

// discard is a broker that takes everything at once.
type discard struct{}

func (discard) Publish(_ context.Context, records ...*record.Record) []error {
	return make([]error, len(records))
}

// submitter returns one submission, from the request as it was read to its
// answer, with a broker that takes everything at once.
func submitter(t testing.TB, contentType, body string) func() {
	o := options(t)
	o.Publisher = discard{}
	o.NewID = nil
	server, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	handler := server.Handler()
	return func() {
		request := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(body))
		request.Header.Set("Content-Type", contentType)
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		if recorder.Code != http.StatusAccepted {
			t.Fatalf("%d %s", recorder.Code, recorder.Body)
		}
	}
}

func benchmarkSubmit(b *testing.B, contentType, body string) {
	submit := submitter(b, contentType, body)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		submit()
	}
}

// What a submission allocates for each of its events, about 30 of them for the
// test's own request and recorder. Lower it when a change needs fewer.
func TestAllocationsOfSubmitting(t *testing.T) {
	for _, tt := range []struct {
		name        string
		contentType string
		body        string
		events      int
		most        float64
	}{
		{"native", "application/json", native, 1, 115},
		{"CloudEvent", "application/cloudevents+json", cloudEvent, 1, 134},
		{"NDJSON of 500", "application/x-ndjson", strings.Repeat(native+"\n", 500), 500, 70},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := testing.AllocsPerRun(20, submitter(t, tt.contentType, tt.body)) / float64(tt.events)
			t.Logf("%.1f allocations an event", got)
			if got > tt.most {
				t.Errorf("%.1f allocations an event, at most %.0f are allowed", got, tt.most)
			}
		})
	}
}

func BenchmarkSubmitNative(b *testing.B) { benchmarkSubmit(b, "application/json", native) }

func BenchmarkSubmitCloudEvent(b *testing.B) {
	benchmarkSubmit(b, "application/cloudevents+json", cloudEvent)
}

func BenchmarkSubmitBatchOf1000(b *testing.B) {
	benchmarkSubmit(b, "application/json", "["+strings.Repeat(native+",", 999)+native+"]")
}
