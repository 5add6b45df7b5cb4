package config

import "strings"

// Sources are the topics that a pipeline reads: in the file one topic, or a
// list of them.
type Sources []Text

// DecodeNode implements NodeDecoder.
func (s *Sources) DecodeNode(n Node) Faults {
	switch n.Kind() {
	case Sequence:
		var topics []Text
		faults := n.Decode(&topics)
		*s = topics
		return faults
	case Mapping:
		return Faults{n.Faultf("%s must be a topic or a list of topics, not %s", n.what(), n.describe())}
	}
	var topic Text
	faults := n.Decode(&topic)
	if len(faults) == 0 {
		*s = Sources{topic}
	}
	return faults
}

// schema implements described.
func (Sources) schema(names []string) *JSONSchema {
	return &JSONSchema{AnyOf: []*JSONSchema{Either(names...), List(Either(names...))}}
}

// Topics returns their names.
func (s Sources) Topics() []string {
	names := make([]string, len(s))
	for i, topic := range s {
		names[i] = topic.Value
	}
	return names
}

// Source is one topic that a pipeline reads, with partitions and retry tiers of
// its own.
type Source struct {
	Topic Text // events.<type>
	// ID is what the source's consumer group and retry topics are named after: the
	// pipeline's id if it is the only source, <id>.<type> if there are several.
	ID string
	// FormerID is what it would be if the file had one source instead of several,
	// or several instead of one: what an earlier file may have left under that
	// name is the source's, too.
	FormerID string
}

// Type returns the event type that the source carries.
func (s Source) Type() string { return strings.TrimPrefix(s.Topic.Value, eventTopics) }

// Sources returns what the pipeline reads, in the order of the file.
func (p Pipeline) Sources() []Source {
	sources := make([]Source, len(p.Subscribe))
	for i, topic := range p.Subscribe {
		s := Source{Topic: topic}
		s.ID, s.FormerID = p.ID, p.ID+"."+s.Type()
		if len(p.Subscribe) > 1 {
			s.ID, s.FormerID = s.FormerID, s.ID
		}
		sources[i] = s
	}
	return sources
}

// EventTypes returns the event types that the pipeline subscribes to.
func (p Pipeline) EventTypes() []string {
	types := make([]string, len(p.Subscribe))
	for i, s := range p.Sources() {
		types[i] = s.Type()
	}
	return types
}
