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

func (discard) Publish(context.Context, *record.Record) error { return nil }

func benchmarkSubmit(b *testing.B, contentType, body string) {
	o := options(b)
	o.Publisher = discard{}
	o.NewID = nil
	server, err := api.New(o)
	if err != nil {
		b.Fatal(err)
	}
	handler := server.Handler()
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		request := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(body))
		request.Header.Set("Content-Type", contentType)
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		if recorder.Code != http.StatusAccepted {
			b.Fatalf("%d %s", recorder.Code, recorder.Body)
		}
	}
}

func BenchmarkSubmitNative(b *testing.B) { benchmarkSubmit(b, "application/json", native) }

func BenchmarkSubmitCloudEvent(b *testing.B) {
	benchmarkSubmit(b, "application/cloudevents+json", cloudEvent)
}

func BenchmarkSubmitBatchOf1000(b *testing.B) {
	benchmarkSubmit(b, "application/json", "["+strings.Repeat(native+",", 999)+native+"]")
}
