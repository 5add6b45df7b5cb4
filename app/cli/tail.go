package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// tailing is what the command line says of what to read.
type tailing struct {
	file      configFile
	brokers   []string
	fromStart bool
	limit     count
}

func newTail() *cobra.Command {
	var t tailing
	cmd := &cobra.Command{
		Use:   "tail TOPIC",
		Short: "Print the records of a topic as JSON lines, as they arrive",
		Long: `Prints the records of a topic as JSON lines, from now on, until interrupted.
It reads from Kafka itself, in no consumer group: nobody else misses anything.
It comes to the brokers as the configuration says, with its kafka.tls and
kafka.sasl.
Order holds within a partition.`,
		Example: `kafka-notify tail notifications.user.1 --from-start
kafka-notify tail events.follow --brokers kafka-1:9092,kafka-2:9092`,
		Args: arguments("TOPIC"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.run(cmd, args[0])
		},
	}
	t.file.addFlag(cmd)
	cmd.Flags().StringSliceVar(&t.brokers, "brokers", nil, "ask the Kafka brokers at `HOST:PORT,...` instead of the configuration's, whose TLS and login stay")
	cmd.Flags().BoolVar(&t.fromStart, "from-start", false, "begin with the oldest record instead of the next")
	cmd.Flags().Var(&t.limit, "limit", "stop after so many records")
	return cmd
}

func (t *tailing) run(cmd *cobra.Command, topic string) error {
	cluster, err := t.cluster(cmd)
	if err != nil {
		return err
	}
	client, err := kafka.NewClient(cluster)
	if err != nil {
		return usagef(cmd, "--brokers: %s", err)
	}
	defer client.Close()

	ctx := cmd.Context()
	brokers := strings.Join(cluster.Brokers, ", ")
	err = t.follow(ctx, client, topic, cmd.OutOrStdout())
	var refused *kafka.RefusedError
	switch {
	case err == nil, ctx.Err() != nil:
		return nil // interrupting is how it ends
	case errors.As(err, &refused):
		return fmt.Errorf("kafka at %s: %w", brokers, refused)
	case handler.IsUnavailable(err):
		return fmt.Errorf("no Kafka broker answers at %s: start the service, or name others with --brokers: %w", brokers, err)
	}
	return err
}

// cluster is whom to ask: the brokers of the configuration, or those of the
// command line as the configuration reaches its own.
func (t *tailing) cluster(cmd *cobra.Command) (kafka.Cluster, error) {
	cfg, err := t.file.load()
	if err != nil {
		return kafka.Cluster{}, err
	}
	if e := cfg.Kafka.Embedded; e != nil {
		cfg.Kafka.Brokers = []string{e.Listen}
	}
	if len(t.brokers) > 0 {
		cfg.Kafka.Brokers = t.brokers
	}
	if n, readable := cfg.Kafka.ReadablePassword(); readable {
		return kafka.Cluster{}, usagef(cmd, "--brokers: without kafka.tls the password of kafka.sasl would travel readable to %s", cfg.Kafka.Brokers[n])
	}
	cluster, faults := kafka.NewCluster(cfg.Kafka, cfg)
	return cluster, faults.Err()
}

const (
	// brokerPatience bounds the first request: a person waits for it.
	brokerPatience = 5 * time.Second
	// tailPause is how long a round that brought nothing is followed by
	// silence. A long poll instead would hold up the other partitions: a
	// broker answers one connection's requests one after the other.
	tailPause = 200 * time.Millisecond
	// tailBytes bounds one fetch, so that no partition keeps the others waiting.
	tailBytes = 1 << 20
)

// follow prints records until ctx ends or the limit is reached.
func (t *tailing) follow(ctx context.Context, client *kafka.Client, topic string, out io.Writer) error {
	next, err := t.offsets(ctx, client, topic)
	if err != nil {
		return err
	}
	partitions := slices.Sorted(maps.Keys(next))
	for printed := 0; ; {
		before := printed
		for _, p := range partitions {
			page, err := fetch(ctx, client, topic, p, next[p])
			if err != nil {
				return err
			}
			next[p] = page.Next
			for _, r := range page.Records {
				if err := writeRecord(out, r); err != nil {
					return err
				}
				if printed++; printed == int(t.limit) {
					return nil
				}
			}
		}
		if printed > before {
			continue
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(tailPause):
		}
	}
}

// fetch reads a page. Where the offset is gone, because retention was quicker
// or the topic was made anew, the next page begins with the oldest record.
func fetch(ctx context.Context, client *kafka.Client, topic string, partition int32, offset int64) (kafka.Page, error) {
	page, err := client.Fetch(ctx, topic, partition, offset, tailBytes, 0)
	if !errors.Is(err, kerr.OffsetOutOfRange) {
		return page, err
	}
	bounds, err := client.Bounds(ctx, topic, partition)
	return kafka.Page{Next: bounds.Start}, err
}

// offsets is where to begin, for each partition.
func (t *tailing) offsets(ctx context.Context, client *kafka.Client, topic string) (map[int32]int64, error) {
	asking, cancel := context.WithTimeout(ctx, brokerPatience)
	defer cancel()
	topics, err := client.TopicPartitions(asking)
	if err != nil {
		return nil, err
	}
	n, ok := topics[topic]
	if !ok {
		return nil, unknownTopic(topic, slices.Collect(maps.Keys(topics)))
	}
	next := make(map[int32]int64, n)
	for p := range n {
		bounds, err := client.Bounds(ctx, topic, p)
		if err != nil {
			return nil, err
		}
		next[p] = bounds.End
		if t.fromStart {
			next[p] = bounds.Start
		}
	}
	return next, nil
}

func unknownTopic(topic string, topics []string) error {
	if strings.HasPrefix(topic, kafka.UserTopicPrefix) {
		return fmt.Errorf("there is no topic %q: a person's topic is made with the first notification", topic)
	}
	topics = slices.DeleteFunc(topics, func(t string) bool { return strings.HasPrefix(t, kafka.UserTopicPrefix) })
	// A cluster may have thousands, so they are not listed when none is near.
	if hint := config.Suggest(topic, topics); strings.HasPrefix(hint, "did you mean") {
		return fmt.Errorf("there is no topic %q (%s)", topic, hint)
	}
	return fmt.Errorf("there is no topic %q", topic)
}
