package event

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/binding/spec"
	cloudevent "github.com/cloudevents/sdk-go/v2/event"

	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// HeaderPrefix stands before the name of an attribute in the headers of a
// record in binary mode, after CloudEvents' Kafka binding.
const HeaderPrefix = "ce_"

// decodeBinary reads an event whose attributes are headers.
func decodeBinary(headers []record.Header, value []byte) (*handler.Event, error) {
	if len(bytes.TrimSpace(value)) == 0 {
		return nil, Problems{{"/data", "is missing"}}
	}
	data, err := checkData(value)
	if err != nil {
		return nil, err
	}
	ce, err := binding.ToEvent(context.Background(), &message{headers: headers, data: data})
	if err != nil {
		var problems Problems
		if errors.As(err, &problems) {
			return nil, problems
		}
		return nil, Problems{{Detail: "is no CloudEvent: " + err.Error()}}
	}
	return fromCloudEvent(ce, ce.Data())
}

// message is a record in binary mode, as the SDK reads it.
type message struct {
	headers []record.Header
	data    []byte
}

var (
	_ binding.Message               = (*message)(nil)
	_ binding.MessageMetadataReader = (*message)(nil) // binding.ToEvent needs it too
)

// binary knows the names of binary mode.
var binary = spec.WithPrefix(HeaderPrefix).Version(cloudevent.CloudEventsVersionV1)

// ReadEncoding implements binding.MessageReader.
func (*message) ReadEncoding() binding.Encoding { return binding.EncodingBinary }

// ReadStructured implements binding.MessageReader.
func (*message) ReadStructured(context.Context, binding.StructuredWriter) error {
	return binding.ErrNotStructured
}

// ReadBinary hands the headers to the SDK. A fault is a Problem, so that it
// names its attribute.
func (m *message) ReadBinary(_ context.Context, w binding.BinaryWriter) error {
	seen := map[string]bool{}
	for _, h := range m.headers {
		name, ok := strings.CutPrefix(strings.ToLower(h.Key), HeaderPrefix)
		if !ok {
			continue
		}
		if seen[name] {
			return Problems{{pointer(name), "is given twice"}}
		}
		seen[name] = true
		if err := writeAttribute(w, name, string(h.Value)); err != nil {
			return err
		}
	}
	if t := contentType(m.headers); t != "" {
		if fault := checkContentType(t); fault != "" {
			return Problems{{pointer(attrDataContentType), fault}}
		}
		if err := w.SetAttribute(binary.AttributeFromKind(spec.DataContentType), t); err != nil {
			return err
		}
	}
	return w.SetData(bytes.NewBuffer(m.data))
}

// writeAttribute hands one attribute to the SDK.
func writeAttribute(w binding.BinaryWriter, name, value string) error {
	fault := ""
	switch name {
	case "specversion":
		if value != cloudevent.CloudEventsVersionV1 {
			fault = "is " + quote(value) + ", must be \"" + cloudevent.CloudEventsVersionV1 + "\""
		}
	case attrDataContentType:
		fault = "comes from the content-type header in binary mode"
	case "time":
		_, fault = parseTime(value)
	case attrSubject, attrDataSchema:
		fault = checkExtension(name, value)
	case "id", "source", "type":
	default:
		if fault = checkName(name); fault == "" {
			return w.SetExtension(name, value)
		}
	}
	if fault != "" {
		return Problems{{pointer(shorten(name, 100)), fault}}
	}
	if err := w.SetAttribute(binary.Attribute(HeaderPrefix+name), value); err != nil {
		return Problems{{pointer(name), err.Error()}}
	}
	return nil
}

// GetAttribute implements binding.MessageMetadataReader.
func (m *message) GetAttribute(kind spec.Kind) (spec.Attribute, any) {
	attribute := binary.AttributeFromKind(kind)
	if attribute == nil {
		return nil, nil
	}
	return attribute, m.get(attribute.PrefixedName())
}

// GetExtension implements binding.MessageMetadataReader.
func (m *message) GetExtension(name string) any { return m.get(HeaderPrefix + name) }

// get returns the value of the last header of that name, nil without one.
func (m *message) get(name string) any {
	for i := len(m.headers) - 1; i >= 0; i-- {
		if strings.EqualFold(m.headers[i].Key, name) {
			return string(m.headers[i].Value)
		}
	}
	return nil
}

// Finish implements binding.Message.
func (*message) Finish(error) error { return nil }

// isBinary says whether the headers are those of binary mode.
func isBinary(headers []record.Header) bool {
	for _, h := range headers {
		if strings.EqualFold(h.Key, HeaderPrefix+"specversion") {
			return true
		}
	}
	return false
}

// contentType returns the last content-type header. Names are compared without
// case: other producers write Content-Type.
func contentType(headers []record.Header) string {
	for i := len(headers) - 1; i >= 0; i-- {
		if strings.EqualFold(headers[i].Key, record.HeaderContentType) {
			return textOf(headers[i].Value)
		}
	}
	return ""
}
