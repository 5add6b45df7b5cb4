package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/trieungochai/kafka-notify/app"
	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// newSourcesSite is a site whose pipeline can read follows, unfollows, or both.
func newSourcesSite(t *testing.T) *site {
	s := newSite(t)
	s.yaml = strings.NewReplacer(
		"\npipelines:", "\n  unfollow-RUN: {key: \"{data.followee_id}\", partitions: 2}\npipelines:",
		"      - deduplicate: {key: \"{actor.id} follows {recipient.id}\", window: 24h}\n", "",
		"started following you.", "{event.id}",
		"start: oldest", "start: now",
	).Replace(s.yaml) + "breaker: {share: 0}\n"
	return s
}

// subscribe changes what the site's pipeline reads.
func (s *site) subscribe(topics string) {
	lines := strings.Split(s.yaml, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "    subscribe: ") {
			lines[i] = "    subscribe: " + topics
		}
	}
	s.yaml = strings.Join(lines, "\n")
}

const (
	oneSource  = "events.follow-RUN"
	twoSources = "[events.follow-RUN, events.unfollow-RUN]"
)

// event is one event record of a source topic, from another producer.
func (s *site) event(kind, id string) *record.Record {
	topic := "events." + kind + "-" + s.run
	return &record.Record{Topic: topic, Key: []byte("1"), Value: fmt.Appendf(nil,
		`{"specversion":"1.0","id":%q,"source":"/x","type":"%s-%s","data":{"follower_id":"2","followee_id":"1"}}`, id, kind, s.run)}
}

// inTier is such an event that waits in a retry topic, and is due.
func (s *site) inTier(topic, kind, id string) *record.Record {
	rec := s.event(kind, id)
	rec.Set(record.HeaderOrigin, fmt.Sprintf("%s/0/%d", rec.Topic, time.Now().UnixNano()))
	rec.Set(record.HeaderRetryTier, "1")
	rec.Set(record.HeaderAttempts, "2")
	rec.Topic = strings.ReplaceAll(topic, "RUN", s.run)
	return rec
}

