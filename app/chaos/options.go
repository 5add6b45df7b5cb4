package chaos

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/trieungochai/kafka-notify/config"
)

// Options are one run.
type Options struct {
	// Brokers are where the cluster is reached without proxies.
	Brokers []string
	// Script is the kafka.sh that started the cluster. Without it the cluster is
	// somebody else's: its brokers are left alone, and no proxy stands before them.
	Script string
	// Binary is the service, built.
	Binary string
	// Dir takes the configuration, data and logs of what is started.
	Dir string

	// Delivery is the service's setting of that name. With exactly_once nothing
	// may stand twice in a topic; with at_least_once what does is only counted.
	Delivery string
	// Store is EmbeddedStore or RedisStore.
	Store string

	// Seed decides the faults: which, when, whom.
	Seed uint64
	// Instances is how many run at first.
	Instances int
	// People is how many submit, each to themself and one event after the other.
	People int
	// Rate is how many events they submit in a second, all together.
	Rate int
	// Faults is how often each fault comes.
	Faults map[Fault]int
	// KillsAtOnce is how many SIGKILLs make one KillInstance.
	KillsAtOnce int

	// Log takes a line about what is being done.
	Log func(format string, args ...any)
}

// Values of Options.Store.
const (
	// EmbeddedStore gives each instance a store that the others don't see: an
	// event submitted twice can be delivered by two instances.
	EmbeddedStore = "embedded"
	// RedisStore starts a redis that all instances share.
	RedisStore = "redis"
)

// DefaultStore is what a run uses that doesn't say.
const DefaultStore = RedisStore

// check reports what keeps a run from starting.
func (o Options) check() error {
	var errs []error
	if len(o.Brokers) == 0 || o.Binary == "" || o.Dir == "" || o.Log == nil {
		errs = append(errs, errors.New("chaos: Options.Brokers, Binary, Dir and Log are required"))
	}
	if !slices.Contains([]string{config.ExactlyOnce, config.AtLeastOnce}, o.Delivery) {
		errs = append(errs, fmt.Errorf("chaos: delivery is %s or %s, not %q", config.ExactlyOnce, config.AtLeastOnce, o.Delivery))
	}
	if !slices.Contains([]string{EmbeddedStore, RedisStore}, o.Store) {
		errs = append(errs, fmt.Errorf("chaos: the store is %s or %s, not %q", EmbeddedStore, RedisStore, o.Store))
	}
	if o.Instances < 1 || o.People < 1 || o.Rate < 1 {
		errs = append(errs, errors.New("chaos: there must be instances, people and events"))
	}
	for fault, times := range o.Faults {
		switch {
		case times > 0 && o.Script == "" && fault.needsCluster():
			errs = append(errs, fmt.Errorf("chaos: %q needs a cluster of one's own: Options.Script", fault))
		case times > 0 && o.Store != RedisStore && fault == KillStore:
			errs = append(errs, fmt.Errorf("chaos: %q needs the %s store", fault, RedisStore))
		}
	}
	return errors.Join(errs...)
}

// Bounds of a run, so that one that goes wrong ends too.
const (
	// readyWithin is how long an instance has to join its groups.
	readyWithin = 90 * time.Second
	// warmWithin is how long the service and the brokers have to get up to speed.
	warmWithin = 4 * time.Minute
	// keepsUp is how long a notification takes at the most while nothing is wrong.
	keepsUp = 3 * time.Second
	// recoverWithin is how long the service has to get over a fault.
	recoverWithin = 2 * time.Minute
	// settleWithin is how long it has to work off everything at the end.
	settleWithin = 3 * time.Minute
	// quiet is how long nothing may arrive any more before the topics are read.
	quiet = 5 * time.Second
)

// strict reports whether a repetition in a topic is a failure.
func (o Options) strict() bool { return o.Delivery == config.ExactlyOnce }
