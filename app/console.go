package app

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/app/record"
)

// redriveGroup elects the instance that runs redrive jobs.
const redriveGroup = "kafka-notify.redrives"

// startConsole builds the index of poisoned messages, keeps it up to date, and
// runs redrive jobs while this instance is the one to do it.
func (a *App) startConsole(client *kafka.Client) (*poison.Console, error) {
	topics := poison.Topics{
		Poison: a.cfg.Poison.Topic, Actions: a.cfg.Poison.ActionsTopic(),
		Retention: a.endless(a.cfg.Kafka.Retention.Poison),
	}
	index := poison.NewIndex(topics, client, a.log)
	var following [2]*kafka.Client
	for i := range following {
		var err error
		if following[i], err = kafka.NewClient(a.cluster); err != nil {
			return nil, err
		}
		a.onStop("kafka client of the poison index", func(context.Context) error { following[i].Close(); return nil })
	}
	a.background("poison index", func(ctx context.Context) { index.Follow(ctx, following[0], following[1]) })

	actions, err := kafka.NewProducer(a.cluster, actionBytes(a.cfg.HTTP.MaxBytes))
	if err != nil {
		return nil, err
	}
	a.onStop("producer of the poison console", func(context.Context) error { return actions.Close() })
	console := poison.NewConsole(index, actions, consoleTargets{a.built, client}, a.cfg.Poison.MaxRedrives)
	runner := poison.NewRunner(console, redriveCluster{a, client}, a.log)
	a.background("redrive jobs", func(ctx context.Context) {
		if err := kafka.Lead(ctx, a.cluster, redriveGroup, topics.Actions, runner.Run); err != nil {
			a.log.Error("redrive jobs don't run on this instance", "error", err)
		}
	})
	return console, nil
}

// consoleTargets implements poison.Targets.
type consoleTargets struct {
	built  *built
	client *kafka.Client
}

func (t consoleTargets) RetryTopic(name string) (string, bool) { return t.built.redriveTopic(name) }

func (t consoleTargets) Readers(ctx context.Context, topic string) ([]string, error) {
	return t.client.Readers(ctx, topic)
}

func (t consoleTargets) Try(ctx context.Context, name string, rec *record.Record) (action.Trial, error) {
	for _, p := range t.built.pipelines {
		if p.Name == name {
			return p.Try(ctx, rec), nil
		}
	}
	return action.Trial{}, &poison.RefusedError{Reason: fmt.Sprintf("no pipeline %q runs here", name)}
}

// redriveCluster implements poison.Cluster.
type redriveCluster struct {
	app    *App
	client *kafka.Client
}

// Sender opens a transactional producer. On the embedded broker, which ends with
// this process, nobody has to be fenced, and the name is another each time: see
// App.instance.
func (c redriveCluster) Sender(ctx context.Context, name string) (poison.Sender, error) {
	if c.app.cfg.Kafka.Embedded != nil {
		name += "." + uuid.NewString()
	}
	return kafka.NewSender(ctx, c.app.cluster, name, actionBytes(c.app.cfg.HTTP.MaxBytes))
}

func (c redriveCluster) Since(ctx context.Context, topic string, at time.Time, visit func(*record.Record)) error {
	return c.client.Since(ctx, topic, at, visit)
}
