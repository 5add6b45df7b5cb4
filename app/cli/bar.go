package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/trieungochai/kafka-notify/app/poison"
)

// bar shows a job's progress in one line of a terminal, and nothing elsewhere.
type bar struct {
	w     io.Writer
	width int // of the terminal; 0: there is none
	shown bool
}

func newBar(w io.Writer) *bar { return &bar{w: w, width: terminalWidth(w)} }

// barCells is how long the bar itself is.
const barCells = 30

func (b *bar) show(job *poison.Job) {
	if b.width == 0 {
		return
	}
	full := 0
	if job.Total > 0 {
		full = barCells * job.Sent / job.Total
	}
	text := fmt.Sprintf("[%s%s] %s", strings.Repeat("█", full), strings.Repeat("░", barCells-full), printable(progressOf(job)))
	fmt.Fprint(b.w, "\r\x1b[K"+cut(text, b.width-1))
	b.shown = true
}

// end clears the line.
func (b *bar) end() {
	if b.shown {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
	b.shown = false
}
