package event

import (
	"bytes"
	"encoding/base64"
	"fmt"

	cloudevent "github.com/cloudevents/sdk-go/v2/event"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// decodeStructured reads a JSON CloudEvent without the SDK, which would accept
// duplicate names, take the space before the data for data, and parse all a
// second time: a seventh of what a pipeline does for a message.
func decodeStructured(value []byte) (*handler.Event, error) {
	s := structured{event: new(handler.Event)}
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
	seen     seen
	data     []byte
	problems Problems
}

// seen are the members that were there, null or not where that counts.
type seen struct{ specversion, id, source, typ, data, base64 bool }

func (s *structured) fault(name, detail string) {
	s.problems = append(s.problems, Problem{pointer(shorten(name, 100)), detail})
}

// member takes one member. A null attribute counts as absent, as CloudEvents'
// JSON format has it.
func (s *structured) member(name string, value jsontext.Value) {
	isNull := value.Kind() == jsontext.KindNull
	switch {
	case name == "data":
		s.seen.data = true
		s.data = value
		return
	case isNull:
		return
	case name == "data_base64":
		s.seen.base64 = true
		s.base64(value)
		return
	}
	s.seen.note(name)
	if fault := s.attribute(name, value); fault != "" {
		s.fault(name, fault)
	}
}

// note notes a required attribute.
func (s *seen) note(name string) {
	switch name {
	case "specversion":
		s.specversion = true
	case "id":
		s.id = true
	case "source":
		s.source = true
	case "type":
		s.typ = true
	}
}

// attribute takes an attribute, or says what is wrong with it.
func (s *structured) attribute(name string, value jsontext.Value) (fault string) {
	text, isText := unquoted(value)
	switch name {
	case "specversion":
		if string(text) != cloudevent.CloudEventsVersionV1 {
			return fmt.Sprintf("is %s, must be %q", shorten(string(value), 100), cloudevent.CloudEventsVersionV1)
		}
		return ""
	case "id", "source", "type", "time", attrSubject, attrDataSchema, attrDataContentType:
		if !isText {
			return "is " + kindName(value.Kind()) + ", must be a string"
		}
	}
	switch name {
	case "id":
		s.event.ID = string(text)
		return checkRequired(s.event.ID)
	case "type":
		s.event.Type = string(text)
		return checkRequired(s.event.Type)
	case "source":
		return s.source(string(text))
	case "time":
		s.event.Time, fault = parseTime(string(text))
		return fault
	default:
		return s.extension(name, textOf(text), value)
	}
}

// source takes the source, escaped in every form alike.
func (s *structured) source(text string) (fault string) {
	source, ok := uriRef(text)
	if !ok && text != "" {
		return "is no URI reference"
	}
	s.event.Source = source
	return checkRequired(text)
}

// extension takes an extension attribute, or an optional one that stands among
// them. Encode writes application/json where nothing else is said.
func (s *structured) extension(name, text string, value jsontext.Value) (fault string) {
	if name == attrDataContentType && text == contentTypeJSON {
		return ""
	}
	extension, fault := extensionValue(text, value)
	if wrong := checkExtension(name, extension); wrong != "" { // the name's fault goes first
		return wrong
	}
	if fault != "" {
		return fault
	}
	if s.event.Extensions == nil {
		s.event.Extensions = make(map[string]any)
	}
	s.event.Extensions[name] = extension
	return ""
}

// extensionValue is the value of an extension attribute; text is what it holds
// as a string.
func extensionValue(text string, value jsontext.Value) (extension any, fault string) {
	switch value.Kind() {
	case jsontext.KindString:
		return text, ""
	case jsontext.KindTrue, jsontext.KindFalse:
		return value.Kind() == jsontext.KindTrue, ""
	case jsontext.KindNumber:
		n, ok := parseInteger(value)
		if !ok {
			return nil, "is " + shorten(string(value), 100) + ": a number in an extension attribute is an integer of 32 bits"
		}
		return n, ""
	default:
		return nil, "is " + kindName(value.Kind()) + ", must be a string, a boolean or an integer"
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
	for _, required := range [...]struct {
		name string
		seen bool
	}{
		{"specversion", s.seen.specversion}, {"id", s.seen.id}, {"source", s.seen.source}, {"type", s.seen.typ},
	} {
		if !required.seen {
			s.fault(required.name, "is missing")
		}
	}
	switch {
	case s.seen.data && s.seen.base64:
		s.fault("data_base64", "stands beside data: only one of them may be there")
	case !s.seen.data && !s.seen.base64:
		s.fault("data", "is missing")
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
