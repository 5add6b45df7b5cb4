package kafka

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/IBM/sarama"
)

// partitioner puts a key into the partition where the Java client's default
// partitioner puts it, so that every producer in the field agrees with this
// service. A record without a key goes anywhere. sarama's own partitioners
// know other hashes, and keep 5 KiB for each topic.
type partitioner struct{}

var _ sarama.Partitioner = partitioner{}

func newPartitioner(string) sarama.Partitioner { return partitioner{} }

// Partition implements sarama.Partitioner.
func (partitioner) Partition(msg *sarama.ProducerMessage, partitions int32) (int32, error) {
	if msg.Key == nil {
		return rand.Int32N(partitions), nil
	}
	key, err := msg.Key.Encode()
	if err != nil {
		return -1, err
	}
	return int32(murmur2(key)&0x7fffffff) % partitions, nil
}

// RequiresConsistency implements sarama.Partitioner: a key's partition stays
// the same while one of the partitions has no leader.
func (partitioner) RequiresConsistency() bool { return true }

// murmur2 is the Java client's hash: org.apache.kafka.common.utils.Utils.murmur2.
func murmur2(key []byte) uint32 {
	const (
		seed = 0x9747b28c
		mul  = 0x5bd1e995
	)
	h := uint32(seed) ^ uint32(len(key))
	rest := key
	for ; len(rest) >= 4; rest = rest[4:] {
		k := binary.LittleEndian.Uint32(rest) * mul
		k = (k ^ k>>24) * mul
		h = h*mul ^ k
	}
	switch len(rest) {
	case 3:
		h ^= uint32(rest[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(rest[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(rest[0])) * mul
	}
	h = (h ^ h>>13) * mul
	return h ^ h>>15
}
