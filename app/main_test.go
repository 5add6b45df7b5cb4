package app_test

import (
	"testing"

	"go.uber.org/goleak"
)

// A service that has stopped leaves nothing running.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// sarama's metrics share one ticker for the whole process.
		goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"),
		// The tests' own idle connections.
		goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"),
	)
}
