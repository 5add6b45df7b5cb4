package pipeline

import (
	"sync/atomic"
	"time"
)

// waiting knows how many of a pipeline's messages wait out an outage.
type waiting struct {
	messages atomic.Int64
	saidAt   atomic.Int64 // unix seconds of the last log line
}

// spell is one message's wait.
type spell struct {
	p       *Pipeline
	entered bool
}

// enter notes that the message waits because of err. It is logged at most once
// in ten seconds a pipeline.
func (s *spell) enter(err error) {
	w := &s.p.waiting
	if !s.entered {
		s.entered = true
		if w.messages.Add(1) == 1 {
			s.p.metrics.waiting.WithLabelValues(s.p.Name).Set(1)
		}
	}
	now := time.Now().Unix()
	if last := w.saidAt.Load(); now-last >= 10 && w.saidAt.CompareAndSwap(last, now) {
		s.p.log.Warn("the pipeline waits: broker or store out of reach", "pipeline", s.p.Name, "error", err)
	}
}

// leave ends the wait, if there was one.
func (s *spell) leave() {
	if s.entered && s.p.waiting.messages.Add(-1) == 0 {
		s.p.metrics.waiting.WithLabelValues(s.p.Name).Set(0)
	}
}
