package app_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app"
	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func (s *instance) accept(id, follower, followee string) {
	s.t.Helper()
	if code, body := s.post(id, follower, followee); code != http.StatusAccepted {
		s.t.Fatalf("%d %s", code, body)
	}
}

// produce puts a record straight into a topic, as another program would.
func (s *instance) produce(rec *record.Record) {
	s.t.Helper()
	p, err := kafka.NewPublisher(kafka.Cluster{Brokers: s.app.Brokers()}, 2<<20, quiet())
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	if err := p.Publish(s.t.Context(), rec); err != nil {
		s.t.Fatal(err)
	}
}

// records are all of a topic's only partition.
func (s *instance) records(topic string) []*record.Record {
	s.t.Helper()
	client, err := kafka.NewClient(kafka.Cluster{Brokers: s.app.Brokers()})
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	bounds, err := client.Bounds(s.t.Context(), topic, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	records, err := kafka.ReadRange(s.t.Context(), client, topic, bounds.Start, bounds.End)
	if err != nil {
		s.t.Fatal(err)
	}
	return records
}

// metric is the value of one line of /metrics, "" when there is none.
func (s *instance) metric(line string) string {
	s.t.Helper()
	resp, err := http.Get(s.url + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	for l := range strings.Lines(text(s.t, resp)) {
		if value, ok := strings.CutPrefix(l, line+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Bytes that are no event go to the poison topic, untouched, and hold up
// nobody behind them.
func TestUndecodableRecordsNeverBlock(t *testing.T) {
	s := newSite(t).start()
	garbage := &record.Record{
		Topic: "events.follow-" + s.run, Key: []byte("1"), Value: []byte("\xff not json"),
		Headers: []record.Header{{Key: "trace", Value: []byte("a")}, {Key: "trace", Value: []byte("b")}},
	}
	s.produce(garbage)
	s.accept("e1", "2", "1") // of the same key, so behind it
	eventually(t, "the event behind it", func() bool { return len(s.inbox("1")) == 1 })

	poison := s.records("notifications.poison." + s.run)
	if len(poison) != 1 {
		t.Fatalf("%d poison records", len(poison))
	}
	got := poison[0]
	if !bytes.Equal(got.Key, garbage.Key) || !bytes.Equal(got.Value, garbage.Value) {
		t.Errorf("key %q, value %q", got.Key, got.Value)
	}
	if diff := cmp.Diff(garbage.Headers, got.Headers[:2]); diff != "" {
		t.Errorf("the headers are not as they were: %s", diff)
	}
	for _, name := range record.PoisonHeaders {
		if name != record.PoisonTruncated && got.Get(name) == "" {
			t.Errorf("header %s is empty", name)
		}
	}
	if class := got.Get(record.PoisonClass); class != "decode" {
		t.Errorf("class %s", class)
	}
}

// An event against the schema of its type, from another producer, is poisoned
// as such; so is one of a type nobody declared.
func TestEventsAreCheckedInThePipelineToo(t *testing.T) {
	s := newSite(t).start()
	for i, event := range []string{
		`{"specversion":"1.0","id":"a","source":"/x","type":"follow-RUN","data":{"follower_id":"2"}}`,
		`{"specversion":"1.0","id":"b","source":"/x","type":"unheard-of","data":{}}`,
	} {
		value := strings.ReplaceAll(event, "RUN", s.run)
		s.produce(&record.Record{Topic: "events.follow-" + s.run, Key: []byte(fmt.Sprint(i)), Value: []byte(value)})
	}
	eventually(t, "both poisoned", func() bool { return len(s.poison()) == 2 })
	for _, p := range s.poison() {
		if p.Class != "schema" || !strings.HasPrefix(p.Step, "schema ") {
			t.Errorf("%+v", p)
		}
	}
}

// However often an event id is submitted, one notification comes of it.
func TestOneEventIDOneNotification(t *testing.T) {
	s := newSite(t).start()
	for range 3 {
		s.accept("same", "2", "1")
	}
	s.accept("other", "3", "1")
	eventually(t, "both", func() bool { return len(s.inbox("1")) == 2 })
	if n := len(s.records(kafka.UserTopicPrefix + s.run + "-1")); n != 2 {
		t.Errorf("%d records in the topic, want 2", n)
	}
	dropped := `kafka_notify_messages_dropped_total{handler="idempotency",pipeline="follow-` + s.run + `",reason="duplicate"}`
	eventually(t, "drops counted", func() bool { return s.metric(dropped) == "2" })
}

// Two events that say the same are one notification; their ids differ.
func TestDeduplicateDropsTheSecond(t *testing.T) {
	s := newSite(t).start()
	s.accept("e1", "2", "1")
	s.accept("e2", "2", "1")
	s.accept("e3", "3", "1")
	eventually(t, "the two that differ", func() bool { return len(s.inbox("1")) == 2 })
	want := []string{"Rick started following you.", "Bruno started following you."}
	if diff := cmp.Diff(want, s.inbox("1")); diff != "" {
		t.Error(diff)
	}
}

// A poisoned message has given its claims back: a second event takes its
// place, and the redrive of the first ends as superseded.
func TestARedriveIsSupersededVisibly(t *testing.T) {
	s := newSite(t)
	s.write("users.yaml", `{2: {name: Bruno}}`)
	s.yaml += "breaker: {share: 0}\n" // events fail until the file is read again
	run := s.start()
	run.accept("e1", "2", "1")
	eventually(t, "poison", func() bool { return len(run.poison()) == 1 })
	s.write("users.yaml", testUsers)
	eventually(t, "a second event passes", func() bool {
		run.accept("e1", "2", "1") // even of the same id
		return len(run.inbox("1")) == 1
	})
	entries := run.poison()
	first := entries[len(entries)-1]
	run.redrive(first.ID)
	superseded := `kafka_notify_messages_dropped_total{handler="idempotency",pipeline="follow-` + s.run + `",reason="superseded"}`
	eventually(t, "superseded counted", func() bool { return run.metric(superseded) == "1" })
	if n := len(run.inbox("1")); n != 1 {
		t.Errorf("%d notifications", n)
	}
}

// lookupAt makes the site ask users of an HTTP service.
func (s *site) lookupAt(url string) {
	s.yaml = strings.Replace(s.yaml, "users: {file: users.yaml}", `users: {http: {url: "`+url+`/{key}", timeout: 1s}}`, 1)
}

// usersWithout2 is a lookup service that can't tell of person 2 until down is false.
func usersWithout2(t *testing.T) (users *httptest.Server, down *atomic.Bool) {
	down = new(atomic.Bool)
	down.Store(true)
	users = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() && r.URL.Path == "/2" {
			http.Error(w, "away", http.StatusInternalServerError)
			return
		}
		_, _ = fmt.Fprintf(w, `{"name":"No. %s"}`, strings.TrimPrefix(r.URL.Path, "/"))
	}))
	t.Cleanup(users.Close)
	return users, down
}

// A failing lookup service costs its own messages time and nobody else's:
// they take the retry tiers and are delivered when it is back.
func TestAHealingErrorTakesTheTiers(t *testing.T) {
	users, down := usersWithout2(t)
	site := newSite(t)
	site.lookupAt(users.URL)
	site.yaml = strings.Replace(site.yaml, "later: [200ms]", "later: [1s, 1s]", 1)
	s := site.start()
	s.accept("e1", "2", "1")
	s.accept("e2", "3", "1") // behind it, of the same key
	eventually(t, "the event behind it", func() bool { return len(s.inbox("1")) == 1 })
	if got := s.inbox("1")[0]; got != "No. 3 started following you." {
		t.Errorf("first came %q", got)
	}
	down.Store(false)
	eventually(t, "the retried one", func() bool { return len(s.inbox("1")) == 2 })
	if len(s.poison()) != 0 {
		t.Errorf("poison: %+v", s.poison())
	}
}

// What doesn't heal ends in the poison topic after attempts and tiers.
func TestAnErrorThatStaysIsPoisoned(t *testing.T) {
	users := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "away", http.StatusBadGateway)
	}))
	defer users.Close()
	site := newSite(t)
	site.lookupAt(users.URL)
	s := site.start()
	s.accept("e1", "2", "1")
	eventually(t, "poison", func() bool { return len(s.poison()) == 1 })
	got := s.poison()[0]
	if got.Class != "lookup_unavailable" || got.Attempts != 4 { // two in place, two in the tier
		t.Errorf("%+v", got)
	}
}

