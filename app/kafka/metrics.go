package kafka

import "github.com/rcrowley/go-metrics"

// noMetrics is where sarama's own metrics go: nowhere. Nobody reads them, and
// a histogram for every topic ever published to takes 55 KiB, more than all
// else that a person's topic costs.
type noMetrics struct{ metrics.Registry }

func newNoMetrics() metrics.Registry { return noMetrics{metrics.NewRegistry()} }

// GetOrRegister answers with a metric that does nothing. sarama hands over the
// metric or, as here in all cases, the function that would make it.
func (noMetrics) GetOrRegister(_ string, metric any) any {
	switch metric.(type) {
	case func() metrics.Histogram:
		return metrics.NilHistogram{}
	case func() metrics.Meter:
		return metrics.NilMeter{}
	case func() metrics.Counter:
		return metrics.NilCounter{}
	default:
		return metric
	}
}
