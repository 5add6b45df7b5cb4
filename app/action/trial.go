package action

import (
	"encoding/json"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// Trial is what a pipeline would make of a message. Nothing of it has happened.
type Trial struct {
	Pipeline string `json:"pipeline"`
	// Outcome is "delivered", "dropped", "superseded" or "failed".
	Outcome string `json:"outcome"`
	// Class, Step and Reason are those of a failure; Step and Reason also of what
	// drops the message.
	Class  string `json:"class,omitempty"`
	Step   string `json:"step,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Steps are what the handlers did, in the order they were called.
	Steps []TrialStep `json:"steps"`
	// StepsLeftOut is how many more there were than are told.
	StepsLeftOut int `json:"steps_left_out,omitempty"`
	// Outputs are what would be published.
	Outputs []TrialOutput `json:"outputs"`
	// Drops are the messages that would be dropped: several where a handler made
	// several of one.
	Drops []TrialDrop `json:"drops,omitempty"`
}

// TrialStep is one call of a handler.
type TrialStep struct {
	// Step is the handler's type and the place in the configuration.
	Step string `json:"step"`
	// Part tells which message it is of those that handlers before it have made of
	// the event, as "2 of 3"; "" where there is one.
	Part string `json:"part,omitempty"`
	// Did is what came of it, in words.
	Did string `json:"did"`
	// Case is the way that the message takes through the handler, where it has
	// several.
	Case string `json:"case,omitempty"`
	// Asked is what the handler asked lookups for.
	Asked []TrialLookup `json:"asked,omitempty"`
	// Values are the names that the message has afterwards. Of a record only id
	// and name are shown.
	Values map[string]any `json:"values,omitempty"`
	// Data is that of the event, once a handler has changed it.
	Data json.RawMessage `json:"data,omitempty"`
	// Text is that of the notification, once there is one.
	Text string `json:"text,omitempty"`
}

// TrialLookup is one question to a lookup.
type TrialLookup struct {
	Lookup string `json:"lookup"`
	Key    string `json:"key"`
	// Record is the answer, of which only id and name are shown; nil where there
	// is none.
	Record map[string]any `json:"record,omitempty"`
	// Error says why there was no answer.
	Error string `json:"error,omitempty"`
}

// TrialDrop is a message that is dropped.
type TrialDrop struct {
	// Step is the handler that drops it, as in TrialStep; or "idempotency" for an
	// event that was seen before, "pipeline" for one that nothing comes of.
	Step   string `json:"step"`
	Reason string `json:"reason"`
}

// TrialOutput is a notification on its way to a topic.
type TrialOutput struct {
	Topic        string               `json:"topic"`
	Key          string               `json:"key"`
	Notification handler.Notification `json:"notification"`
}
