package store

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// shared is the database in Redis. All instances that use the same one share
// their claims.
//
// Redis is asked to append every write to a file (see durable). With its
// appendfsync at everysec, the default, a power cut or a crash can cost it the
// last second or two, and a failover what the replica had not received: the
// same promise as that of the embedded store. A message repeated at that very
// moment would be delivered a second time; nothing is ever lost by it.
// appendfsync always closes the first gap.
//
// Marks end by the clocks of the instances, as acceptances are stamped by them:
// clocks that differ by seconds are nothing against the day that a claim outlives
// its window. Redis only measures a key's time to live.
type shared struct{ client *redis.Client }

const (
	// connections is how many batches are under way at once: while Redis works
	// on one, another is being written or read.
	connections = 2
	// answerTime is how long a batch may take, reconnecting and trying again
	// included, before its callers are told that Redis is away.
	answerTime = 5 * time.Second
	// maxRounds is how often a batch is sent at most. Each time but the first
	// something else has changed the keys in question between two rounds.
	maxRounds = 50
)

// swap writes an entry only if the one that it is made of is still there:
// ARGV[1] is that, ARGV[2] the new one or "" for none, and ARGV[3] its time to
// live in milliseconds. It answers nil when it has written, and otherwise the
// entry that it found or "" for none.
//
// All the rest, which compares times in nanoseconds, is the same Go code as for
// the embedded store: numbers in Lua are floats.
var swap = redis.NewScript(`
local held = redis.call('GET', KEYS[1]) or ''
if held ~= ARGV[1] then
  return held
end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return false
`)

// close closes the connections.
func (d shared) close() error { return d.client.Close() }

// commit carries out a batch in rounds, each a pipeline with one command for
// each request. Nearly all requests are done in the first: they claim a free
// key, which takes a plain SET NX, at half of a script's cost. Where the key
// is held already, the second round reads what it holds, and a third, when that
// has to be changed, swaps it.
func (d shared) commit(batch []*request, now time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	open := make([]*exchange, len(batch))
	for i, r := range batch {
		key := keyPrefix + base64.RawURLEncoding.EncodeToString(r.id)
		open[i] = &exchange{request: r, key: key, change: r.revise(nil, now)}
	}
	for range maxRounds {
		if open = d.round(ctx, open, now); len(open) == 0 {
			return
		}
	}
	for _, x := range open {
		x.request.err = outage(errors.New("others change the key again and again"))
	}
}

// round sends what is open and returns what is open still.
func (d shared) round(ctx context.Context, open []*exchange, now time.Time) []*exchange {
	pipe := d.client.Pipeline()
	taught := false
	for _, x := range open {
		taught = x.send(ctx, pipe, now, taught)
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	left := open[:0]
	for _, x := range open {
		if !x.settle(now) {
			left = append(left, x)
		}
	}
	return left
}

// exchange is a request on its way to and from Redis.
type exchange struct {
	request *request
	key     string
	// held is the entry that change is made of, as it was read; "" is none.
	held    string
	change  change
	sent    redis.Cmder
	blind   bool // held is not what the key holds: it has to be read
	unknown bool // Redis doesn't know the script, or forgot it in a restart
}

// send adds the exchange's next command to pipe. Scripts go by their hash,
// but for the first of a pipeline that Redis doesn't know: taught says that
// this has been sent.
func (x *exchange) send(ctx context.Context, pipe redis.Pipeliner, now time.Time, taught bool) bool {
	if x.blind || !x.change.write {
		x.sent = pipe.Get(ctx, x.key)
		return taught
	}
	var entry []byte
	var life time.Duration
	if len(x.change.entry) > 0 {
		entry = x.change.entry.encode()
		// The marks decide by themselves when they end; Redis only takes the
		// space back, so it must not be early.
		life = x.change.entry.until().Sub(now).Truncate(time.Millisecond) + time.Second
	}
	switch keys := []string{x.key}; {
	case x.held == "":
		x.sent = pipe.SetArgs(ctx, x.key, entry, redis.SetArgs{Mode: "NX", TTL: life})
	case x.unknown && !taught:
		x.sent = swap.Eval(ctx, pipe, keys, x.held, entry, life.Milliseconds())
		return true
	default:
		x.sent = swap.EvalSha(ctx, pipe, keys, x.held, entry, life.Milliseconds())
	}
	return taught
}

// settle makes the answer of the request out of what Redis replied. It returns
// false when there has to be another round.
func (x *exchange) settle(now time.Time) bool {
	var held string
	err := x.sent.Err()
	switch {
	case redis.HasErrorPrefix(err, "NOSCRIPT"):
		x.unknown = true
		return false
	case redis.HasErrorPrefix(err, "WRONGTYPE"):
		x.request.err = errEntry
		return true
	case err != nil && !errors.Is(err, redis.Nil):
		x.request.err = outage(err)
		return true
	}
	switch sent := x.sent.(type) {
	case *redis.StatusCmd: // of SET NX: nil when the key is held
		if x.blind = err != nil; x.blind {
			return false
		}
		return x.answer()
	case *redis.Cmd: // of the script: nil when it has written
		if err != nil {
			return x.answer()
		}
		held, err = sent.Text()
		if err != nil {
			x.request.err = outage(err)
			return true
		}
	case *redis.StringCmd: // of GET: nil when the key is free
		held = sent.Val()
	}
	return x.reconsider(held, now)
}

// answer gives the request its verdict.
func (x *exchange) answer() bool {
	x.request.verdict = x.change.verdict
	return true
}

// reconsider makes the change anew, of what the key holds.
func (x *exchange) reconsider(held string, now time.Time) bool {
	var e entry
	if held != "" {
		if e, x.request.err = decode([]byte(held), now); x.request.err != nil {
			return true
		}
	}
	x.held, x.blind = held, false
	if x.change = x.request.revise(e, now); x.change.write {
		return false
	}
	return x.answer()
}

// outage marks an error of Redis as one. Whatever it says, the message is not
// at fault: Redis is away, loading, full, read-only, or gives other permissions
// than it did when the service started.
func outage(err error) error {
	return handler.Unavailable(fmt.Errorf("redis: %w", err))
}

// keyPrefix begins the keys of claims.
const keyPrefix = "kafka-notify:claim:"
