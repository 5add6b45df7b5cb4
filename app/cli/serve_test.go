package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/config"
)

// The banner names what is there: nothing here has a folder for its data.
func TestBannerOfOneOfSeveralInstances(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	text := "kafka: {brokers: [kafka-1:9092]}\nstore: {redis: {url: \"redis://u:hunter2@redis.internal\"}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	got := banner(cfg, "127.0.0.1:8080", cfg.Kafka.Brokers, nil)
	if !strings.Contains(got, "  Kafka   kafka-1:9092\n  Redis   redis.internal:6379\n  topics") {
		t.Errorf("banner:\n%s", got)
	}
}
