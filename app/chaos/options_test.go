package chaos_test

import (
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/app/chaos"
	"github.com/trieungochai/kafka-notify/config"
)

func TestRunRefusesWhatCannotWork(t *testing.T) {
	for want, change := range map[string]func(*chaos.Options){
		"Binary":           func(o *chaos.Options) { o.Binary = "" },
		"delivery":         func(o *chaos.Options) { o.Delivery = "perhaps" },
		"store":            func(o *chaos.Options) { o.Store = "drawer" },
		"instances":        func(o *chaos.Options) { o.Instances = 0 },
		"Options.Script":   func(o *chaos.Options) { o.Faults = map[chaos.Fault]int{chaos.CutBrokers: 1} },
		"needs the redis":  func(o *chaos.Options) { o.Faults = map[chaos.Fault]int{chaos.KillStore: 1} },
		"the redis store":  func(o *chaos.Options) { o.Faults = map[chaos.Fault]int{chaos.KillStore: 2} },
		"one's own":        func(o *chaos.Options) { o.Faults = map[chaos.Fault]int{chaos.StarvePoison: 1} },
		"Brokers, Binary,": func(o *chaos.Options) { o.Brokers = nil },
	} {
		o := chaos.Options{
			Brokers: []string{"127.0.0.1:1"}, Binary: "/bin/false", Dir: t.TempDir(), Log: t.Logf,
			Delivery: config.ExactlyOnce, Store: chaos.EmbeddedStore, Instances: 1, People: 1, Rate: 1,
		}
		change(&o)
		if _, err := chaos.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}
