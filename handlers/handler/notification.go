package handler

import (
	"crypto/sha1"
	"encoding/json"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// Person is all that a notification says about somebody, whatever else a lookup returned.
type Person struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// EventRef names the event that a notification comes from.
type EventRef struct {
	ID     string    `json:"id"`
	Source string    `json:"source"`
	Type   string    `json:"type"`
	Time   time.Time `json:"time"`
}

// Notification is what a person gets.
type Notification struct {
	// ID is set by the chain when the notification is routed: see NotificationID.
	ID        string `json:"id"`
	Type      string `json:"type"`
	Recipient Person `json:"recipient"`
	// Actor is who did it; nil, and null in JSON, where nobody did.
	Actor *Person `json:"actor"`
	Text  string  `json:"text"`
	// Data is JSON, byte for byte; null where it is empty.
	Data json.RawMessage `json:"data"`
	// CreatedAt is in UTC with milliseconds.
	CreatedAt time.Time `json:"created_at"`
	Event     EventRef  `json:"event"`
}

// Milliseconds is the layout of created_at.
const Milliseconds = "2006-01-02T15:04:05.000Z"

// AppendJSON appends the notification as the value of a delivery record: the fields in their fixed
// order, Data byte for byte, nothing escaped for HTML. Data must be valid JSON.
func (n *Notification) AppendJSON(dst []byte) []byte {
	dst = appendField(dst, `{"id":`, n.ID)
	dst = appendField(dst, `,"type":`, n.Type)
	dst = appendPerson(append(dst, `,"recipient":`...), &n.Recipient)
	dst = appendPerson(append(dst, `,"actor":`...), n.Actor)
	dst = appendField(dst, `,"text":`, n.Text)
	dst = append(dst, `,"data":`...)
	if len(n.Data) == 0 {
		dst = append(dst, "null"...)
	}
	dst = append(dst, n.Data...)
	dst = append(dst, `,"created_at":"`...)
	dst = appendMilliseconds(dst, n.CreatedAt.UTC())
	dst = appendField(dst, `","event":{"id":`, n.Event.ID)
	dst = appendField(dst, `,"source":`, n.Event.Source)
	dst = appendField(dst, `,"type":`, n.Event.Type)
	dst = append(dst, `,"time":`...)
	if n.Event.Time.IsZero() {
		return append(dst, "null}}"...)
	}
	dst = n.Event.Time.AppendFormat(append(dst, '"'), time.RFC3339Nano)
	return append(dst, `"}}`...)
}

// appendMilliseconds appends a time in UTC as Milliseconds has it. Package time has a short way for
// RFC 3339 alone: any other layout takes four times as long.
func appendMilliseconds(dst []byte, t time.Time) []byte {
	dst = t.AppendFormat(dst, time.RFC3339)
	ms := t.Nanosecond() / int(time.Millisecond)
	digit := func(n int) byte { return '0' + byte(n%10) }
	return append(dst[:len(dst)-len("Z")], '.', digit(ms/100), digit(ms/10), digit(ms), 'Z')
}

// MarshalJSON returns what AppendJSON appends. Inside encoding/json the bytes of Data are compacted
// and escaped for HTML all the same: use AppendJSON for what is published.
func (n Notification) MarshalJSON() ([]byte, error) {
	return n.AppendJSON(make([]byte, 0, n.size())), nil
}

func (n *Notification) size() int { return 512 + len(n.Text) + len(n.Data) }

func appendField(dst []byte, name, text string) []byte {
	return appendString(append(dst, name...), text)
}

func appendPerson(dst []byte, p *Person) []byte {
	if p == nil {
		return append(dst, "null"...)
	}
	dst = appendField(dst, `{"id":`, p.ID)
	dst = appendField(dst, `,"name":`, p.Name)
	return append(dst, '}')
}

// appendString appends text as JSON. Invalid UTF-8 becomes U+FFFD: the error only tells so.
func appendString(dst []byte, text string) []byte {
	dst, _ = jsontext.AppendQuote(dst, text)
	return dst
}

// notificationNamespace is the UUID namespace of notification ids. Another one would give every
// notification a second copy after an update.
var notificationNamespace = uuid.MustParse("6f1d6c1e-3a6b-5c0e-9d0a-8f4e2b7c51d3")

// NotificationID returns the id of a notification: a UUIDv5 of the JSON array of the arguments.
// place is the index of the route among the pipeline's handlers, ordinal counts, from 0, what that
// route made of the event for this recipient. The same event has the same ids however often it is
// processed.
func NotificationID(source, eventID, eventType, pipeline, recipient string, place, ordinal int) string {
	var buf [512]byte
	name := append(buf[:0], notificationNamespace[:]...)
	for i, text := range [...]string{source, eventID, eventType, pipeline, recipient} {
		separator := byte(',')
		if i == 0 {
			separator = '['
		}
		name = appendString(append(name, separator), text)
	}
	name = appendInt(append(name, ','), place)
	name = appendInt(append(name, ','), ordinal)
	name = append(name, ']')
	// As uuid.NewSHA1 does, which would put everything on the heap.
	sum := sha1.Sum(name)
	id := uuid.UUID(sum[:16])
	id[6] = id[6]&0x0f | 5<<4
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}
