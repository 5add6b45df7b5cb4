package pipeline

import (
	"time"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// packed is memory for the bytes of one record, so that its many small parts
// are one allocation.
type packed struct{ free []byte }

// newPacked has room for a notification and its headers, unless much in it has
// to be escaped.
func newPacked(n *handler.Notification) packed {
	const fixed = 480 // names, times, ids of the service's own making, short names of people
	return packed{make([]byte, 0, fixed+len(n.Text)+len(n.Data)+len(n.Event.Source)+2*len(n.Event.ID)+3*len(n.Type))}
}

// text returns a copy of s.
func (p *packed) text(s string) []byte { return p.take(append(p.free, s...)) }

// time returns a time as headers have it.
func (p *packed) time(t time.Time) []byte {
	return p.take(t.UTC().AppendFormat(p.free, time.RFC3339Nano))
}

// origin returns an origin as text.
func (p *packed) origin(o handler.Origin) []byte { return p.take(o.Append(p.free)) }

// json returns the value of a delivery record.
func (p *packed) json(n *handler.Notification) []byte { return p.take(n.AppendJSON(p.free)) }

// take cuts off what was appended, with no room to write into what comes next.
func (p *packed) take(all []byte) []byte {
	p.free = all[len(all):]
	return all[:len(all):len(all)]
}