// all are the records of a topic, of whatever partition.
func (s *site) all(brokers []string, topic string) (all []*record.Record) {
	s.t.Helper()
	client, err := kafka.NewClient(kafka.Cluster{Brokers: brokers})
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	err = client.Since(s.t.Context(), strings.ReplaceAll(topic, "RUN", s.run), time.Unix(0, 0), func(rec *record.Record) { all = append(all, rec) })
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

// Two sources of one pipeline have partitions, groups and tiers of their own, and
// what is poisoned of either can be sent back.
func TestSourcesHaveTiersOfTheirOwn(t *testing.T) {
	users, down := usersWithout2(t)
	site := newSourcesSite(t)
	site.subscribe(twoSources)
	site.lookupAt(users.URL)
	s := site.start()
	s.produce(s.event("follow", "f1"))
	s.produce(s.event("unfollow", "u1"))
	s.produce(s.event("unfollow", "u2"))
	stray := s.event("follow", "stray")
	stray.Topic = "events.unfollow-" + s.run
	s.produce(stray)
	s.accept("f2", "3", "1")
	eventually(t, "the event behind it", func() bool { return len(s.inbox("1")) == 1 })
	eventually(t, "poison", func() bool { return len(s.poison()) == 4 })

	var got []string
	for _, rec := range s.records("notifications.poison." + s.run) {
		got = append(got, strings.ReplaceAll(strings.Join([]string{
			rec.Get(record.PoisonClass), rec.Get(record.PoisonAttempts), rec.Get(record.TopicPoisoned), rec.Get(record.SubscriberPoisoned),
		}, " "), s.run, "RUN"))
	}
	slices.Sort(got)
	want := []string{
		"lookup_unavailable 4 events.follow-RUN kafka-notify.follow-RUN.follow-RUN",
		"lookup_unavailable 4 events.unfollow-RUN kafka-notify.follow-RUN.unfollow-RUN",
		"lookup_unavailable 4 events.unfollow-RUN kafka-notify.follow-RUN.unfollow-RUN",
		"schema 1 events.unfollow-RUN kafka-notify.follow-RUN.unfollow-RUN",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("poisoned (-want +got)\n%s", diff)
	}
	for topic, n := range map[string]int{"notifications.retry.follow-RUN.follow-RUN.1": 1, "notifications.retry.follow-RUN.unfollow-RUN.1": 2} {
		if all := s.all(s.app.Brokers(), topic); len(all) != n {
			t.Errorf("%d in %s, want %d", len(all), topic, n)
		}
	}
	eventually(t, "all committed", s.idle)
	s.checkSources()

	down.Store(false)
	for _, entry := range s.poison() {
		if entry.Class == "lookup_unavailable" {
			s.redrive(entry.ID)
		}
	}
	eventually(t, "all delivered", func() bool { return len(s.inbox("1")) == 4 })
	if redriven := s.all(s.app.Brokers(), "notifications.retry.follow-RUN.0"); len(redriven) != 3 {
		t.Errorf("%d were sent back", len(redriven))
	}
}

// checkSources checks what the service says of the pipeline with two sources.
func (s *instance) checkSources() {
	s.t.Helper()
	client, err := kafka.NewClient(kafka.Cluster{Brokers: s.app.Brokers()})
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	there, err := client.TopicPartitions(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	var list struct{ Pipelines []pipeline.Status }
	s.get("/v1/pipelines", &list)
	var got []string
	p := list.Pipelines[0]
	for _, source := range p.Sources {
		got = append(got, fmt.Sprint(source.Topic, " ", source.Group, " ", source.Lag))
	}
	for _, tier := range p.Tiers {
		got = append(got, fmt.Sprint(tier.Topic, " of ", there[tier.Topic]))
	}
	got = append(got, p.Subscribe, p.Group)
	want := []string{
		"events.follow-RUN kafka-notify.follow-RUN.follow-RUN 0",
		"events.unfollow-RUN kafka-notify.follow-RUN.unfollow-RUN 0",
		"notifications.retry.follow-RUN.0 of 4",
		"notifications.retry.follow-RUN.follow-RUN.1 of 4",
		"notifications.retry.follow-RUN.unfollow-RUN.1 of 2",
		"events.follow-RUN, events.unfollow-RUN",
		"kafka-notify.follow-RUN.follow-RUN, kafka-notify.follow-RUN.unfollow-RUN",
	}
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], "RUN", s.run)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("the pipeline (-want +got)\n%s", diff)
	}
}

// From one source to several and back, nothing is lost and nothing repeated: what
// waits in source and retry topics meanwhile is read on where it was left.
func TestSourcesComeAndGo(t *testing.T) {
	s := newSourcesSite(t)
	s.yaml = strings.NewReplacer("partitions: 4", "partitions: 1", "partitions: 2", "partitions: 1").Replace(s.yaml)
	brokers := brokersAt("")
	if brokerDiesToo { // it has to outlive the service
		brokers = []string{newBroker(t, s).address}
	}
	pub, err := kafka.NewPublisher(kafka.Cluster{Brokers: brokers}, 2<<20, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pub.Close() }()
	var want []string
	// during is one run, after these records were written while nobody ran.
	during := func(topics string, do func(*instance), waiting ...*record.Record) {
		t.Helper()
		for _, rec := range waiting {
			if err := pub.Publish(t.Context(), rec); err != nil {
				t.Fatal(err)
			}
			_, id, _ := strings.Cut(string(rec.Value), `"id":"`)
			want = append(want, id[:strings.IndexByte(id, '"')])
		}
		s.subscribe(topics)
		run := s.start()
		do(run)
		slices.Sort(want)
		eventually(t, fmt.Sprintf("%q are delivered", want), func() bool { return len(s.delivered(brokers)) >= len(want) })
		eventually(t, "and committed", run.idle)
		run.stop()
		if diff := cmp.Diff(want, s.delivered(brokers)); diff != "" {
			t.Errorf("delivered by %s (-want +got)\n%s", topics, diff)
		}
	}
	accept := func(kind, id string) func(*instance) {
		return func(run *instance) { run.produce(run.event(kind, id)); want = append(want, id) }
	}
	const single, follow, unfollow = "notifications.retry.follow-RUN.1", "notifications.retry.follow-RUN.follow-RUN.1", "notifications.retry.follow-RUN.unfollow-RUN.1"

	during(oneSource, accept("follow", "f1"))
	during(twoSources, accept("unfollow", "u1"), s.event("follow", "f2"), s.inTier(single, "follow", "f3"))
	during(twoSources, accept("follow", "f4"), s.event("unfollow", "u2"), s.inTier(unfollow, "unfollow", "u3"), s.inTier(follow, "follow", "f5"))
	during(oneSource, accept("follow", "f6"), s.event("follow", "f7"), s.inTier(follow, "follow", "f8"))

	// unfollow is taken out with a message in its tier: that would wait for ever.
	left := s.inTier(unfollow, "unfollow", "u4")
	if err := pub.Publish(t.Context(), left); err != nil {
		t.Fatal(err)
	}
	message := s.startFails()
	for _, part := range []string{left.Topic + " (up to 1;", "put that back into `subscribe` of follow-" + s.run, "events.unfollow-" + s.run} {
		if !strings.Contains(message, part) {
			t.Errorf("the error does not say %q: %s", part, message)
		}
	}
	want = append(want, "u4")
	during(twoSources, accept("unfollow", "u5"), s.event("follow", "f9"))
}

