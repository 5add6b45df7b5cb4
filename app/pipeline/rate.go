package pipeline

import (
	"context"
	"sync"
	"time"
)

// Rates are how many messages end in a second, on average over the last
// seconds; Delivered counts notifications.
type Rates struct {
	Delivered float64 `json:"delivered"`
	Dropped   float64 `json:"dropped"`
	Retried   float64 `json:"retried"`
	Poisoned  float64 `json:"poisoned"`
}

const (
	// sampleEvery is how far samples are apart.
	sampleEvery = time.Second
	// rateSamples is over how many of them a rate is taken.
	rateSamples = 5
	// historySamples is how many are kept: a minute, with its beginning.
	historySamples = 61
)

// sample is what had ended at a time.
type sample struct {
	at                                    time.Time
	delivered, dropped, retried, poisoned int64
}

// history is the samples of the last minute.
type history struct {
	mu      sync.Mutex
	samples []sample // the newest last
}

func (h *history) add(s sample) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.samples) == historySamples {
		h.samples = append(h.samples[:0], h.samples[1:]...)
	}
	h.samples = append(h.samples, s)
}

// rates compare now with a few samples ago; zero before there is one.
func (h *history) rates(now sample) Rates {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.samples) == 0 {
		return Rates{}
	}
	before := h.samples[max(0, len(h.samples)-rateSamples)]
	seconds := now.at.Sub(before.at).Seconds()
	if seconds <= 0 {
		return Rates{}
	}
	return Rates{
		Delivered: float64(now.delivered-before.delivered) / seconds,
		Dropped:   float64(now.dropped-before.dropped) / seconds,
		Retried:   float64(now.retried-before.retried) / seconds,
		Poisoned:  float64(now.poisoned-before.poisoned) / seconds,
	}
}

// delivered is what was delivered between each two samples of the last minute,
// the oldest first.
func (h *history) delivered() []int {
	h.mu.Lock()
	defer h.mu.Unlock()
	minute := make([]int, historySamples-1)
	for i := 1; i < len(h.samples); i++ {
		minute[historySamples-1-len(h.samples)+i] = int(h.samples[i].delivered - h.samples[i-1].delivered)
	}
	return minute
}

// sample is what has ended by now.
func (p *Pipeline) sample() sample {
	return sample{
		at: p.now(), delivered: p.delivered.Load(), dropped: p.droppedTotal.Load(),
		retried: p.retried.Load(), poisoned: p.poisoned.Load(),
	}
}

// Sample keeps the rates of all pipelines up to date until ctx ends. It asks
// nobody.
func (r *Router) Sample(ctx context.Context) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		for _, p := range r.pipelines {
			p.history.add(p.sample())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
