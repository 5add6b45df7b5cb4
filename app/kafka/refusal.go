package kafka

import (
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// A broker's answers that are the record's own fault, and those that are its
// topic's. All others mean that the broker can't for the moment.
var (
	ofRecord = []error{kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.PolicyViolation, kerr.InvalidTopicException}
	ofTopic  = []error{kerr.UnknownTopicOrPartition, kerr.UnknownTopicID}
)

// refusalOf is err in the words of the pipelines, if sending the record again
// would bring it again; nil for an outage.
func refusalOf(topic string, err error) error {
	is := func(e error) bool { return errors.Is(err, e) }
	switch {
	case is(kerr.MessageTooLarge), is(kerr.RecordListTooLarge):
		return handler.Permanent(fmt.Errorf("publish to %s: %w: %w", topic, ErrTooLarge, err))
	case slices.ContainsFunc(ofRecord, is):
		return handler.Permanent(fmt.Errorf("publish to %s: %w", topic, err))
	case slices.ContainsFunc(ofTopic, is):
		return fmt.Errorf("publish to %s: %w: %w", topic, ErrTopicMissing, err)
	}
	return nil
}
