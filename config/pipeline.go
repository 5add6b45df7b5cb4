package config

import "time"

// Start is where a pipeline begins whose consumer group has no offsets yet.
// The zero Start is now: only what comes after.
type Start struct {
	Oldest bool
	Time   time.Time // when not zero, the first record at or after it
}

// DecodeNode implements NodeDecoder.
func (s *Start) DecodeNode(n Node) Faults {
	var text string
	if faults := n.Decode(&text); len(faults) > 0 {
		return faults
	}
	switch text {
	case "now":
		*s = Start{}
		return nil
	case "oldest":
		*s = Start{Oldest: true}
		return nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || at.IsZero() {
		f := n.Faultf("%s must be now, oldest, or a time such as 2026-01-02T15:04:05Z, not %s", n.what(), n.describe())
		return Faults{f}
	}
	*s = Start{Time: at}
	return nil
}

// String returns the start as it is written in the file.
func (s Start) String() string {
	switch {
	case s.Oldest:
		return "oldest"
	case !s.Time.IsZero():
		return s.Time.Format(time.RFC3339Nano)
	}
	return "now"
}

// DecodeNode implements NodeDecoder.
func (s *Step) DecodeNode(n Node) Faults {
	const form = "a handler is a mapping with one key, its type"
	switch {
	case n.Kind() == String && len(n.v.variables()) == 0:
		return Faults{n.Faultf("%s, not %s", form, n.describe()).WithHint("write %q", n.v.text+": {}")}
	case n.Kind() != Mapping:
		return Faults{n.Faultf("%s, not %s", form, n.describe())}
	case len(n.v.entries) == 0:
		return Faults{n.Faultf("%s; this one is empty", form)}
	case len(n.v.entries) > 1:
		second := n.Entries()[1].Key
		f := second.Node.Faultf("%s, but %q follows %q", form, second.Value, n.v.entries[0].key.text)
		return Faults{f.WithHint(`begin the next handler with "- ", or indent what belongs to %s`, n.v.entries[0].key.text)}
	}
	e := n.Entries()[0]
	*s = Step{Type: e.Key, Body: e.Value}
	return nil
}
