package action

import "github.com/trieungochai/kafka-notify/handlers/handler"

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
	// Outputs are what would be published.
	Outputs []TrialOutput `json:"outputs"`
}

// TrialStep is one call of a handler.
type TrialStep struct {
	// Step is the handler's type and the place in the configuration.
	Step string `json:"step"`
	// Did is what came of it, in words.
	Did string `json:"did"`
	// Values are the names that the message has afterwards. Of a record only id
	// and name are shown.
	Values map[string]any `json:"values,omitempty"`
	// Text is that of the notification, once there is one.
	Text string `json:"text,omitempty"`
}

// TrialOutput is a notification on its way to a topic.
type TrialOutput struct {
	Topic        string               `json:"topic"`
	Key          string               `json:"key"`
	Notification handler.Notification `json:"notification"`
}
