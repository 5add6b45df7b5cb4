package kafka

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Whatever was finished out of order, the next owner reads exactly that.
func TestProgressSurvivesMetadata(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		offset := rapid.Int64Range(0, 1<<40).Draw(t, "offset")
		gaps := rapid.SliceOfN(rapid.Int64Range(1, 300), 0, 60).Draw(t, "gaps")
		want := progress{offset: offset, end: offset}
		at := offset
		for _, gap := range gaps {
			want.open = append(want.open, at)
			at += gap
		}
		if len(want.open) > 0 {
			want.end = want.open[len(want.open)-1] + 1 + rapid.Int64Range(0, 1000).Draw(t, "tail")
		}
		got := parseProgress(offset, want.metadata())
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(progress{})); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
		for o := offset - 2; o < want.end+2 && o < offset+5000; o++ {
			open := o >= want.end || slices.Contains(want.open, o)
			if o < offset {
				open = false
			}
			if got.done(o) == open {
				t.Fatalf("offset %d: done is %v", o, got.done(o))
			}
		}
	})
}

func TestProgressOfOthers(t *testing.T) {
	for _, metadata := range []string{
		"", "sarama", progressMark, progressMark + "!", progressMark + "gICAgICAgICAAQ", progressMark + "////////AQ", progressMark + "AAE",
	} {
		if got := parseProgress(7, metadata); got.end != 7 || len(got.open) != 0 {
			t.Errorf("%q: %+v", metadata, got)
		}
	}
}