// waits is a log that calls a function once somebody waits.
type waits struct {
	slog.Handler
	once func()
}

// Enabled implements slog.Handler.
func (waits) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (w waits) Handle(ctx context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "waiting until the group") {
		w.once()
	}
	return nil
}

// An instance with a list waits until the last one without has gone: both would
// read the topic.
func TestAListWaitsForTheLastInstanceWithout(t *testing.T) {
	s := newSourcesSite(t)
	brokers := brokersAt("")
	if brokerDiesToo {
		brokers = []string{newBroker(t, s).address}
	}
	s.start().stop() // which makes the topics
	last, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumerGroup("kafka-notify.follow-"+s.run), kgo.ConsumeTopics("events.follow-"+s.run))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "it has joined", func() bool { _, generation := last.GroupMetadata(); return generation > 0 })
	waited := false
	leave := sync.OnceFunc(func() { waited = true; _ = last.LeaveGroupContext(t.Context()); last.Close() })
	defer leave()
	s.subscribe(twoSources)
	log := slog.New(waits{slog.DiscardHandler, leave})
	a, err := app.New(app.Options{Config: s.config(), Registry: handler.Default(), Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil || !waited {
		t.Errorf("started: %v, waited: %v", err, waited)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// startFails starts the service, which must not succeed.
func (s *site) startFails() string {
	s.t.Helper()
	a, err := app.New(app.Options{Config: s.config(), Registry: handler.Default(), Logger: quiet()})
	if err != nil {
		s.t.Fatal(err)
	}
	if err = a.Start(s.t.Context()); err == nil {
		s.t.Fatal("the service starts")
	}
	return err.Error()
}

// delivered are the ids of the events that a person was told of, sorted.
func (s *site) delivered(brokers []string) (ids []string) {
	s.t.Helper()
	client, err := kafka.NewClient(kafka.Cluster{Brokers: brokers})
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	there, err := client.TopicPartitions(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	if topic := kafka.UserTopicPrefix + s.run + "-1"; there[topic] > 0 {
		for _, rec := range s.all(brokers, topic) {
			ids = append(ids, rec.Get(record.HeaderEventID))
		}
	}
	slices.Sort(ids)
	return ids
}

// idle reports whether the pipeline has finished all there is.
func (s *instance) idle() bool {
	var list struct{ Pipelines []pipeline.Status }
	s.get("/v1/pipelines", &list)
	lag := list.Pipelines[0].Lag
	for _, tier := range list.Pipelines[0].Tiers {
		lag += tier.Lag
	}
	return lag == 0
}
