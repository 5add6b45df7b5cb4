package chaos

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// load is people who submit events, steadily, whatever happens.
type load struct {
	topics topics
	fleet  *fleet
	ledger *ledger
	people int
	period time.Duration // between two events of a person
	client *http.Client

	stopping chan struct{} // closed: begin no further event
	group    sync.WaitGroup

	mu  sync.Mutex
	odd map[string]int // answers that no client should get, with their number
}

// clientPatience is how long a client waits for an answer before it asks
// another instance.
const clientPatience = 5 * time.Second

func newLoad(t topics, f *fleet, l *ledger, people, rate int) *load {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = people
	return &load{
		topics: t, fleet: f, ledger: l, people: people,
		period:   time.Duration(people) * time.Second / time.Duration(rate),
		client:   &http.Client{Transport: transport, Timeout: clientPatience},
		stopping: make(chan struct{}),
		odd:      make(map[string]int),
	}
}

// start lets everybody begin. When ctx ends they drop what they are doing.
func (l *load) start(ctx context.Context, seed uint64) {
	for person := range l.people {
		random := rand.New(rand.NewPCG(seed, uint64(person)))
		l.group.Go(func() { l.submitAll(ctx, person, random) })
	}
}

// stop lets everybody finish the event they are at, and waits for them.
func (l *load) stop() {
	close(l.stopping)
	l.group.Wait()
	l.client.CloseIdleConnections()
}

// submitAll submits one event after the other: the next one never before the
// last one is accepted, so that their order is beyond doubt.
func (l *load) submitAll(ctx context.Context, person int, random *rand.Rand) {
	pause := time.Duration(random.Int64N(int64(l.period))) // or all would start at once
	for seq := 1; ; seq++ {
		select {
		case <-l.stopping:
			return
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		began := time.Now()
		e := Event{ID: fmt.Sprintf("%d-%d", person, seq), Person: person, Seq: seq, Fate: fateOf(person, seq), Submitted: began}
		l.ledger.submit(e)
		l.insist(ctx, e, random)
		pause = max(0, l.period-time.Since(began))
	}
}

// insist sends an event, with the id it has, to one instance after the other
// until one accepts it.
func (l *load) insist(ctx context.Context, e Event, random *rand.Rand) {
	body := l.body(e)
	for posts := 1; ctx.Err() == nil; posts++ {
		if i := l.fleet.pick(random); i != nil && l.post(ctx, i.url, body) {
			l.ledger.accept(e.ID, time.Now(), posts)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(50+random.IntN(200)) * time.Millisecond):
		}
	}
}

// body is the event as it is submitted. Its data decides its fate.
func (l *load) body(e Event) string {
	kind, actor, keep := "step", known, true
	switch e.Fate {
	case Poisoned:
		actor = nobody
	case Dropped:
		keep = false
	case Retried:
		kind, actor = "late", "late-"+e.ID
	}
	return fmt.Sprintf(`{"type":"%s-%s","id":%q,"data":{"person":"%d","seq":%d,"actor":%q,"keep":%t}}`,
		kind, l.topics.run, e.ID, e.Person, e.Seq, actor, keep)
}

// post sends one event and reports whether it was accepted. Anything but a
// clear 202 is a no, after which the same event is sent again.
func (l *load) post(ctx context.Context, url, body string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/events", strings.NewReader(body))
	if err != nil {
		l.oddAnswer(err.Error())
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := l.client.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	switch {
	case resp.StatusCode == http.StatusServiceUnavailable:
		return false
	case resp.StatusCode != http.StatusAccepted:
		l.oddAnswer(fmt.Sprintf("%s: %.300s", resp.Status, answer))
		return false
	}
	return err == nil
}

// oddAnswer keeps an answer that is neither a 202 nor a 503.
func (l *load) oddAnswer(answer string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.odd[answer]++
}

// oddAnswers are the answers that were neither, with how often they came.
func (l *load) oddAnswers() (list []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for answer, times := range l.odd {
		list = append(list, fmt.Sprintf("%d times %s", times, answer))
	}
	return list
}
