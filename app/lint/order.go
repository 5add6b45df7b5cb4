package lint

import (
	"github.com/trieungochai/kafka-notify/app/kafka"
)

// lateGuards reports handlers that would hold a message back when something of
// it has been delivered already.
func (l *linter) lateGuards() {
	for _, s := range l.pipelines {
		steps := s.chain.Steps()
		for i, guard := range steps {
			if !guard.Guards {
				continue
			}
			for _, r := range s.chain.Routes() {
				if !s.chain.Follows(r.Step, i) {
					continue
				}
				f := guard.Faultf("%s stands behind a %s: what that has routed is delivered all the same", guard.Type, steps[r.Step].Type)
				l.warn(f.WithHint("put it before the %s", steps[r.Step].Type).WithNote(steps[r.Step].Node, "the %s", steps[r.Step].Type))
				break
			}
		}
	}
}

// patience reports retries in place that take longer than a consumer group
// waits for its members when partitions move.
func (l *linter) patience() {
	for _, s := range l.pipelines {
		limit := kafka.Patience(s.as.Delivery)
		if s.as.Retry.InPlace <= limit {
			continue
		}
		at := l.cfg.Policy(s.name, "retry", "in_place")
		l.warn(at.Faultf("a message of %s may be tried in place for %s, but when partitions move its consumer group waits no longer than %s: it would be begun anew, attempts and all", s.name, s.as.Retry.InPlace, limit).
			WithHint("wait out of the way of others, in the tiers of retry.later"))
	}
}
