package store_test

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/trieungochai/kafka-notify/app/store"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// BenchmarkTake measures what a claim of a fresh key costs.
func BenchmarkTake(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(databases)) {
		for _, callers := range []int{1, 64, 1000} {
			b.Run(fmt.Sprint(name, "/callers=", callers), func(b *testing.B) {
				takeFresh(b, databases[name](b).open(b).Claims("p"), callers)
			})
		}
	}
}

// BenchmarkTakeUnfiltered is what BenchmarkTake on the embedded store is measured
// against: every key is looked for in the database.
func BenchmarkTakeUnfiltered(b *testing.B) {
	for _, callers := range []int{1, 64, 1000} {
		b.Run(fmt.Sprint("callers=", callers), func(b *testing.B) {
			s := databases["embedded"](b).open(b)
			store.StopFilter(s)
			takeFresh(b, s.Claims("p"), callers)
		})
	}
}

func takeFresh(b *testing.B, claims handler.Claims, callers int) {
	var n atomic.Int64
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range callers {
		wg.Go(func() {
			for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
				key := fmt.Sprint(i, " follows ", i+1)
				if got, err := claims.Take(b.Context(), key, claim(i, epoch)); err != nil || got != handler.Taken {
					b.Error(got, err)
				}
			}
		})
	}
	wg.Wait()
}
