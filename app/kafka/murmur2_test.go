package kafka

import "testing"

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
		h := newMurmur2()
		_, _ = h.Write([]byte(key))
		if got := int32(h.Sum32()); got != want {
			t.Errorf("murmur2(%q) = %d, want %d", key, got, want)
		}
	}
}