// Stopping and starting again over the same data changes nothing.
func TestRestartKeepsEverything(t *testing.T) {
	site := newSite(t)
	s := site.start()
	for i := range 20 {
		s.accept(fmt.Sprint("e", i), fmt.Sprint(i%3+2), fmt.Sprint(i%4+1))
	}
	eventually(t, "all handled", func() bool {
		return len(s.inbox("1"))+len(s.inbox("2"))+len(s.inbox("3"))+len(s.inbox("4")) == 12
	})
	before := map[string][]string{"1": s.inbox("1"), "2": s.inbox("2")}
	s.stop()

	s = site.start()
	s.accept("e0", "2", "1") // its claim outlived the restart
	s.accept("e99", "4", "1")
	eventually(t, "the new one", func() bool { return len(s.inbox("1")) == len(before["1"])+1 || len(before["1"]) == 3 })
	if diff := cmp.Diff(before["2"], s.inbox("2")); diff != "" {
		t.Error(diff)
	}
	for _, person := range []string{"1", "2"} {
		var ids []string
		for _, r := range s.records(kafka.UserTopicPrefix + s.run + "-" + person) {
			ids = append(ids, r.Get(record.HeaderUUID))
		}
		slices.Sort(ids)
		if len(slices.Compact(ids)) != len(s.records(kafka.UserTopicPrefix+s.run+"-"+person)) {
			t.Errorf("person %s has a notification twice", person)
		}
	}
}

