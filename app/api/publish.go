package api

import (
	"context"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/record"
)

// publish writes the events that have no problem, and gives each its status.
// Events of one type and key go one after the other, the others at once: first
// the first of every key, then the second of those that have one.
func (s *Server) publish(ctx context.Context, header http.Header, list []*submission) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.PublishTimeout)
	defer cancel()
	traceparent := traceparent(header)
	failed := make(map[lane]bool)
	for _, wave := range waves(list) {
		switch {
		case ctx.Err() != nil:
			skip(wave, "there was no time left to publish it")
			continue
		case len(failed) > 0:
			wave = skipFailed(wave, failed)
		}
		s.publishAtOnce(ctx, traceparent, wave)
		for _, one := range wave {
			if one.status == Failed {
				failed[one.lane()] = true
			}
		}
	}
}

// lane is what keeps its order: one key of one event type.
type lane struct{ topic, key string }

func (s *submission) lane() lane { return lane{s.eventType.Topic(), s.key} }

// waves are the events without a problem; none has two of one lane.
func waves(list []*submission) (waves [][]*submission) {
	before := make(map[lane]int, len(list))
	for _, one := range list {
		if one.problem != nil {
			continue
		}
		n := before[one.lane()]
		before[one.lane()]++
		if n == len(waves) {
			waves = append(waves, nil)
		}
		waves[n] = append(waves[n], one)
	}
	return waves
}

// skipFailed skips the events of lanes in which one has failed: they would
// overtake it when it is sent again.
func skipFailed(wave []*submission, failed map[lane]bool) []*submission {
	kept := wave[:0]
	for _, one := range wave {
		if !failed[one.lane()] {
			kept = append(kept, one)
			continue
		}
		skip([]*submission{one}, "an earlier event with the same key was not confirmed, and the order is kept")
	}
	return kept
}

// skip marks events that are left out.
func skip(rest []*submission, reason string) {
	for _, one := range rest {
		one.status = NotAttempted
		one.problem = kindUnavailable.problem("the event was not published: %s. Send it again in %d seconds", reason, retryAfter)
		one.problem.IDs = []string{one.id}
	}
}

// publishAtOnce writes events of different lanes.
func (s *Server) publishAtOnce(ctx context.Context, traceparent string, wave []*submission) {
	sent, records := make([]*submission, 0, len(wave)), make([]*record.Record, 0, len(wave))
	for _, one := range wave {
		rec, err := s.record(one, traceparent)
		if err != nil {
			one.status, one.problem = Rejected, problemOf(err)
			continue
		}
		sent, records = append(sent, one), append(records, rec)
	}
	start := s.opts.Now()
	errs := s.opts.Publisher.Publish(ctx, records...)
	took := s.opts.Now().Sub(start).Seconds()
	for i, one := range sent {
		s.metrics.publish.Observe(took)
		one.published(errs[i])
	}
}

// published notes what the broker said.
func (s *submission) published(err error) {
	if err == nil {
		s.status = Accepted
		return
	}
	s.status, s.problem = Failed, problemOf(err)
	switch s.problem.Status {
	case http.StatusRequestEntityTooLarge:
		s.status = Rejected
		return
	case http.StatusServiceUnavailable:
		s.problem.Detail = "the broker did not confirm the event, which may be there all the same: send it again with the id given here; it is delivered once"
	}
	s.problem.IDs = []string{s.id}
}

// record builds the event record: a CloudEvent in structured mode, and the
// service's own headers.
func (s *Server) record(one *submission, traceparent string) (*record.Record, error) {
	e := one.event
	value, err := event.Encode(e)
	if err != nil {
		return nil, err
	}
	rec := &record.Record{
		Topic: one.eventType.Topic(),
		Key:   []byte(one.key),
		Value: value,
		Headers: []record.Header{
			{Key: record.HeaderUUID, Value: []byte(e.ID)},
			{Key: record.HeaderContentType, Value: []byte(event.ContentType)},
			{Key: record.HeaderEventID, Value: []byte(e.ID)},
			{Key: record.HeaderEventType, Value: []byte(e.Type)},
		},
	}
	if traceparent != "" {
		rec.Set(record.HeaderTraceparent, traceparent)
	}
	rec.Set(record.HeaderAcceptedAt, s.opts.Now().UTC().Format(time.RFC3339Nano))
	if size, limit := rec.Size(), pipeline.EventBytes(s.opts.MaxBytes); size > limit {
		return nil, kindTooLarge.problem("the event takes %d bytes as a record, and at most %d are allowed", size, limit)
	}
	return rec, nil
}

// traceparent returns the trace context of a request, empty unless it is valid
// after W3C Trace Context.
func traceparent(h http.Header) string {
	value := h.Get("Traceparent")
	parts := strings.Split(value, "-")
	if len(parts) != 4 || value != strings.ToLower(value) || parts[0] == "ff" {
		return ""
	}
	for i, bytes := range []int{1, 16, 8, 1} {
		decoded, err := hex.DecodeString(parts[i])
		if err != nil || len(decoded) != bytes {
			return ""
		}
		isID := i == 1 || i == 2
		if isID && strings.Trim(parts[i], "0") == "" {
			return ""
		}
	}
	return value
}
