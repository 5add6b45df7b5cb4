package kafka_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"

	"github.com/trieungochai/kafka-notify/app/kafka"
)

// Watermill's own suite, which every Pub/Sub has to pass. Without keys, messages
// spread over the partitions; of one partition they come in order.
func TestTransactionalIsAWatermillPubSub(t *testing.T) {
	bs := brokers(t)
	c := client(t, bs)
	for partitions, features := range map[int32]tests.Features{
		8: {ConsumerGroups: true, Persistent: true},
		1: {ConsumerGroups: true, Persistent: true, GuaranteedOrder: true},
		// ExactlyOnceDelivery means something else there: what is acknowledged
		// shortly before an abort comes again. What it has published does not.
	} {
		features.ForceShort = true
		t.Run(fmt.Sprintf("%d partitions", partitions), func(t *testing.T) {
			inGroup := func(t *testing.T, group string) (message.Publisher, message.Subscriber) {
				one := func() pubSub {
					ps := pubSub{c: c, partitions: partitions, Transactional: kafka.NewTransactional(kafka.TransactionalConfig{
						Cluster: kafka.Cluster{Brokers: bs}, Group: group, Instance: watermill.NewUUID(), Log: quiet(),
					})}
					t.Cleanup(func() { _ = ps.Close() }) // the suite forgets some
					return ps
				}
				return one(), one() // the suite closes them one by one
			}
			group := name(t, "group")
			tests.TestPubSub(t, features,
				func(t *testing.T) (message.Publisher, message.Subscriber) { return inGroup(t, group) }, inGroup)
		})
	}
}

// pubSub makes the topics that the suite writes to.
type pubSub struct {
	*kafka.Transactional
	c          *kafka.Client
	partitions int32
}

// SubscribeInitialize implements message.SubscribeInitializer.
func (p pubSub) SubscribeInitialize(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, err := p.c.CreateTopics(ctx, quiet(), -1, topic(name, p.partitions))
	return err
}

// Publish makes the topic of tests that publish before they subscribe.
func (p pubSub) Publish(topic string, messages ...*message.Message) error {
	if err := p.SubscribeInitialize(topic); err != nil {
		return err
	}
	return p.Transactional.Publish(topic, messages...)
}