// Whatever is accepted can be delivered, and poisoned, up to the last byte.
func TestTheLargestEventIsDeliverableAndPoisonable(t *testing.T) {
	s := newSite(t).start()
	for id, follower := range map[string]string{"known": "2", "unknown": "9"} {
		frame := fmt.Sprintf(`{"type":"follow-%s","id":%q,"data":{"follower_id":%q,"followee_id":"1","pad":""}}`, s.run, id, follower)
		pad := strings.Repeat("p", 1<<20-len(frame))
		body := strings.Replace(frame, `"pad":""`, `"pad":"`+pad+`"`, 1)
		resp, err := http.Post(s.url+"/v1/events", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if answer := text(t, resp); resp.StatusCode != http.StatusAccepted {
			t.Fatalf("%d bytes: %d %s", len(body), resp.StatusCode, answer)
		}
	}
	eventually(t, "one delivered, one poisoned", func() bool { return len(s.inbox("1")) == 1 && len(s.poison()) == 1 })
	if got := s.records("notifications.poison." + s.run)[0]; len(got.Value) < 1<<20 || got.Get(record.PoisonTruncated) != "" {
		t.Errorf("the poison record has %d bytes", len(got.Value))
	}
}

// A new pipeline does not tell everybody everything of the last week: it
// begins now, unless it says otherwise.
func TestANewPipelineBeginsNow(t *testing.T) {
	site := newSite(t)
	s := site.start()
	s.accept("e1", "2", "1")
	eventually(t, "delivery", func() bool { return len(s.inbox("1")) == 1 })
	s.stop()

	site.yaml = strings.Replace(site.yaml, "retry:\n", `  late-RUN:
    subscribe: events.follow-RUN
    handlers:
      - compose: {to: "RUN-{data.followee_id}", text: "late"}
      - route: {topic: "notifications.user.RUN-{data.followee_id}"}
retry:
`, 1)
	s = site.start()
	s.accept("e2", "3", "1")
	eventually(t, "both pipelines", func() bool { return len(s.inbox("1")) == 3 })
	late := 0
	for _, text := range s.inbox("1") {
		if text == "late" {
			late++
		}
	}
	if late != 1 {
		t.Errorf("the new pipeline delivered %d events, want 1", late)
	}
}

// Messages waiting in a tier survive: a tier the file no longer names is
// drained, and a pipeline that is gone with messages waiting refuses the start.
func TestWaitingMessagesAreNotForgotten(t *testing.T) {
	var down atomic.Bool
	down.Store(true)
	users := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			http.Error(w, "away", http.StatusBadGateway)
			return
		}
		_, _ = w.Write([]byte(`{"name":"Noor"}`))
	}))
	defer users.Close()
	site := newSite(t)
	site.lookupAt(users.URL)
	site.yaml = strings.Replace(site.yaml, "later: [200ms]", "later: [10ms, 3s]", 1)
	s := site.start()
	s.accept("e1", "2", "1")
	second := "kafka_notify_messages_retried_total{pipeline=\"follow-" + s.run + "\",tier=\"2\"}"
	eventually(t, "the second tier", func() bool { return s.metric(second) == "1" })
	s.stop()
	down.Store(false)

	whole := site.yaml
	site.yaml = strings.NewReplacer("  follow-RUN:\n    subscribe", "  other-RUN:\n    subscribe").Replace(whole)
	a, err := app.New(app.Options{Config: site.config(), Registry: handler.Default(), Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	err = a.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "notifications.retry.follow-"+site.run+".2 (up to ") {
		t.Fatalf("a start without the pipeline: %v", err)
	}

	site.yaml = strings.Replace(whole, "later: [10ms, 3s]", "later: [10ms]", 1)
	s = site.start()
	eventually(t, "the waiting message", func() bool { return len(s.inbox("1")) == 1 })
}

