package config

import "time"

// policies checks what stands in n, the file or one pipeline of it, of how
// messages are delivered and what becomes of those that fail.
func (k *checker) policies(n Node, p Pipeline) {
	k.between(n.Get("sessions"), p.Sessions, 1, 100)
	k.batch(n.Get("batch"), p.Batch)
	k.retry(n.Get("retry"), p.Retry)
	k.breaker(n.Get("breaker"), p.Breaker)
}

func (k *checker) batch(n Node, b Batch) {
	k.between(n.Get("messages"), b.Messages, 1, 1_000_000)
	k.between(n.Get("bytes"), b.Bytes, 1, 1<<30)
	k.between(n.Get("partitions"), b.Partitions, 1, 1_000_000)
}

func (k *checker) breaker(n Node, b Breaker) {
	if s := b.Share; s < 0 || s > 1 {
		k.fault(n.Get("share"), "%s must be between 0 and 1, not %v", n.Get("share").what(), s)
	}
	k.positive(n.Get("window"), b.Window)
	k.positive(n.Get("trial"), b.Trial)
	k.between(n.Get("messages"), b.Messages, 1, 1_000_000)
}

// retry checks what a mapping says of a policy, and the policy as a whole.
func (k *checker) retry(n Node, r Retry) {
	k.between(n.Get("attempts"), r.Attempts, 1, 1_000)
	k.positive(n.Get("in_place"), r.InPlace)
	k.positive(n.Get("timeout"), r.Timeout)
	for _, item := range n.Get("later").Items() {
		var tier time.Duration
		if faults := item.Decode(&tier); len(faults) == 0 {
			k.positive(item, tier)
		}
	}
	backoff := n.Get("backoff")
	k.positive(backoff.Get("initial"), r.Backoff.Initial)
	k.positive(backoff.Get("max"), r.Backoff.Max)
	if m := r.Backoff.Multiplier; m < 1 {
		k.fault(backoff.Get("multiplier"), "%s must be at least 1, not %v", backoff.Get("multiplier").what(), m)
	}
	if j := r.Backoff.Jitter; j < 0 || j > 1 {
		k.fault(backoff.Get("jitter"), "%s must be between 0 and 1, not %v", backoff.Get("jitter").what(), j)
	}
	if r.Backoff.Initial > r.Backoff.Max && r.Backoff.Max > 0 {
		k.fault(backoff, "%s: the initial delay, %s, is longer than the maximum, %s", backoff.what(), shortDuration(r.Backoff.Initial), shortDuration(r.Backoff.Max))
	}
}
