package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// unknownType is the label of event types that are not in the configuration:
// what clients write must not make labels.
const unknownType = "unknown"

// metrics are the counts and times of submission and of HTTP.
type metrics struct {
	accepted *prometheus.CounterVec   // type
	rejected *prometheus.CounterVec   // type, reason
	requests *prometheus.HistogramVec // route, method, code
	publish  prometheus.Histogram
}

// newMetrics makes the metrics and registers them.
func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		accepted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kafka_notify_events_accepted_total",
			Help: "Events that the broker has confirmed.",
		}, []string{"type"}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kafka_notify_events_rejected_total",
			Help: "Events, and requests that hold none that can be read, that were not accepted, by the name of the problem.",
		}, []string{"type", "reason"}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "kafka_notify_http_request_seconds",
			Help:    "Time to answer an HTTP request.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route", "method", "code"}),
		publish: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "kafka_notify_submit_publish_seconds",
			Help:    "Time until the broker has confirmed an event.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
	}
	return m, errors.Join(
		registry.Register(m.accepted),
		registry.Register(m.rejected),
		registry.Register(m.requests),
		registry.Register(m.publish),
	)
}

// request counts an answered request.
func (m *metrics) request(route, method string, status int, took time.Duration) {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default:
		method = "other"
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Observe(took.Seconds())
}
