package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// page is the file that the table goes into, between its markers.
const page = "performance.md"

// name is that of the run's files and markers: one of each kind of broker.
func (r *report) name() string {
	if r.apache {
		return "performance-kafka"
	}
	return "performance"
}

// write puts JSON and chart into dir, and the table into dir's page if it has
// one.
func (r *report) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	data, err := r.json()
	if err != nil {
		return err
	}
	chart, err := r.chart()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, page))
	if err == nil {
		var changed string
		if changed, err = r.fill(string(text)); err == nil {
			err = os.WriteFile(filepath.Join(dir, page), []byte(changed), 0o644)
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err,
		os.WriteFile(filepath.Join(dir, r.name()+".json"), data, 0o644),
		os.WriteFile(filepath.Join(dir, r.name()+".svg"), chart, 0o644))
}

// fill replaces what stands between the run's markers.
func (r *report) fill(text string) (string, error) {
	begin, end := fmt.Sprintf("<!-- %s: begin -->\n", r.name()), fmt.Sprintf("<!-- %s: end -->", r.name())
	before, rest, ok := strings.Cut(text, begin)
	_, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		return "", fmt.Errorf("%s has no lines %q and %q for the table to stand between", page, strings.TrimSpace(begin), end)
	}
	return before + begin + "\n" + fmt.Sprintf("![Chart](%s.svg)\n\n", r.name()) + r.markdown() + "\n" + end + after, nil
}
