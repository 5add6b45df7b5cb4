package pipeline_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

const poisonTopic = "notifications.poison"

// world is what outlives a process: the topics, what is committed, the claims.
type world struct {
	compile func() *pipeline.Pipeline
	topics  map[string][]*record.Record
	deleted map[string]bool
	legs    map[*record.Record]*leg
	done    map[*record.Record]bool
	claims  memory
	travels []*travel
	process *process

	strays atomic.Int64 // published beside a transaction
	start  time.Time
	story  []string
	faults []string
}

// travel is one submission, from its event record to its end.
type travel struct {
	name, id, key, to, size string
	origin                  handler.Origin
	accepted                time.Time

	open      int // its records in source and retry topics that are not done
	ends      []string
	delivered []delivered
	holder    *travel // who had its place when it was dropped as a duplicate
	leaked    bool    // a crash kept it from giving claims back
	twice     bool    // one poison record was sent back twice
	redrives  int
}

type delivered struct {
	id        string
	fromTopic string
	offset    int64
}

// leg is what a record must say of the past, by the test's own account.
type leg struct {
	travel      *travel
	tier        int // -1: the event record
	attempts    int
	redrives    int
	due         time.Time
	firstFailed time.Time
	sentBack    int // of a poison record: how often
}

func newWorld(compile func() *pipeline.Pipeline) *world {
	w := &world{
		compile: compile, claims: memory{}, start: time.Now(),
		topics: make(map[string][]*record.Record), deleted: make(map[string]bool),
		legs: make(map[*record.Record]*leg), done: make(map[*record.Record]bool),
	}
	w.begin()
	return w
}

// tell goes on with the story.
func (w *world) tell(format string, args ...any) {
	w.story = append(w.story, fmt.Sprintf("%10v  ", time.Since(w.start))+fmt.Sprintf(format, args...))
}

// fault says which promise is broken.
func (w *world) fault(format string, args ...any) {
	w.tell("BROKEN: "+format, args...)
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

// write appends a record to its topic.
func (w *world) write(rec *record.Record, l *leg) *record.Record {
	rec = rec.Copy()
	rec.Partition, rec.Offset, rec.Timestamp = 0, 0, time.Now()
	if rec.Topic == "events.follow" || strings.HasPrefix(rec.Topic, "notifications.retry.") {
		rec.Partition = int32(rec.Key[0] & 1)
	}
	for _, r := range w.topics[rec.Topic] {
		if r.Partition == rec.Partition {
			rec.Offset++
		}
	}
	w.topics[rec.Topic] = append(w.topics[rec.Topic], rec)
	w.legs[rec] = l
	return rec
}

// submit writes an event.
func (w *world) submit(id, key, to, size string) {
	t := &travel{name: fmt.Sprintf("#%d", len(w.travels)), id: id, key: key, to: to, size: size, open: 1, accepted: time.Now()}
	value := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/s","type":"follow","data":{"key":%q,"to":%q,"size":%q}}`, id, key, to, size)
	rec := w.write(&record.Record{
		Topic: "events.follow", Key: []byte(to), Value: []byte(value),
		Headers: []record.Header{{Key: "x", Value: []byte("1")}, {Key: "x", Value: []byte("2")}},
	}, &leg{travel: t, tier: -1})
	t.origin = handler.Origin{Topic: rec.Topic, Partition: rec.Partition, Offset: rec.Offset}
	w.travels = append(w.travels, t)
	w.tell("%s is submitted: event %s to %s, which says %s (%s)", t.name, id, to, key, size)
	w.pump()
}

// redrive sends the newest poison record of t back; dies says that the process
// ends at once.
func (w *world) redrive(t *travel, dies bool) {
	records := w.topics[poisonTopic]
	at := len(records) - 1
	for w.legs[records[at]].travel != t {
		at--
	}
	if records[at].Get(record.PoisonTruncated) == "true" {
		w.tell("%s can't be sent back: its value is lost", t.name)
		return
	}
	of := w.legs[records[at]]
	of.sentBack++
	t.twice = t.twice || of.sentBack > 1
	t.open++
	t.redrives++
	w.write(poison.SendBack(records[at], pipeline.RetryTopic("follow", 0)),
		&leg{travel: t, tier: 0, redrives: of.redrives + 1, firstFailed: of.firstFailed})
	w.tell("%s is sent back", t.name)
	if dies {
		w.crash("and nobody is told so")
	}
	w.pump()
}

// crash kills the process, and starts another.
func (w *world) crash(when string) {
	w.tell("the process is killed %s", when)
	for _, t := range w.travels {
		w.mayLeak(t)
	}
	w.process.kill()
	w.begin()
}

// mayLeak notes that what a delivery had claimed nobody knows any more, unless
// the next one asks for it again: it ends with its window.
func (w *world) mayLeak(t *travel) {
	t.leaked = t.leaked || t.open > 0 && len(w.claims.heldBy(t.origin)) > 0
}

// commit makes a transaction of the first n that are finished in l. dies says
// that the process learns nothing of it any more.
func (w *world) commit(l *loop, n int, dies bool) {
	batch := slices.Clone(l.finished[:n])
	l.finished = l.finished[n:]
	if w.aborts(l, batch) {
		for _, at := range batch {
			w.mayLeak(at.leg.travel)
		}
		w.pump()
		return
	}
	for _, at := range batch {
		at.committed, w.done[at.rec] = true, true
		w.checkEnd(at)
	}
	if dies {
		for _, at := range batch {
			at.leg.travel.leaked = true
		}
		w.crash("after it has committed, before it knows")
		return
	}
	for _, at := range batch {
		for _, f := range at.then {
			f()
		}
	}
	w.pump()
}

// aborts reports whether a topic refuses something of the batch. What is
// refused is handed out again, with what of its key is finished after it.
func (w *world) aborts(l *loop, batch []*work) bool {
	var again, rest []*work
	for _, at := range batch {
		refusals := w.refusals(at)
		at.refusals = append(at.refusals, refusals...)
		for _, r := range refusals {
			w.tell("%s: %s", at, r.err)
		}
		if len(refusals) > 0 {
			again = append(again, at)
		}
	}
	if len(again) == 0 {
		return false
	}
	for _, at := range slices.Concat(batch, l.finished) {
		if slices.ContainsFunc(again, func(a *work) bool {
			return a == at || string(a.rec.Key) == string(at.rec.Key) && a.rec.Offset < at.rec.Offset
		}) {
			l.enqueue(at)
		} else {
			rest = append(rest, at)
		}
	}
	l.finished = rest
	return true
}

// refusals are what topics have against the outputs of a message.
func (w *world) refusals(at *work) (list []refusal) {
	for _, rec := range at.out {
		size := at.leg.travel.size
		tooLarge := size != "small" && strings.HasPrefix(rec.Topic, kafka.UserTopicPrefix) ||
			size == "huge" && rec.Topic == poisonTopic && rec.Value != nil
		switch {
		case tooLarge:
			list = append(list, refusal{rec.Topic, handler.Permanent(fmt.Errorf("publish to %s: %w", rec.Topic, kafka.ErrTooLarge))})
		case w.deleted[rec.Topic]:
			list = append(list, refusal{rec.Topic, fmt.Errorf("publish to %s: %w", rec.Topic, kafka.ErrTopicMissing)})
		}
	}
	return list
}
