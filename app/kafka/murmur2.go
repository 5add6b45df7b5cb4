package kafka

import (
	"encoding/binary"
	"hash"
)

// murmur2 is the hash of the Java client's default partitioner, so that every
// producer in the field puts a key into the same partition as this service.
// Source: org.apache.kafka.common.utils.Utils.murmur2. It takes one Write per
// Reset, as sarama's partitioner does.
type murmur2 struct{ sum uint32 }

func newMurmur2() hash.Hash32 { return &murmur2{} }

func (m *murmur2) Write(key []byte) (int, error) {
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
	m.sum = h ^ h>>15
	return len(key), nil
}

func (m *murmur2) Sum32() uint32       { return m.sum }
func (m *murmur2) Sum(b []byte) []byte { return binary.BigEndian.AppendUint32(b, m.sum) }
func (m *murmur2) Reset()              { m.sum = 0 }
func (m *murmur2) Size() int           { return 4 }
func (m *murmur2) BlockSize() int      { return 4 }
