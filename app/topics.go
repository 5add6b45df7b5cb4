package app

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/pipeline"
)

// defaultPartitions is for a source topic that no event type declares.
const defaultPartitions = 12

// createTopics makes every topic that the file names: first the source and
// poison topics, then the retry topics, which have as many partitions as their
// source really has. Redrives of all sources share a topic: it has as many as the
// largest.
func (a *App) createTopics(ctx context.Context, client *kafka.Client) error {
	declared := map[string]kafka.Topic{a.cfg.Poison.Topic: a.poisonTopic(), a.cfg.Poison.ActionsTopic(): a.actionsTopic()}
	for _, name := range a.built.types.Names() {
		t, _ := a.built.types.Get(name)
		declared[t.Topic()] = a.eventTopic(t.Topic(), t.Partitions)
	}
	for _, p := range a.built.pipelines {
		for _, s := range p.Sources {
			if _, ok := declared[s.Topic]; !ok {
				declared[s.Topic] = a.eventTopic(s.Topic, defaultPartitions)
			}
		}
	}
	first := slices.SortedFunc(maps.Values(declared), byName)
	if _, err := client.CreateTopics(ctx, a.log, a.cfg.Kafka.Replication, first...); err != nil {
		return err
	}
	there, err := awaitTopics(ctx, client, first)
	if err != nil {
		return err
	}
	var retries []kafka.Topic
	for _, p := range a.built.pipelines {
		var most int32
		for _, s := range p.Sources {
			most = max(most, there[s.Topic])
			for _, name := range p.TierTopics(s) {
				retries = append(retries, a.retryTopic(name, there[s.Topic]))
			}
		}
		retries = append(retries, a.retryTopic(p.RedriveTopic(), most))
	}
	if _, err := client.CreateTopics(ctx, a.log, a.cfg.Kafka.Replication, retries...); err != nil {
		return err
	}
	for _, t := range append(first, retries...) {
		a.topics = append(a.topics, t.Name)
	}
	return nil
}

// awaitTopics are all topics with their partitions, once these are among them:
// of several brokers, the one that is asked may learn of a new topic late.
func awaitTopics(ctx context.Context, client *kafka.Client, topics []kafka.Topic) (map[string]int32, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		there, err := client.TopicPartitions(ctx)
		if err != nil {
			return nil, err
		}
		missing := slices.IndexFunc(topics, func(t kafka.Topic) bool { return there[t.Name] == 0 })
		if missing < 0 {
			return there, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("topic %s was created, but the brokers don't show it", topics[missing].Name)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func byName(a, b kafka.Topic) int {
	if a.Name < b.Name {
		return -1
	}
	return 1
}

func (a *App) eventTopic(name string, partitions int) kafka.Topic {
	return kafka.Topic{
		Name: name, Partitions: int32(partitions),
		Retention: a.endless(a.cfg.Kafka.Retention.Events),
		MaxBytes:  pipeline.EventBytes(a.cfg.HTTP.MaxBytes),
	}
}

func (a *App) retryTopic(name string, partitions int32) kafka.Topic {
	return kafka.Topic{
		Name: name, Partitions: partitions,
		Retention: a.endless(a.cfg.Kafka.Retention.Events),
		MaxBytes:  pipeline.OutputBytes(a.cfg.HTTP.MaxBytes),
	}
}

func (a *App) poisonTopic() kafka.Topic {
	return kafka.Topic{
		Name: a.cfg.Poison.Topic, Partitions: 1,
		Retention: a.endless(a.cfg.Kafka.Retention.Poison),
		MaxBytes:  pipeline.OutputBytes(a.cfg.HTTP.MaxBytes),
	}
}

// actionsTopic outlives the messages that its records are about. One of them may
// hold an edited payload, in base64.
func (a *App) actionsTopic() kafka.Topic {
	t := a.poisonTopic()
	t.Name = a.cfg.Poison.ActionsTopic()
	if t.Retention > 0 {
		t.Retention += actionsOutlive
	}
	t.MaxBytes = actionBytes(a.cfg.HTTP.MaxBytes)
	return t
}

// actionsOutlive is how much longer actions are kept than messages.
const actionsOutlive = 7 * 24 * time.Hour

// actionBytes is the largest action for payloads of up to maxBytes.
func actionBytes(maxBytes int) int { return pipeline.OutputBytes(maxBytes/3*4 + 4) }

func (a *App) deliveryTopic() kafka.Topic {
	t := kafka.Topic{
		Partitions: 1,
		Retention:  a.cfg.Kafka.Retention.Delivery,
		MaxBytes:   pipeline.OutputBytes(a.cfg.HTTP.MaxBytes),
	}
	if a.cfg.Kafka.Embedded == nil { // which doesn't know the setting
		t.IndexBytes = deliveryIndexBytes
	}
	return t
}

// deliveryIndexBytes is the size of a delivery topic's index files, which Apache
// Kafka maps into memory, two for each partition: with its default of 10 MiB a
// thousand people fill 20 GB of a broker's page cache with holes. This has room
// for segments of 64 MiB.
const deliveryIndexBytes = 128 << 10

// endless is how long topics that groups read are kept. On the embedded broker
// that is for ever: a partition that its retention has emptied would start
// again at offset 0, with the group's offset far beyond.
func (a *App) endless(retention time.Duration) time.Duration {
	if a.cfg.Kafka.Embedded != nil {
		return 0
	}
	return retention
}
