package event_test

import (
	"testing"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// followRecord is a record of the default configuration's event type.
const followRecord = `{"specversion":"1.0","id":"b1-17","source":"/kafka-notify/follow","type":"follow",` +
	`"datacontenttype":"application/json","time":"2026-01-02T15:04:05.123456789Z","data":` + followData + `}`

const followData = `{"follower_id":"2","followee_id":"1"}`

// shipped is the schema of follow in the default configuration.
const shipped = `
follow:
  key: "{data.followee_id}"
  schema:
    type: object
    required: [follower_id, followee_id]
    properties:
      follower_id: {type: [string, integer]}
      followee_id: {type: [string, integer]}
`

func BenchmarkDecode(b *testing.B) {
	h := headers("content-type", event.ContentType, "accepted-at", "2026-01-02T15:04:05.123Z")
	value := []byte(followRecord)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.Decode(h, value); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCheck is the check of an event just decoded: that its data is parsed
// counts.
func BenchmarkCheck(b *testing.B) {
	follow, _ := mustCompile(b, shipped).Get("follow")
	e := &handler.Event{Data: []byte(followData)}
	b.ReportAllocs()
	for b.Loop() {
		fresh := *e
		if faults := follow.Check(&fresh); len(faults) > 0 {
			b.Fatal(faults)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	e, err := event.Decode(nil, []byte(followRecord))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.Encode(e); err != nil {
			b.Fatal(err)
		}
	}
}
