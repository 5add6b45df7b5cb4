package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// UserTopicPrefix starts the name of every person's delivery topic.
const UserTopicPrefix = "notifications.user."

// Topic is a topic the service declares.
type Topic struct {
	Name       string
	Partitions int32
	// Retention is how long records stay; zero or less is for ever.
	Retention time.Duration
	// MaxBytes is the largest batch the topic takes.
	MaxBytes int
	// IndexBytes is the size of a segment's index files; 0: the broker's.
	IndexBytes int
}

// configs are the topic's settings in Kafka's words.
func (t Topic) configs(replication int) map[string]*string {
	retention := "-1"
	if t.Retention > 0 {
		retention = strconv.FormatInt(t.Retention.Milliseconds(), 10)
	}
	set := map[string]*string{
		"cleanup.policy":    kadm.StringPtr("delete"),
		"retention.ms":      kadm.StringPtr(retention),
		"max.message.bytes": kadm.StringPtr(strconv.Itoa(t.MaxBytes)),
	}
	if t.IndexBytes > 0 {
		set["segment.index.bytes"] = kadm.StringPtr(strconv.Itoa(t.IndexBytes))
	}
	if replication >= 3 {
		set["min.insync.replicas"] = kadm.StringPtr("2")
	}
	return set
}

// CreateTopics makes those of the topics that are not there yet and waits
// until each partition has a leader. It returns the names it made. A topic
// that is there keeps its settings; fewer partitions than declared are logged.
func (c *Client) CreateTopics(ctx context.Context, log *slog.Logger, replication int, topics ...Topic) (created []string, err error) {
	there, err := c.TopicPartitions(ctx)
	if err != nil {
		return nil, err
	}
	var missing []Topic
	for _, t := range topics {
		n, ok := there[t.Name]
		switch {
		case !ok:
			missing = append(missing, t)
		case n != t.Partitions:
			log.Warn("a topic has another number of partitions than the file declares; it stays as it is",
				"topic", t.Name, "partitions", n, "declared", t.Partitions)
		}
	}
	for _, t := range missing {
		_, err := c.adm.CreateTopic(ctx, t.Partitions, int16(replication), t.configs(replication), t.Name)
		switch {
		case errors.Is(err, kerr.TopicAlreadyExists): // another instance was quicker
		case err != nil:
			return created, createError(t.Name, err)
		default:
			created = append(created, t.Name)
		}
	}
	names := make([]string, len(missing))
	for i, t := range missing {
		names[i] = t.Name
	}
	return created, c.awaitLeaders(ctx, names)
}

func createError(topic string, err error) error {
	switch {
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return fmt.Errorf("create topic %s: not allowed; grant CREATE, or create it beforehand: %w", topic, err)
	case errors.Is(err, kerr.InvalidTopicException), errors.Is(err, kerr.PolicyViolation), errors.Is(err, kerr.InvalidReplicationFactor):
		return handler.Permanent(fmt.Errorf("create topic %s: %w", topic, err))
	default:
		return handler.Unavailable(fmt.Errorf("create topic %s: %w", topic, err))
	}
}

// TopicPartitions lists the cluster's topics with their partition counts.
func (c *Client) TopicPartitions(ctx context.Context) (map[string]int32, error) {
	details, err := c.adm.ListTopics(ctx)
	if err != nil {
		return nil, handler.Unavailable(fmt.Errorf("list topics: %w", c.cluster.explain(err)))
	}
	there := make(map[string]int32, len(details))
	for name, detail := range details {
		if detail.Err == nil {
			there[name] = int32(len(detail.Partitions))
		}
	}
	return there, nil
}

// awaitLeaders waits until every partition of the topics can be written to.
func (c *Client) awaitLeaders(ctx context.Context, topics []string) error {
	for wait := 5 * time.Millisecond; len(topics) > 0; wait = min(2*wait, 200*time.Millisecond) {
		details, err := c.adm.ListTopics(ctx, topics...)
		if err != nil {
			return handler.Unavailable(fmt.Errorf("wait for the leaders of new topics: %w", err))
		}
		topics = leaderless(details, topics)
		if len(topics) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return handler.Unavailable(fmt.Errorf("no leader yet for %s: %w", strings.Join(topics, ", "), context.Cause(ctx)))
		case <-time.After(wait):
		}
	}
	return nil
}

func leaderless(details kadm.TopicDetails, topics []string) (left []string) {
	for _, name := range topics {
		detail, ok := details[name]
		ready := ok && detail.Err == nil && len(detail.Partitions) > 0
		for _, p := range detail.Partitions {
			ready = ready && p.Err == nil && p.Leader >= 0
		}
		if !ready {
			left = append(left, name)
		}
	}
	return left
}

// createNamed makes many topics of one shape in one request and returns the
// error of each that failed. One that is there already is no error.
func (c *Client) createNamed(ctx context.Context, shape Topic, replication int, names []string) map[string]error {
	errs := make(map[string]error)
	answers, err := c.adm.CreateTopics(ctx, shape.Partitions, int16(replication), shape.configs(replication), names...)
	for _, name := range names {
		answer, ok := answers[name]
		switch {
		case err != nil || !ok:
			errs[name] = createError(name, err)
		case answer.Err != nil && !errors.Is(answer.Err, kerr.TopicAlreadyExists):
			errs[name] = createError(name, answer.Err)
		}
	}
	return errs
}
