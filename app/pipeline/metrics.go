package pipeline

import "github.com/prometheus/client_golang/prometheus"

// Metrics are the pipelines' measures.
type Metrics struct {
	delivered      *prometheus.CounterVec
	dropped        *prometheus.CounterVec
	attemptsFailed *prometheus.CounterVec
	retried        *prometheus.CounterVec
	poisoned       *prometheus.CounterVec
	handlerSeconds *prometheus.HistogramVec
	publishSeconds *prometheus.HistogramVec
	waiting        *prometheus.GaugeVec
	paused         *prometheus.GaugeVec
	lag            *prometheus.GaugeVec
	oldest         *prometheus.GaugeVec
}

// NewMetrics registers the measures with reg.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "kafka_notify", Name: name, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "kafka_notify", Name: name, Help: help}, labels)
		reg.MustRegister(g)
		return g
	}
	seconds := func(name, help string, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "kafka_notify", Name: name, Help: help,
			Buckets: prometheus.ExponentialBuckets(0.00001, 4, 11), // 10 µs to 10 s
		}, labels)
		reg.MustRegister(h)
		return h
	}
	return &Metrics{
		delivered: counter("notifications_delivered_total",
			"Notifications written to delivery topics.", "pipeline"),
		dropped: counter("messages_dropped_total",
			"Messages that a handler dropped, by its reason.", "pipeline", "handler", "reason"),
		attemptsFailed: counter("attempts_failed_total",
			"Attempts at a message that failed, before retry or poison.", "pipeline"),
		retried: counter("messages_retried_total",
			"Messages handed to a retry tier.", "pipeline", "tier"),
		poisoned: counter("messages_poisoned_total",
			"Messages written to the poison topic.", "pipeline", "class"),
		handlerSeconds: seconds("handler_seconds",
			"Time one handler takes for one message.", "pipeline", "handler"),
		publishSeconds: seconds("publish_seconds",
			"Time until a notification is acknowledged by all in-sync replicas.", "pipeline"),
		waiting: gauge("messages_waiting",
			"Messages that wait in place because broker or store are out of reach.", "pipeline"),
		paused: gauge("pipeline_paused",
			"1 while a pipeline has paused itself because too many of its messages were poisoned.", "pipeline"),
		lag: gauge("consumer_lag",
			"Offsets between a group's committed offset and the end of its topic.", "pipeline", "topic"),
		oldest: gauge("oldest_unprocessed_event_seconds",
			"Age of the oldest event that the pipeline has not finished, its retry tiers aside; 0 without one.", "pipeline"),
	}
}

// adopt prepares p's labels, so that they show from the start.
func (m *Metrics) adopt(p *Pipeline) {
	p.deliveredTotal = m.delivered.WithLabelValues(p.Name)
	p.publishSeconds = m.publishSeconds.WithLabelValues(p.Name)
	m.attemptsFailed.WithLabelValues(p.Name)
	m.waiting.WithLabelValues(p.Name)
	p.breaker.gauge = m.paused.WithLabelValues(p.Name)
	p.stepSeconds = nil
	for _, step := range p.chain.Steps() {
		p.stepSeconds = append(p.stepSeconds, m.handlerSeconds.WithLabelValues(p.Name, step.Name()))
	}
}
