package event

import (
	"bytes"
	"encoding/base64"
	"fmt"

	cloudevent "github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// decodeStructured reads a JSON CloudEvent without the SDK, which would accept
// duplicate names, take the space before the data for data, and parse all a
// second time: a seventh of what a pipeline does for a message.
func decodeStructured(value []byte) (*handler.Event, error) {
	s := structured{event: new(handler.Event), seen: make(map[string]bool, 8)}
	if err := members(value, s.member); err != nil {
		return nil, err
	}
	s.finish()
	if len(s.problems) > 0 {
		return nil, s.problems
	}
	s.event.Data = s.data
	if err := validate(s.event).err(); err != nil {
		return nil, err
	}
	return s.event, nil
}

// structured makes an event of the members of a JSON CloudEvent.
type structured struct {
	event    *handler.Event
	seen     map[string]bool
	data     []byte
	problems Problems
}

func (s *structured) fault(name, detail string) {
	s.problems = append(s.problems, Problem{pointer(shorten(name, 100)), detail})
}

// member takes one member. A null attribute counts as absent, as CloudEvents'
// JSON format has it.
func (s *structured) member(name string, value jsontext.Value) {
	isNull := value.Kind() == jsontext.KindNull
	switch {
	case name == "data":
		s.seen[name] = true
		s.data = value
		return
	case isNull:
		return
	case name == "data_base64":
		s.seen[name] = true
		s.base64(value)
		return
	}
	s.seen[name] = true
	if fault := checkMember(name, value); fault != "" {
		s.fault(name, fault)
		return
	}
	s.attribute(name, value)
}

// attribute takes an attribute that has been checked.
func (s *structured) attribute(name string, value jsontext.Value) {
	text, _ := unquote(value)
	switch name {
	case "specversion":
	case "id":
		s.event.ID = text
	case "source":
		s.event.Source = types.ParseURIRef(text).String() // escaped where it has to be
	case "type":
		s.event.Type = text
	case "time":
		s.event.Time, _ = parseTime(text)
	default:
		s.extension(name, text, value)
	}
}

// extension takes an extension attribute, or an optional one that stands among
// them. Encode writes application/json where nothing else is said.
func (s *structured) extension(name, text string, value jsontext.Value) {
	if name == attrDataContentType && text == contentTypeJSON {
		return
	}
	if s.event.Extensions == nil {
		s.event.Extensions = make(map[string]any)
	}
	switch value.Kind() {
	case jsontext.KindTrue, jsontext.KindFalse:
		s.event.Extensions[name] = value.Kind() == jsontext.KindTrue
	case jsontext.KindNumber:
		s.event.Extensions[name], _ = parseInteger(value)
	default:
		s.event.Extensions[name] = text
	}
}

// base64 takes data_base64, which must hold JSON.
func (s *structured) base64(value jsontext.Value) {
	text, ok := unquote(value)
	if !ok {
		s.fault("data_base64", "is "+kindName(value.Kind())+", must be a string")
		return
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		s.fault("data_base64", "is no base64: "+err.Error())
		return
	}
	if s.data, err = checkData(data); err != nil {
		s.fault("data_base64", "holds no JSON: "+err.Error())
	}
}

// finish looks at what only all members together show.
func (s *structured) finish() {
	for _, name := range []string{"specversion", "id", "source", "type"} {
		if !s.seen[name] {
			s.fault(name, "is missing")
		}
	}
	switch {
	case s.seen["data"] && s.seen["data_base64"]:
		s.fault("data_base64", "stands beside data: only one of them may be there")
	case !s.seen["data"] && !s.seen["data_base64"]:
		s.fault("data", "is missing")
	}
}

// checkMember checks the JSON value of an attribute.
func checkMember(name string, value jsontext.Value) string {
	text, isText := unquote(value)
	switch name {
	case "specversion":
		if text != cloudevent.CloudEventsVersionV1 {
			return fmt.Sprintf("is %s, must be %q", shorten(string(value), 100), cloudevent.CloudEventsVersionV1)
		}
		return ""
	case "id", "source", "type", "time", attrSubject, attrDataSchema, attrDataContentType:
		if !isText {
			return "is " + kindName(value.Kind()) + ", must be a string"
		}
	default:
		return checkExtensionMember(name, value)
	}
	switch name {
	case "time":
		_, fault := parseTime(text)
		return fault
	case attrSubject, attrDataSchema, attrDataContentType:
		return checkExtension(name, text)
	case "source":
		if types.ParseURIRef(text) == nil && text != "" {
			return "is no URI reference"
		}
	}
	return checkRequired(text)
}

// checkExtensionMember checks the JSON value of an extension attribute.
func checkExtensionMember(name string, value jsontext.Value) string {
	switch value.Kind() {
	case jsontext.KindString:
		text, _ := unquote(value)
		return checkExtension(name, text)
	case jsontext.KindTrue, jsontext.KindFalse:
		return checkName(name)
	case jsontext.KindNumber:
		if fault := checkName(name); fault != "" {
			return fault
		}
		if _, ok := parseInteger(value); !ok {
			return "is " + shorten(string(value), 100) + ": a number in an extension attribute is an integer of 32 bits"
		}
		return ""
	default:
		if fault := checkName(name); fault != "" {
			return fault
		}
		return "is " + kindName(value.Kind()) + ", must be a string, a boolean or an integer"
	}
}

// checkData makes sure that data is one strict JSON value and cuts the space
// around it.
func checkData(data []byte) ([]byte, error) {
	if err := CheckJSON(data); err != nil {
		return nil, err
	}
	return bytes.Trim(data, " \t\r\n"), nil
}
