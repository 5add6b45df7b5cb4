//go:build !kafka

package app_test

import "testing"

// kafkaAt is the `kafka:` of a test's configuration: the embedded broker.
func kafkaAt(_ *testing.T, address string) string {
	return "{embedded: {listen: " + address + ", data_dir: DIR/kafka}}"
}

// brokersAt is where that broker listens.
func brokersAt(address string) []string { return []string{address} }

// brokerDiesToo says that a killed service takes its broker along.
const brokerDiesToo = true
