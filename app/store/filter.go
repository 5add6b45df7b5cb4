package store

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/ristretto/v2/z"
)

// filter knows which keys are certainly not in the database, which is what
// nearly every claim asks. Badger would look for such a key in all that it has
// in memory, and that costs more than writing it.
//
// It is made of Bloom filters: one that holds every key, and, while that one is
// full or not there yet, its successor, which a scan of the database fills in
// the background. A key is added to both before it is written, and a scan reads
// what was written before it began, so neither misses one. Keys are never taken
// out: those of ended claims go with the filter that holds them.
type filter struct {
	mu      sync.Mutex
	current *bloom // nil until the first scan is done: any key may be there
	next    *bloom // nil while there is no scan
	stopped bool

	scan sync.WaitGroup
}

// absent reports that id is certainly not in the database. Of what is no hash
// it never says so.
func (f *filter) absent(id []byte) bool {
	if len(id) != sha256.Size {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.current != nil && !f.current.Has(hash(id))
}

// add takes up a key that is about to be written. That the write may fail does
// no harm: the database is asked in vain.
func (f *filter) add(id []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := hash(id)
	f.current.add(h)
	f.next.add(h)
}

// tend begins a new filter when it is time for one. No write may be under way:
// the scan must see all that was written before, and next hear of all others.
func (f *filter) tend(db *badger.DB) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped || f.next != nil || f.current != nil && f.current.held < f.current.room {
		return
	}
	f.next = newBloom(stored(db))
	f.scan.Go(func() { f.fill(db) })
}

// stored is about how many entries the tables of the database hold. What is in
// memory only is left out: that is less than the least room of a filter.
func stored(db *badger.DB) int {
	n := 0
	for _, t := range db.Tables() {
		n += int(t.KeyCount)
	}
	return n
}

// fill adds every key of the database to next and has it take the place of
// current, unless the filter is stopped before.
//
// It reads all versions, ended and deleted ones included, until badger has
// dropped them: a clock that is set back would bring the ended ones to life.
func (f *filter) fill(db *badger.DB) {
	txn := db.NewTransaction(false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{AllVersions: true})
	defer it.Close()
	// Callers wait while some are added, so these are few.
	some := make([]uint64, 0, 256)
	for it.Rewind(); it.Valid(); it.Next() {
		if key := it.Item().Key(); len(key) == sha256.Size {
			some = append(some, hash(key))
		}
		if len(some) == cap(some) {
			if !f.found(some) {
				return
			}
			some = some[:0]
		}
	}
	if f.found(some) {
		f.replace()
	}
}

// found adds keys that a scan has found. It returns false when the scan is to
// end.
func (f *filter) found(hashes []uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range hashes {
		f.next.add(h)
	}
	return !f.stopped
}

// replace puts next in the place of current.
func (f *filter) replace() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.current, f.next = f.next, nil
}

// stop ends a scan and waits for that. None is begun afterwards.
func (f *filter) stop() {
	f.mu.Lock()
	f.stopped = true
	f.mu.Unlock()
	f.scan.Wait()
}

const (
	// bitsPerKey and probes let a full filter take 2 % of the keys that aren't
	// there for ones that may be, and fewer before it is full. As such a mistake
	// costs no more than a read, halving them is not worth twice the memory.
	bitsPerKey = 8
	probes     = 5
	// leastRoom is for how many keys the smallest filter is made. It takes 1 MiB.
	leastRoom = 1 << 20
	// spare is how many times the keys that are there a filter has room for at
	// least. The more, the rarer the scans: with 3, one reads at most half as many
	// keys as were added since the last. With what rounding up adds, a filter
	// takes 3 to 6 bytes for each key that was there when it was made.
	spare = 3
)

// bloom is a Bloom filter that counts what it holds.
type bloom struct {
	*z.Bloom
	held, room int
}

// newBloom returns a filter for a database that holds that many keys.
func newBloom(keys int) *bloom {
	// Sizes are powers of two: z.Bloom would round up by itself.
	room := max(leastRoom, 1<<bits.Len(uint(spare*keys)))
	return &bloom{Bloom: z.NewBloomFilter(float64(room*bitsPerKey), probes), room: room}
}

// add does nothing where there is no filter. What it has already, or takes for
// that, doesn't count again.
func (b *bloom) add(hash uint64) {
	if b != nil && b.AddIfNotHas(hash) {
		b.held++
	}
}

// hash of a key is a part of it: keys are hashes.
func hash(id []byte) uint64 { return binary.LittleEndian.Uint64(id) }
