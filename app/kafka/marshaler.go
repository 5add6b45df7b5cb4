package kafka

import (
	"context"
	"errors"

	"github.com/IBM/sarama"
	wmkafka "github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/trieungochai/kafka-notify/app/record"
)

type recordKey struct{}

// withRecord puts the record to publish beside its message.
func withRecord(ctx context.Context, rec *record.Record) context.Context {
	return context.WithValue(ctx, recordKey{}, rec)
}

// marshaler carries whole records through Watermill. Watermill's own marshaler
// loses the key and, its metadata being a map, repeated headers and their order.
type marshaler struct{}

var _ wmkafka.MarshalerUnmarshaler = marshaler{}

// Marshal turns the record in the message's context into what sarama sends.
func (marshaler) Marshal(topic string, msg *message.Message) (*sarama.ProducerMessage, error) {
	rec, ok := msg.Context().Value(recordKey{}).(*record.Record)
	if !ok {
		return nil, errors.New("the message carries no record: publish through kafka.Publisher")
	}
	out := &sarama.ProducerMessage{
		Topic:   topic,
		Value:   sarama.ByteEncoder(rec.Value),
		Headers: make([]sarama.RecordHeader, len(rec.Headers)),
	}
	if rec.Value == nil {
		out.Value = nil
	}
	if rec.Key != nil {
		out.Key = sarama.ByteEncoder(rec.Key)
	}
	for i, h := range rec.Headers {
		out.Headers[i] = sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value}
	}
	return out, nil
}

// Unmarshal never fails: an error here makes watermill-kafka leave the group
// and join again, at the same record, for ever. What can't be decoded is the
// pipeline's to poison.
func (marshaler) Unmarshal(in *sarama.ConsumerMessage) (*message.Message, error) {
	metadata := make(message.Metadata, len(in.Headers))
	uuid := ""
	for _, h := range in.Headers {
		if string(h.Key) == record.HeaderUUID {
			uuid = string(h.Value)
			continue
		}
		metadata[string(h.Key)] = string(h.Value)
	}
	msg := message.NewMessage(uuid, in.Value)
	msg.Metadata = metadata
	return msg, nil
}

// recordOf is the record as it stands in the topic.
func recordOf(in *sarama.ConsumerMessage) *record.Record {
	rec := &record.Record{
		Topic: in.Topic, Partition: in.Partition, Offset: in.Offset, Timestamp: in.Timestamp,
		Key: in.Key, Value: in.Value,
		Headers: make([]record.Header, len(in.Headers)),
	}
	for i, h := range in.Headers {
		rec.Headers[i] = record.Header{Key: string(h.Key), Value: h.Value}
	}
	return rec
}
