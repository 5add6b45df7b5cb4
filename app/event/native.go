package event

import (
	"github.com/cloudevents/sdk-go/v2/types"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// sourcePrefix and the event type make the source of an event that names none.
const sourcePrefix = "/kafka-notify/"

// DefaultSource is the source of events submitted without one.
func DefaultSource(eventType string) string {
	ref := types.URIRef{}
	ref.Path = sourcePrefix + eventType
	return ref.String()
}

// ParseNative reads {"type","data","id"?,"source"?,"time"?}. The id and the
// time stay empty where they are not given: the caller gives them, and then
// calls Validate. The error is a *SyntaxError or Problems.
func ParseNative(value jsontext.Value) (*handler.Event, error) {
	n := native{event: &handler.Event{}}
	if err := members(value, n.member); err != nil {
		return nil, err
	}
	e := n.event
	if e.Type == "" && !n.typeFault {
		n.fault("type", "is missing")
	}
	if len(e.Data) == 0 {
		n.fault("data", "is missing")
	}
	if len(n.problems) > 0 {
		return nil, n.problems
	}
	if e.Source == "" {
		e.Source = DefaultSource(e.Type)
	}
	return e, nil
}

// Validate checks the attributes of an event that the caller has completed.
// The error is Problems.
func Validate(e *handler.Event) error { return validate(e).err() }

// native collects the members of a native event.
type native struct {
	event     *handler.Event
	typeFault bool
	problems  Problems
}

func (n *native) fault(name, detail string) {
	n.problems = append(n.problems, Problem{pointer(shorten(name, 100)), detail})
}

func (n *native) member(name string, value jsontext.Value) {
	switch name {
	case "data":
		n.event.Data = value
		return
	case "type", "id", "source", "time":
	case "specversion", "datacontenttype", "data_base64", "subject", "dataschema":
		n.fault(name, "belongs to a CloudEvent: submit it with the content type "+ContentType)
		return
	default:
		n.fault(name, "is unknown: an event has type, data, id, source and time")
		return
	}
	text, ok := unquote(value)
	fault := ""
	switch {
	case !ok:
		fault = "is " + kindName(value.Kind()) + ", must be a string"
	case text == "":
		fault = "is empty"
		if name != "type" {
			fault += ": leave it out to have one made"
		}
	case name == "time":
		n.event.Time, fault = parseTime(text)
	default:
		fault = n.attribute(name, text)
	}
	if fault != "" {
		n.typeFault = n.typeFault || name == "type"
		n.fault(name, fault)
	}
}

// attribute takes the id, the source or the type.
func (n *native) attribute(name, text string) string {
	if fault := checkRequired(text); fault != "" {
		return fault
	}
	switch name {
	case "id":
		n.event.ID = text
	case "type":
		n.event.Type = text
	case "source":
		source, ok := uriRef(text)
		if !ok {
			return "is no URI reference"
		}
		n.event.Source = source // escaped in every form alike
	}
	return ""
}
