package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// progress tells people how far the run is: on a terminal in one line that
// changes, elsewhere in one line for each measurement that is done.
type progress struct {
	out      io.Writer
	terminal *os.File // nil elsewhere
	started  time.Time
	total    int // measurements
	number   int // of the current one
	what     string
	shown    int // characters on the terminal's line
}

func newProgress(out io.Writer) progress {
	p := progress{out: out, started: time.Now()}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		if err == nil && info.Mode()&os.ModeCharDevice != 0 {
			p.terminal = f
		}
	}
	return p
}

// begin names the measurement that begins.
func (p *progress) begin(what string) {
	p.number++
	p.what = what
	p.show("")
}

// show tells what is going on in it.
func (p *progress) show(state string) {
	if p.terminal != nil {
		p.replace(fmt.Sprintf("%s %s %s", p.prefix(), p.what, state))
	}
}

// bar shows how much of a whole is done.
func (p *progress) bar(done, whole int) {
	const width = 20
	filled := min(width*done/max(whole, 1), width)
	p.show(fmt.Sprintf("%s%s %d of %d", strings.Repeat("█", filled), strings.Repeat("░", width-filled), done, whole))
}

// end tells what the measurement gave, in a line that stays.
func (p *progress) end(result string) {
	if p.terminal != nil {
		p.replace("")
		fmt.Fprint(p.out, "\r")
	}
	fmt.Fprintf(p.out, "%s %s: %s\n", p.prefix(), p.what, result)
}

func (p *progress) prefix() string {
	return fmt.Sprintf("%5s [%d/%d]", time.Since(p.started).Round(time.Second), p.number, p.total)
}

// replace replaces what the terminal's line holds, cut to its width: a line that
// wraps could not be replaced any more.
func (p *progress) replace(text string) {
	line := []rune(text)
	if size, err := unix.IoctlGetWinsize(int(p.terminal.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 1 {
		line = line[:min(len(line), int(size.Col)-1)]
	}
	fmt.Fprint(p.out, "\r"+string(line)+strings.Repeat(" ", max(p.shown-len(line), 0)))
	p.shown = len(line)
}
