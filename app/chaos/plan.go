package chaos

import (
	"math/rand/v2"
	"slices"
)

// Fault is one kind of fault, in the words of the report.
type Fault string

// The faults.
const (
	// Nothing is no fault: what the measure of recovery shows of a healthy service.
	Nothing Fault = "none, for comparison"
	// KillInstance ends instances with SIGKILL; each starts again a moment later.
	KillInstance Fault = "instance killed (SIGKILL)"
	// FreezeInstance stops one with SIGSTOP for longer than a group waits for a
	// member, and lets it go on as if nothing had been.
	FreezeInstance Fault = "instance frozen (SIGSTOP, 15 s)"
	// ScaleInstances adds an instance and then stops any one with SIGTERM.
	ScaleInstances Fault = "instance added, then one stopped"
	// KillBroker ends a broker that is not the controller with SIGKILL, and
	// starts it again on its data.
	KillBroker Fault = "broker killed (SIGKILL)"
	// KillController does the same to the active controller, which is a broker too.
	KillController Fault = "active controller killed (SIGKILL)"
	// CutBrokers cuts every connection between the service and the brokers, and
	// refuses new ones.
	CutBrokers Fault = "connections to the brokers cut (8 s)"
	// SlowBrokers makes them slow and narrow.
	SlowBrokers Fault = "connections to the brokers slowed (10 s)"
	// ResetBrokers resets each as soon as a broker answers on it.
	ResetBrokers Fault = "connections to the brokers reset (4 s)"
	// KillStore ends redis with SIGKILL and starts it again on its data.
	KillStore Fault = "redis killed (SIGKILL, 3 s)"
	// RefusePoison makes the broker refuse every record of the poison topic.
	RefusePoison Fault = "poison topic refuses records (10 s)"
	// StarvePoison leaves the poison topic with fewer replicas than it needs for
	// a write, by way of a broker that is killed.
	StarvePoison Fault = "poison topic short of replicas (20 s)"
)

// Further events that recovery is measured from; they come with a fault.
const (
	thawed   Fault = "frozen instance goes on (SIGCONT)"
	added    Fault = "instance added"
	stopped  Fault = "instance stopped (SIGTERM)"
	returned Fault = "killed broker started again"
)

// ways are all faults and what comes with them, in the order of the report, and
// what recovery is measured from.
var ways = []struct {
	fault Fault
	from  string
}{
	{Nothing, "any moment"},
	{KillInstance, "the kill"},
	{FreezeInstance, "the SIGSTOP"},
	{thawed, "the SIGCONT"},
	{added, "its start"},
	{stopped, "the SIGTERM"},
	{KillBroker, "the kill"},
	{KillController, "the kill"},
	{returned, "its start"},
	{CutBrokers, "the end"},
	{SlowBrokers, "the end"},
	{ResetBrokers, "the end"},
	{KillStore, "its restart"},
	{RefusePoison, "the end"},
	{StarvePoison, "the end"},
}

// needsCluster reports whether the fault takes a cluster that may be broken.
func (f Fault) needsCluster() bool {
	return !slices.Contains([]Fault{Nothing, KillInstance, FreezeInstance, ScaleInstances, KillStore}, f)
}

// plan puts the faults into an order that the random numbers decide alone. It
// begins with the comparison, if there is one, while nothing has happened yet.
func plan(random *rand.Rand, times map[Fault]int) []Fault {
	var order []Fault
	for _, fault := range append([]Fault{ScaleInstances}, faultsInOrder()...) {
		for range times[fault] {
			order = append(order, fault)
		}
	}
	random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	if i := slices.Index(order, Nothing); i > 0 {
		order[0], order[i] = order[i], order[0]
	}
	return order
}

func faultsInOrder() []Fault {
	faults := make([]Fault, len(ways))
	for i, w := range ways {
		faults[i] = w.fault
	}
	return faults
}
