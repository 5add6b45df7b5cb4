package kafka_test

import (
	"testing"

	"go.uber.org/goleak"
)

// What has been closed leaves nothing running, but for the ticker that sarama's
// metrics share in the whole process.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}
