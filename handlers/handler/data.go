package handler

import "fmt"

// WithData returns the same event with other data, which must be JSON as Value wants it; the error
// says why it is not. e stays as it is.
func (e *Event) WithData(data []byte) (*Event, error) {
	next := &Event{ID: e.ID, Source: e.Source, Type: e.Type, Time: e.Time, Data: data, Extensions: e.Extensions}
	if _, err := next.Value(); err != nil {
		return nil, fmt.Errorf("the new data: %w", err)
	}
	return next, nil
}
