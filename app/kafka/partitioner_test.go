package kafka

import (
	"testing"

	"github.com/IBM/sarama"
	"pgregory.net/rapid"
)

// The values are those of the Java client's own tests, UtilsTest.testMurmur2.
func TestMurmur2AgreesWithTheJavaClient(t *testing.T) {
	for key, want := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		if got := int32(murmur2([]byte(key))); got != want {
			t.Errorf("murmur2(%q) = %d, want %d", key, got, want)
		}
	}
}

func TestPartitionsAreInRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int32Range(1, 100).Draw(t, "partitions")
		msg := &sarama.ProducerMessage{}
		if key := rapid.SliceOf(rapid.Byte()).Draw(t, "key"); len(key) > 0 {
			msg.Key = sarama.ByteEncoder(key)
		}
		got, err := newPartitioner("").Partition(msg, n)
		again, _ := newPartitioner("").Partition(msg, n)
		if err != nil || got < 0 || got >= n || (msg.Key != nil && got != again) {
			t.Fatalf("partition %d of %d, then %d, %v", got, n, again, err)
		}
	})
}
