package app_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/app/kafka"
)

// broker is a broker beside the service, that can go away and come back.
type broker struct {
	t       *testing.T
	address string
	dir     string
	running *kafka.Broker
}

func newBroker(t *testing.T, s *site) *broker {
	b := &broker{t: t, address: freeAddress(t), dir: filepath.Join(s.dir, "broker")}
	b.up()
	t.Cleanup(func() {
		if b.running != nil {
			b.down()
		}
	})
	s.yaml = strings.Replace(s.yaml, "KAFKA", "{brokers: ["+b.address+"], single_instance: true}", 1)
	return b
}

func (b *broker) up() {
	b.t.Helper()
	var err error
	if b.running, err = kafka.OpenBroker(b.t.Context(), b.address, b.dir, quiet()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *broker) down() {
	b.t.Helper()
	if err := b.running.Close(); err != nil {
		b.t.Fatal(err)
	}
	b.running = nil
}
