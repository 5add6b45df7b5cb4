//go:build redis

package store_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trieungochai/kafka-notify/app/store"
	"github.com/trieungochai/kafka-notify/app/store/storetest"
)

// BenchmarkSetNX is what BenchmarkTake on Redis is measured against: the same
// number of bytes written by SET NX in pipelines of given sizes, by callers that
// wait for nobody.
func BenchmarkSetNX(b *testing.B) {
	for _, size := range []int64{32, 512} {
		b.Run(fmt.Sprint("pipeline=", size), func(b *testing.B) {
			client := admin(b, storetest.StartRedis(b))
			var n atomic.Int64
			var wg sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			for range store.Connections {
				wg.Go(func() {
					for end := n.Add(size); end-size < int64(b.N); end = n.Add(size) {
						pipe := client.Pipeline()
						for i := end - size; i < min(end, int64(b.N)); i++ {
							pipe.SetNX(b.Context(), fmt.Sprintf("kafka-notify:claim:%043d", i), make([]byte, 40), 25*time.Hour)
						}
						if _, err := pipe.Exec(b.Context()); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}
