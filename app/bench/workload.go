package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// workload are follow events, spread evenly over people. Every event has its
// own pair of follower and person, or deduplicate would drop it. Its names are
// one run's own, so that runs on one cluster don't meet.
type workload struct {
	run        string
	people     int
	followers  int
	partitions int
}

// newWorkload has room for at least events.
func newWorkload(run string, events, people, partitions int) workload {
	return workload{run: run, people: people, followers: (events + people - 1) / people, partitions: partitions}
}

func (w workload) eventType() string      { return "follow-" + w.run }
func (w workload) topic() string          { return "events." + w.eventType() }
func (w workload) group() string          { return "kafka-notify." + w.eventType() }
func (w workload) person(i int) string    { return w.run + "-p" + strconv.Itoa(i) }
func (w workload) follower(i int) string  { return w.run + "-f" + strconv.Itoa(i) }
func (w workload) eventID(n int) string   { return w.run + "-" + strconv.Itoa(n) }
func (w workload) recipient(n int) string { return w.person(n % w.people) }

// number is the n of an event's id; -1 where it is none of ours.
func (w workload) number(eventID string) int {
	text, ok := strings.CutPrefix(eventID, w.run+"-")
	n, err := strconv.Atoi(text)
	if !ok || err != nil {
		return -1
	}
	return n
}

// deliveryTopics are those of all people, by their numbers.
func (w workload) deliveryTopics() []string {
	topics := make([]string, w.people)
	for i := range topics {
		topics[i] = kafka.UserTopicPrefix + w.person(i)
	}
	return topics
}

// data is that of the nth event.
func (w workload) data(n int) []byte {
	return fmt.Appendf(nil, `{"follower_id":%q,"followee_id":%q}`, w.follower(n/w.people), w.recipient(n))
}

// record is the nth event as the service writes it into the event topic.
func (w workload) record(n int, now time.Time) (*kgo.Record, error) {
	e := &handler.Event{
		ID: w.eventID(n), Source: event.DefaultSource(w.eventType()), Type: w.eventType(), Time: now, Data: w.data(n),
	}
	value, err := event.Encode(e)
	if err != nil {
		return nil, err
	}
	return &kgo.Record{
		Topic: w.topic(), Key: []byte(w.recipient(n)), Value: value,
		Headers: []kgo.RecordHeader{
			{Key: record.HeaderUUID, Value: []byte(e.ID)},
			{Key: record.HeaderContentType, Value: []byte(event.ContentType)},
			{Key: record.HeaderEventID, Value: []byte(e.ID)},
			{Key: record.HeaderEventType, Value: []byte(e.Type)},
			{Key: record.HeaderAcceptedAt, Value: []byte(now.UTC().Format(time.RFC3339Nano))},
		},
	}, nil
}

// serviceConfig is what a scenario wants of the service beyond the shipped
// pipeline.
type serviceConfig struct {
	delivery string // config.ExactlyOnce or config.AtLeastOnce
	// idle lets the pipeline read another event type than the submitted one.
	idle bool
	// users is the URL of an HTTP lookup; "" is a file with everybody in it.
	users string
}

// configure writes the service's configuration for brokers into dir: the
// shipped follow event and pipeline under names of this run. It returns the
// file and the retry and poison topics that the service will make.
func (w workload) configure(dir string, brokers []string, s serviceConfig) (path string, topics []string, err error) {
	eventConfig, follow, err := shipped()
	if err != nil {
		return "", nil, err
	}
	eventConfig["partitions"] = w.partitions
	name := w.eventType()
	events := map[string]any{name: eventConfig}
	if s.idle {
		name = "idle-" + w.run
		events[name] = eventConfig
		topics = append(topics, "events."+name)
	}
	follow["subscribe"], follow["start"], follow["delivery"] = "events."+name, "oldest", s.delivery
	poison := "notifications.poison-" + w.run
	users := map[string]any{"file": "users.json"}
	if s.users != "" {
		users = map[string]any{"http": map[string]any{"url": s.users, "cache": map[string]any{"ttl": "1h", "size": 100_000}}}
	}
	file := map[string]any{
		"http":      map[string]any{"listen": "127.0.0.1:0"},
		"kafka":     map[string]any{"brokers": brokers, "single_instance": true, "max_user_topics": 30_000},
		"store":     map[string]any{"embedded": map[string]any{"data_dir": filepath.Join(dir, "store")}},
		"lookups":   map[string]any{"users": users},
		"events":    events,
		"pipelines": map[string]any{name: follow},
		"poison":    map[string]any{"topic": poison},
	}
	text, err := yaml.Marshal(file)
	if err != nil {
		return "", nil, fmt.Errorf("write the service's configuration: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "users.json"), w.users(), 0o600); err != nil {
		return "", nil, err
	}
	path = filepath.Join(dir, "kafka-notify.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return "", nil, err
	}
	cfg, err := config.Load(os.LookupEnv, path)
	if err != nil {
		return "", nil, err
	}
	topics = append(topics, poison)
	for tier := range len(cfg.Pipelines[name].Retry.Later) + 1 { // 0 is for redrives
		topics = append(topics, pipeline.RetryTopic(name, tier))
	}
	return path, topics, nil
}

// shipped are the follow event and the follow pipeline of the default file.
func shipped() (eventConfig, follow map[string]any, err error) {
	standard, err := config.Default(os.LookupEnv)
	if err != nil {
		return nil, nil, err
	}
	text, err := standard.ReadFile("kafka-notify.yaml")
	if err != nil {
		return nil, nil, fmt.Errorf("read the shipped configuration: %w", err)
	}
	var file struct {
		Events    map[string]map[string]any
		Pipelines map[string]map[string]any
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, nil, fmt.Errorf("read the shipped configuration: %w", err)
	}
	eventConfig, follow = file.Events["follow"], file.Pipelines["follow"]
	if eventConfig == nil || follow == nil {
		return nil, nil, fmt.Errorf("the shipped configuration has no follow event or no follow pipeline any more")
	}
	return eventConfig, follow, nil
}

// users is the lookup file: all people and all followers. It is JSON, because a
// YAML file may have 20,000 keys at the most.
func (w workload) users() []byte {
	file := []byte("{")
	add := func(key string, n int) {
		file = fmt.Appendf(file, "\n%q: {\"name\": %q},", key, personName(n))
	}
	for i := range w.people {
		add(w.person(i), i)
	}
	for i := range w.followers {
		add(w.follower(i), w.people+i)
	}
	return append(bytes.TrimSuffix(file, []byte(",")), "\n}\n"...)
}

func personName(i int) string { return fmt.Sprintf("Person %05d", i) }