// A faulty new version of a lookup file is seen in a metric; the one before it
// stays in use.
func TestAStaleLookupFileShows(t *testing.T) {
	s := newSite(t).start()
	stale := func() string { return s.metric(`kafka_notify_lookup_file_stale{lookup="users"}`) }
	if got := stale(); got != "0" {
		t.Errorf("at the start: %q", got)
	}
	s.write("users.yaml", "1: [no, record]")
	eventually(t, "stale", func() bool { return stale() == "1" })
	s.accept("e1", "2", "1")
	eventually(t, "delivery by the version before", func() bool { return len(s.inbox("1")) == 1 })
	s.write("users.yaml", testUsers)
	eventually(t, "fresh again", func() bool { return stale() == "0" })
}

// What both ways of delivery promise, kept by watermill-kafka's Pub/Sub too.
func TestAtLeastOnce(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"delivery":     TestAnEventReachesThePersonItIsFor,
		"redrive":      TestAPoisonedMessageIsRepairedAndRedriven,
		"undecodable":  TestUndecodableRecordsNeverBlock,
		"idempotency":  TestOneEventIDOneNotification,
		"superseded":   TestARedriveIsSupersededVisibly,
		"tiers":        TestAHealingErrorTakesTheTiers,
		"poison":       TestAnErrorThatStaysIsPoisoned,
		"restart":      TestRestartKeepsEverything,
		"large events": TestTheLargestEventIsDeliverableAndPoisonable,
		"waiting":      TestWaitingMessagesAreNotForgotten,
		"sources":      TestSourcesHaveTiersOfTheirOwn,
		"transitions":  TestSourcesComeAndGo,
	} {
		t.Run(name, test)
	}
}
