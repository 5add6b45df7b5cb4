package handlers_test

import (
	"context"
	"testing"

	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

// follow are the handlers of the default configuration's pipeline.
const follow = `
- enrich:
    actor:     {lookup: users, key: "{data.follower_id}"}
    recipient: {lookup: users, key: "{data.followee_id}"}
- deduplicate: {key: "{actor.id} follows {recipient.id}", window: 24h}
- compose: {to: "{recipient.id}", text: "{actor.name} started following you."}
- route: {topic: "notifications.user.{recipient.id}"}
`

// records is a lookup that, unlike the fake, does not remember what it was asked.
type records map[string]map[string]any

func (r records) Get(_ context.Context, key string) (map[string]any, bool, error) {
	record, ok := r[key]
	return record, ok, nil
}

func (records) Instant() bool { return true }

// BenchmarkFollow runs one event through the pipeline of the tutorial, its decoding and the JSON of
// its notification included.
func BenchmarkFollow(b *testing.B) {
	// Like those of the service's own lookups, the records have their ids.
	users := records{"1": {"id": "1", "name": "Emma"}, "2": {"id": "2", "name": "Bruno"}}
	chain := handlertest.Chain(b, follow, handlertest.With("users", users))
	data := `{"follower_id":"2","followee_id":"1"}`
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		outputs, _, err := chain.Run(b.Context(), handlertest.Message(data), nil)
		if err != nil {
			b.Fatal(err)
		}
		buf = outputs[0].Notification.AppendJSON(buf[:0])
	}
}
