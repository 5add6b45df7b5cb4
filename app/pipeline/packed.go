package pipeline

import "github.com/trieungochai/kafka-notify/handlers/handler"

// packed is memory for the bytes of one record, so that its many small parts
// are one allocation.
type packed struct{ free []byte }

// newPacked has room for a notification and its headers.
func newPacked(n *handler.Notification) packed {
	return packed{make([]byte, 0, 1024+len(n.Text)+len(n.Data))}
}

// text returns a copy of s.
func (p *packed) text(s string) []byte { return p.take(append(p.free, s...)) }

// json returns the value of a delivery record.
func (p *packed) json(n *handler.Notification) []byte { return p.take(n.AppendJSON(p.free)) }

// take cuts off what was appended, with no room to write into what comes next.
func (p *packed) take(all []byte) []byte {
	p.free = all[len(all):]
	return all[:len(all):len(all)]
}
