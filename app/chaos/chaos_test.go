//go:build chaos

package chaos_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/app/chaos"
)

// Three instances on three brokers, under every fault there is.
func TestPromisesHoldUnderEveryFault(t *testing.T) {
	if os.Getenv("KAFKA_BROKERS") == "" || os.Getenv("KAFKA_SCRIPT") == "" {
		t.Fatal("there is no cluster that may be broken: run make chaos")
	}
	o := options(t)
	o.Brokers = strings.Split(os.Getenv("KAFKA_BROKERS"), ",")
	o.Script = os.Getenv("KAFKA_SCRIPT")
	o.Instances, o.People = 3, 60
	o.Rate = int(number(t, "CHAOS_RATE", 200))
	o.KillsAtOnce = 5
	o.Faults = map[chaos.Fault]int{
		chaos.Nothing:        2,
		chaos.KillInstance:   int(number(t, "CHAOS_KILLS", 50)) / o.KillsAtOnce,
		chaos.FreezeInstance: 2,
		chaos.ScaleInstances: 2,
		chaos.KillBroker:     2,
		chaos.KillController: 2,
		chaos.CutBrokers:     2,
		chaos.SlowBrokers:    2,
		chaos.ResetBrokers:   2,
		chaos.RefusePoison:   2,
		chaos.StarvePoison:   1,
	}
	if o.Store == chaos.RedisStore {
		o.Faults[chaos.KillStore] = 3
	}
	report := run(t, o)
	if os.Getenv("CHAOS_WRITE") != "" && !report.Failed() {
		const page = "../../docs/chaos.md"
		err := errors.Join(os.MkdirAll(filepath.Dir(page), 0o755), os.WriteFile(page, []byte(report.Markdown()), 0o644))
		if err != nil {
			t.Error(err)
		}
	}
}
