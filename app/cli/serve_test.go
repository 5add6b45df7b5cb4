package cli

import (
	"log/slog"
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
	cfg, err := config.Load(os.LookupEnv, file)
	if err != nil {
		t.Fatal(err)
	}
	got := banner(cfg, "127.0.0.1:8080", cfg.Kafka.Brokers, nil)
	if !strings.Contains(got, "  Kafka   kafka-1:9092\n  Redis   redis.internal:6379\n  topics") {
		t.Errorf("banner:\n%s", got)
	}
}

// A forgotten file with the cluster in it would leave no other trace.
func TestWarningOfAbsentSections(t *testing.T) {
	for text, want := range map[string]string{
		"http: {}":              "no file has a kafka section: the embedded broker is used\nno file has a store section: the embedded store is used\n",
		"store: {embedded: {}}": "no file has a kafka section: the embedded broker is used\n",
		"kafka: {brokers: [a:1], single_instance: true}": "no file has a store section: the embedded store is used\n",
		"kafka: {embedded: {}}\nstore: {embedded: {}}":   "",
	} {
		file := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(os.LookupEnv, file)
		if err != nil {
			t.Fatal(err)
		}
		var logged strings.Builder
		warnOfAbsent(slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key != slog.MessageKey {
					return slog.Attr{}
				}
				return a
			},
		})), cfg)
		got := strings.NewReplacer("msg=\"", "", "\"\n", "\n").Replace(logged.String())
		if got != want {
			t.Errorf("%s: warned of\n%s\nwant\n%s", text, got, want)
		}
	}
}
