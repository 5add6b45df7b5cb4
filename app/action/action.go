// Package action is what operators, redrive jobs and pipelines do about
// poisoned messages, as it stands in a topic: the state of every message and
// job follows from reading it in order.
package action

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/trieungochai/kafka-notify/app/record"
)

// Kind says what an action does.
type Kind string

// What is done to a message.
const (
	// Archive puts a message aside, Discard gives it up; Restore takes either back.
	Archive Kind = "archive"
	Restore Kind = "restore"
	Discard Kind = "discard"
	// Redrive makes a message part of a job's set.
	Redrive Kind = "redrive"
)

// What became of a message that was sent back: its pipeline tells.
const (
	Delivered  Kind = "delivered"
	Dropped    Kind = "dropped"
	Superseded Kind = "superseded"
)

// What is done to a redrive job.
const (
	// Plan closes a job's set: from here on it may be sent.
	Plan Kind = "plan"
	// Sent stands in the same transaction as the messages that it tells of.
	Sent Kind = "sent"
	// Pause, Resume and Cancel are what operators ask for.
	Pause  Kind = "pause"
	Resume Kind = "resume"
	Cancel Kind = "cancel"
	// Hold is a pause that the job makes by itself.
	Hold Kind = "hold"
	// End is the last of a job. What it has not sent is open again.
	End Kind = "end"
)

// Action is one record of the actions topic.
type Action struct {
	// ID tells the action from all others.
	ID   string    `json:"id"`
	Kind Kind      `json:"kind"`
	At   time.Time `json:"at"`
	By   By        `json:"by"`
	// Message is the poison id, Round the number of redrives that its poison
	// record counts: what is done to one failure isn't done to the next.
	Message string `json:"message,omitempty"`
	Round   int    `json:"round,omitempty"`
	// Job is the redrive job that the action belongs to.
	Job    string `json:"job,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Value takes the place of the message's own when it is sent, if Edited, and
	// Diff shows how they differ.
	Edited bool   `json:"edited,omitempty"`
	Value  []byte `json:"value,omitempty"`
	Diff   string `json:"diff,omitempty"`
	// Terms are those of a Plan.
	Terms *Terms `json:"terms,omitempty"`
	// Count is how many messages of its set a job has sent so far, for Sent, or
	// how many were written for it, for Plan.
	Count int `json:"count,omitempty"`
	// Gone is how many of those that Sent tells of were not sent, because Kafka
	// had deleted them.
	Gone int `json:"gone,omitempty"`
}

// By is who did it.
type By struct {
	// Address is where the request came from, Name what its sender calls
	// themselves, Front which front that was: api, cli, web; or the service
	// itself.
	Address string `json:"address,omitempty"`
	Name    string `json:"name,omitempty"`
	Front   string `json:"front"`
}

// String is who did it, for people.
func (b By) String() string {
	switch {
	case b.Name != "" && b.Address != "":
		return b.Name + " (" + b.Address + ")"
	case b.Name != "":
		return b.Name
	case b.Address != "":
		return b.Address
	}
	return b.Front
}

// Service is who acts when nobody has asked.
var Service = By{Front: "service"}

// New begins an action of now.
func New(kind Kind, by By) Action {
	return Action{ID: uuid.Must(uuid.NewV7()).String(), Kind: kind, At: time.Now().UTC(), By: by}
}

// Record is the action as it is written to topic. What concerns one message, or
// else one job, has that as its key.
func (a *Action) Record(topic string) (*record.Record, error) {
	value, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("encode an action: %w", err)
	}
	key := a.Message
	if key == "" {
		key = a.Job
	}
	return &record.Record{
		Topic: topic, Key: []byte(key), Value: value,
		Headers: []record.Header{{Key: record.HeaderContentType, Value: []byte("application/json")}},
	}, nil
}

// Parse reads an action. The error says that the record is none.
func Parse(r *record.Record) (*Action, error) {
	var a Action
	if err := json.Unmarshal(r.Value, &a); err != nil {
		return nil, fmt.Errorf("%s/%d/%d is no action: %w", r.Topic, r.Partition, r.Offset, err)
	}
	return &a, nil
}

// Terms are how a redrive job sends.
type Terms struct {
	// Target is where to: "pipeline" (each message to the one that gave it up),
	// "source" (the event topic, for all its readers), or the name of a topic.
	Target string `json:"target"`
	// Selection says in words which messages were chosen.
	Selection string `json:"selection,omitempty"`
	// Rate is the most messages a second; 0: no limit.
	Rate float64 `json:"rate,omitempty"`
	// Canary is how many are sent first: the others follow when all of them have
	// passed.
	Canary int `json:"canary,omitempty"`
	// MaxFailed is the share of failures, of those whose fate is known, above
	// which the job pauses itself; 0: it doesn't.
	MaxFailed float64 `json:"max_failed,omitempty"`
}

// Fate is the action that tells what became of a message that was sent back.
func Fate(kind Kind, id string, round int, pipeline, reason string) Action {
	a := New(kind, By{Name: pipeline, Front: "pipeline"})
	a.Message, a.Round, a.Reason = id, round, reason
	return a
}
