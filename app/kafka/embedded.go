package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Broker is a Kafka-protocol broker in this process, with its data in a
// folder: for trying out and for small use on a single machine.
type Broker struct {
	cluster *kfake.Cluster
	lock    *os.File
	addr    string
}

// OpenBroker opens the broker on listen ("127.0.0.1:9092") over dir, which it
// creates. Before it returns, every committed offset that lies beyond its
// partition's end, as a torn log leaves it, is set back to the start.
func OpenBroker(ctx context.Context, listen, dir string, log *slog.Logger) (*Broker, error) {
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	b := &Broker{lock: lock}
	if err := b.open(ctx, listen, dir, log); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Broker) open(ctx context.Context, listen, dir string, log *slog.Logger) error {
	// A torn entry in the log of group commits, as SIGKILL leaves it, silently
	// drops every commit written after it. Closing rewrites that log whole, so
	// the broker is opened once where nobody can reach it, and closed.
	first, err := newEmbedded("127.0.0.1:0", dir)
	if err != nil {
		return fmt.Errorf("open the embedded broker's data in %s (kafka.embedded.data_dir): %w", dir, err)
	}
	err = resetBeyondEnd(ctx, first.ListenAddrs(), log)
	first.Close()
	if err != nil {
		return fmt.Errorf("check the embedded broker's group offsets: %w", err)
	}
	b.cluster, err = newEmbedded(listen, dir)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is taken by another program: end it, or set kafka.embedded.listen to another address: %w", listen, err)
	}
	if err != nil {
		return fmt.Errorf("start the embedded broker on %s (kafka.embedded.listen): %w", listen, err)
	}
	b.addr = b.cluster.ListenAddrs()[0]
	return nil
}

func newEmbedded(listen, dir string) (*kfake.Cluster, error) {
	return kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.ClusterID("kafka-notify"),
		kfake.DataDir(dir),
		kfake.ListenFn(func(network, _ string) (net.Listener, error) { return net.Listen(network, listen) }),
		// Topics are created by the service, explicitly; nothing else makes any.
		kfake.BrokerConfigs(map[string]string{"log.retention.ms": "-1"}),
	)
}

// Addr is where the broker listens, host:port.
func (b *Broker) Addr() string { return b.addr }

// Close stops the broker and writes its state. It is the last thing to close.
func (b *Broker) Close() error {
	if b.cluster != nil {
		b.cluster.Close()
	}
	return b.lock.Close()
}

// lockFolder keeps a second process out: the broker itself takes no lock, and
// two writers would ruin the data. The lock goes with the process, however it ends.
func lockFolder(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("create the embedded broker's folder (kafka.embedded.data_dir): %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "kafka-notify.lock"), os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, fmt.Errorf("lock the embedded broker's folder (kafka.embedded.data_dir): %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s is in use by another kafka-notify: end it, or set kafka.embedded.data_dir to another folder: %w", dir, err)
	}
	return f, nil
}

// resetBeyondEnd sets committed offsets that lie beyond their partition's end
// back to its start: such a group would otherwise miss all that comes next.
func resetBeyondEnd(ctx context.Context, brokers []string, log *slog.Logger) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	groups, err := adm.ListGroups(ctx)
	if err != nil || len(groups) == 0 {
		return err
	}
	starts, err := adm.ListStartOffsets(ctx)
	if err != nil {
		return err
	}
	ends, err := adm.ListEndOffsets(ctx)
	if err != nil {
		return err
	}
	for _, group := range groups.Groups() {
		committed, err := adm.FetchOffsets(ctx, group)
		if err != nil {
			return err
		}
		reset := make(kadm.Offsets)
		committed.Each(func(o kadm.OffsetResponse) {
			end, ok := ends.Lookup(o.Topic, o.Partition)
			start, okStart := starts.Lookup(o.Topic, o.Partition)
			if ok && okStart && o.At > end.Offset {
				log.Warn("a committed offset lies beyond the end of its partition: reading again from the start",
					"group", group, "topic", o.Topic, "partition", o.Partition, "committed", o.At, "end", end.Offset)
				reset.AddOffset(o.Topic, o.Partition, start.Offset, -1)
			}
		})
		if len(reset) == 0 {
			continue
		}
		if err := adm.CommitAllOffsets(ctx, group, reset); err != nil {
			return err
		}
	}
	return nil
}
