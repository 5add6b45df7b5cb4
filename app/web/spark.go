package web

import (
	"fmt"
	"slices"
	"strings"
)

// spark is a small chart of counts, one bar each.
type spark struct {
	Width, Height int
	// Bars is the outline of all of them, as SVG writes paths.
	Bars string
	// Label says the same in words.
	Label string
}

const (
	sparkHeight = 24
	barStep     = 5 // a bar is one less wide
)

// sparkOf draws counts of hours or seconds, the oldest first. The largest has the
// full height, and what is not zero can be seen.
func sparkOf(counts []int, unit string) spark {
	s := spark{Width: barStep * len(counts), Height: sparkHeight, Label: fmt.Sprintf("none in the last %d %ss", len(counts), unit)}
	if len(counts) == 0 {
		return s
	}
	var bars strings.Builder
	most, sum := slices.Max(counts), 0
	for i, n := range counts {
		sum += n
		if n > 0 {
			fmt.Fprintf(&bars, "M%d %dv-%dh%dv%[3]dz", i*barStep, sparkHeight, max(2, n*sparkHeight/most), barStep-1)
		}
	}
	s.Bars = bars.String()
	if sum > 0 {
		s.Label = fmt.Sprintf("%d in the last %d %ss, at most %d in one, %d in the running one", sum, len(counts), unit, most, counts[len(counts)-1])
	}
	return s
}
