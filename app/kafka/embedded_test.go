//go:build !kafka

package kafka_test

import "testing"

func givenBrokers(*testing.T) []string { return nil }
