package api

import (
	"context"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/record"
)

// workers is how many events of one request are on their way at once.
const workers = 64

// publish writes the events that have no problem, and gives each its status.
// Events of one type and key go one after the other, the others at once.
func (s *Server) publish(ctx context.Context, header http.Header, list []*submission) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.PublishTimeout)
	defer cancel()
	type lane struct{ topic, key string }
	var order []lane
	lanes := map[lane][]*submission{}
	for _, one := range list {
		if one.problem != nil {
			continue
		}
		l := lane{one.eventType.Topic(), one.key}
		if lanes[l] == nil {
			order = append(order, l)
		}
		lanes[l] = append(lanes[l], one)
	}
	traceparent := traceparent(header)
	var group errgroup.Group
	group.SetLimit(workers)
	for _, l := range order {
		group.Go(func() error {
			s.publishLane(ctx, traceparent, lanes[l])
			return nil
		})
	}
	_ = group.Wait() // The lanes keep their errors with the events.
}

// publishLane writes events in their order, and stops at the first that fails:
// the later ones would overtake it when it is sent again.
func (s *Server) publishLane(ctx context.Context, traceparent string, lane []*submission) {
	for i, one := range lane {
		if ctx.Err() != nil {
			skip(lane[i:], "there was no time left to publish it")
			return
		}
		one.status, one.problem = s.publishOne(ctx, traceparent, one)
		if one.status == Failed {
			skip(lane[i+1:], "an earlier event with the same key was not confirmed, and the order is kept")
			return
		}
	}
}

// skip marks events that are left out.
func skip(rest []*submission, reason string) {
	for _, one := range rest {
		one.status = NotAttempted
		one.problem = kindUnavailable.problem("the event was not published: %s. Send it again in %d seconds", reason, retryAfter)
		one.problem.IDs = []string{one.id}
	}
}

// publishOne writes one event.
func (s *Server) publishOne(ctx context.Context, traceparent string, one *submission) (Status, *Problem) {
	rec, err := s.record(one, traceparent)
	if err != nil {
		return Rejected, problemOf(err)
	}
	start := s.opts.Now()
	err = s.opts.Publisher.Publish(ctx, rec)
	s.metrics.publish.Observe(s.opts.Now().Sub(start).Seconds())
	if err == nil {
		return Accepted, nil
	}
	p := problemOf(err)
	switch p.Status {
	case http.StatusRequestEntityTooLarge:
		return Rejected, p
	case http.StatusServiceUnavailable:
		p.Detail = "the broker did not confirm the event, which may be there all the same: send it again with the id given here; it is delivered once"
	}
	p.IDs = []string{one.id}
	return Failed, p
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
