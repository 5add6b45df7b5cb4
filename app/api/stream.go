package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/tmaxmax/go-sse"
)

const (
	// streamPause is how long changes are gathered before they are told.
	streamPause = 250 * time.Millisecond
	// streamBeat is how long a stream is silent at the most: proxies close what
	// says nothing, and a client that has gone is noticed.
	streamBeat = 15 * time.Second
	// streamPatience is how long a client may take to read what it was sent.
	streamPatience = 30 * time.Second
)

// changeEvent is the name of the events of the stream.
const changeEvent = "change"

// streamPoison tells of every change, in server-sent events: how many messages
// there are in each state, and which jobs run. It begins with what there is.
func (s *Server) streamPoison(w http.ResponseWriter, r *http.Request) error {
	session, err := sse.Upgrade(w, r)
	if err != nil {
		return kindInternal.problem("the connection can't stream")
	}
	for begun := false; ; begun = true {
		changed := s.opts.Poison.Changed()
		summary, err := s.opts.Poison.Summary(r.Context())
		switch {
		case err != nil && begun:
			return nil // the client comes back, and is told then
		case err != nil:
			return fmt.Errorf("stream the poison topic: %w", err)
		case !begun:
			w.Header().Set("Content-Type", typeStream)
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusOK)
		}
		if isHead(r) {
			return nil
		}
		text, err := json.Marshal(summary)
		if err != nil {
			return err
		}
		message := sse.Message{Type: sse.Type(changeEvent)}
		message.AppendData(string(text))
		extend(w)
		if session.Send(&message) != nil || session.Flush() != nil {
			return nil // the client has gone
		}
		if !s.nextChange(r, changed) {
			return nil
		}
	}
}

// typeStream is the content type of server-sent events.
const typeStream = "text/event-stream"

// nextChange waits until there is something to tell; false when the stream ends.
func (s *Server) nextChange(r *http.Request, changed <-chan struct{}) bool {
	pause := time.Duration(0)
	select {
	case <-changed:
		pause = streamPause
	case <-time.After(streamBeat):
	case <-r.Context().Done():
		return false
	case <-s.opts.Stopping:
		return false
	}
	select {
	case <-time.After(pause):
		return true
	case <-r.Context().Done():
	case <-s.opts.Stopping:
	}
	return false
}

// extend gives the client time to read what is written next: the limit of
// Configure is for a whole answer, and some have no end.
func extend(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(streamPatience))
}
