package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// cluster is Kafka, reached without the proxies.
type cluster struct {
	brokers []string
	script  string // kafka.sh, "" where the cluster is somebody else's
	client  *kgo.Client
	admin   *kadm.Client
}

func newCluster(brokers []string, script string) (*cluster, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.RetryTimeout(30*time.Second), kgo.MetadataMinAge(250*time.Millisecond))
	if err != nil {
		return nil, fmt.Errorf("kafka client for %v: %w", brokers, err)
	}
	return &cluster{brokers: brokers, script: script, client: client, admin: kadm.NewClient(client)}, nil
}

func (c *cluster) close() { c.client.Close() }

// run calls kafka.sh and returns what it prints.
func (c *cluster) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, c.script, args...)
	cmd.WaitDelay = time.Second // a node that it starts keeps its output open
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return "", fmt.Errorf("%s %s: %w\n%s", filepath.Base(c.script), strings.Join(args, " "), err, errOut.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// addresses asks kafka.sh for one of its lists.
func (c *cluster) addresses(ctx context.Context, list string) ([]string, error) {
	out, err := c.run(ctx, list)
	return strings.Split(out, ","), err
}

func (c *cluster) kill(ctx context.Context, node int32) error {
	_, err := c.run(ctx, "kill", strconv.Itoa(int(node)))
	return err
}

func (c *cluster) restart(ctx context.Context, node int32) error {
	_, err := c.run(ctx, "restart", strconv.Itoa(int(node)))
	return err
}

// nodes are the ids of the brokers that serve.
func (c *cluster) nodes(ctx context.Context) ([]int32, error) {
	meta, err := c.admin.BrokerMetadata(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the brokers: %w", err)
	}
	return meta.Brokers.NodeIDs(), nil
}

// controller is the node that leads the quorum. The controller that metadata
// names is any broker: they all pass requests on.
func (c *cluster) controller(ctx context.Context) (int32, error) {
	topic := kmsg.NewDescribeQuorumRequestTopic()
	topic.Topic = "__cluster_metadata"
	topic.Partitions = []kmsg.DescribeQuorumRequestTopicPartition{kmsg.NewDescribeQuorumRequestTopicPartition()}
	req := kmsg.NewPtrDescribeQuorumRequest()
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, c.client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return 0, fmt.Errorf("ask for the active controller: %w", err)
	}
	if len(resp.Topics) == 0 || len(resp.Topics[0].Partitions) == 0 {
		return 0, errors.New("ask for the active controller: the answer names none")
	}
	return resp.Topics[0].Partitions[0].LeaderID, nil
}

// configure changes a topic's settings.
func (c *cluster) configure(ctx context.Context, topic string, settings map[string]string) error {
	var changes []kadm.AlterConfig
	for name, value := range settings {
		changes = append(changes, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: &value})
	}
	answers, err := c.admin.AlterTopicConfigs(ctx, changes, topic)
	if err == nil && len(answers) > 0 {
		err = answers[0].Err
	}
	if err != nil {
		return fmt.Errorf("change the settings of %s: %w", topic, err)
	}
	return nil
}

// leader is the broker that leads a topic's first partition.
func (c *cluster) leader(ctx context.Context, topic string) (int32, error) {
	topics, err := c.admin.ListTopics(ctx, topic)
	if err == nil {
		err = topics[topic].Err
	}
	if err != nil {
		return 0, fmt.Errorf("ask for the leader of %s: %w", topic, err)
	}
	return topics[topic].Partitions[0].Leader, nil
}

// awaitReplicas waits until every partition has all its replicas in sync, so
// that the next broker may die.
func (c *cluster) awaitReplicas(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, recoverWithin)
	defer cancel()
	for {
		behind, err := c.behind(ctx)
		if err == nil && behind == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d partitions still miss a replica: %w", behind, errors.Join(err, ctx.Err()))
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// behind counts the partitions that miss a replica.
func (c *cluster) behind(ctx context.Context) (n int, err error) {
	topics, err := c.admin.ListTopicsWithInternal(ctx)
	if err != nil {
		return 0, err
	}
	for _, t := range topics {
		for _, p := range t.Partitions {
			if len(p.ISR) < len(p.Replicas) || p.Leader < 0 {
				n++
			}
		}
	}
	return n, nil
}

// lag is how many records a group has not finished in a topic that no
// transaction writes to.
func (c *cluster) lag(ctx context.Context, group, topic string) (lag int64, err error) {
	committed, err := c.admin.FetchOffsets(ctx, group)
	if err != nil {
		return 0, fmt.Errorf("offsets of group %s: %w", group, err)
	}
	ends, err := c.admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return 0, fmt.Errorf("end of %s: %w", topic, err)
	}
	ends.Each(func(end kadm.ListedOffset) {
		at, _ := committed.Lookup(topic, end.Partition)
		lag += max(0, end.Offset-max(0, at.At))
	})
	return lag, nil
}

// version is Kafka's release, where that is known.
func (c *cluster) version(ctx context.Context) string {
	if c.script == "" {
		return "as given"
	}
	version, err := c.run(ctx, "version")
	if err != nil {
		return "unknown"
	}
	return version
}

// keepLogs copies the brokers' logs into dir: they end with the cluster.
func (c *cluster) keepLogs(ctx context.Context, dir string) error {
	if c.script == "" {
		return nil
	}
	files, err := c.run(ctx, "logs")
	if err != nil {
		return err
	}
	for i, file := range strings.Fields(files) {
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("broker-%d.log", i+1)), text, 0o600)
		}
		if err != nil {
			return fmt.Errorf("keep the log of broker %d: %w", i+1, err)
		}
	}
	return nil
}
