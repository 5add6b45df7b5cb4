// Package chaos proves the service's promises under faults. It runs several
// instances of the built binary against a real Kafka, submits numbered events
// all the time, and meanwhile kills, freezes, adds and removes instances,
// brokers and the store, and cuts, slows and resets the connections between
// them. Afterwards it reads every topic and holds each accepted event against
// the fate that its data decided beforehand: delivered, poisoned or dropped.
//
// Run is the whole of it, in order. The parts:
//
//	options.go   what a run is asked to do, and the bounds of its waiting
//	cluster.go   the Kafka cluster: its nodes, its controller, its topics' settings
//	read.go      what stands in its topics
//	proxy.go     a toxiproxy in front of each broker; the service knows no other way
//	redis.go     the store that the instances share
//	instance.go  one process of the service; fleet.go all of them
//	setup.go     their configuration file; late.go the lookup it names that fails at first
//	load.go      the people who submit events; ledger.go what was accepted
//	tail.go      what is being delivered, as it happens
//	plan.go      which faults, in which order; faults.go what each does
//	recovery.go  how long the service takes to get over one
//	lists.go     what the service shows each person in the end
//	verify.go    what was promised against what is there
//	report.go    the result, for people
package chaos
