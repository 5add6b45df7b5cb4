package kafka

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
)

// progress is how far a group is in a partition, if it finishes messages out
// of order: everything below offset is done, and of what lies between offset
// and end only the records in open are not. It is committed in one piece, end
// and open as the metadata of the offset, so that one message that takes long
// holds up no commit, and whoever takes the partition over repeats nothing.
type progress struct {
	offset int64
	end    int64
	open   []int64 // ascending; the first is offset, if there are any
}

// done reports whether the record at offset needs no work any more.
func (p progress) done(offset int64) bool {
	if offset >= p.end || offset < p.offset {
		return offset < p.offset
	}
	_, open := slices.BinarySearch(p.open, offset)
	return !open
}

// ahead is how many offsets from p.offset on are done.
func (p progress) ahead() int64 {
	return max(0, p.end-p.offset-int64(len(p.open)))
}

// maxMetadata is how long a broker lets the metadata of an offset be
// (offset.metadata.max.bytes is 4096 unless somebody has changed it).
const maxMetadata = 4000

// progressMark begins the metadata, so that nobody else's is misread.
const progressMark = "kafka-notify:1:"

// metadata is end and open as text: runs of open and of done records in turn,
// beginning with open ones, their lengths as varints.
func (p progress) metadata() string {
	if len(p.open) == 0 {
		return ""
	}
	var runs []byte
	at := p.offset
	for i := 0; i < len(p.open); {
		first := i
		for i++; i < len(p.open) && p.open[i] == p.open[i-1]+1; i++ {
		}
		if first > 0 {
			runs = binary.AppendUvarint(runs, uint64(p.open[first]-at))
		}
		runs = binary.AppendUvarint(runs, uint64(i-first))
		at = p.open[i-1] + 1
	}
	runs = binary.AppendUvarint(runs, uint64(p.end-at))
	return progressMark + base64.RawStdEncoding.EncodeToString(runs)
}

// parseProgress is the other way round. Metadata that others wrote says
// nothing: then all from offset on is open.
func parseProgress(offset int64, metadata string) progress {
	plain := progress{offset: offset, end: offset}
	text, ok := strings.CutPrefix(metadata, progressMark)
	if !ok {
		return plain
	}
	runs, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return plain
	}
	p := plain
	for open := true; len(runs) > 0; open = !open {
		length, n := binary.Uvarint(runs)
		if n <= 0 || length > maxDone || open && length > uint64(maxOpen-len(p.open)) {
			return plain
		}
		runs = runs[n:]
		for i := int64(0); open && i < int64(length); i++ {
			p.open = append(p.open, p.end+i)
		}
		p.end += int64(length)
	}
	if len(p.open) == 0 || p.open[0] != offset {
		return plain
	}
	return p
}

// What a few bytes of forged metadata can make of themselves is bounded.
const (
	maxOpen = 1 << 20
	maxDone = 1 << 40
)
