package kafka

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/trieungochai/kafka-notify/app/record"
)

// Reader reads single pages of a partition; *Client is one.
type Reader interface {
	Bounds(ctx context.Context, topic string, partition int32) (Bounds, error)
	Fetch(ctx context.Context, topic string, partition int32, offset int64, maxBytes int32, wait time.Duration) (Page, error)
}

var _ Reader = (*Client)(nil)

// rangeBytes bounds one fetch of a range.
const rangeBytes = 4 << 20

// ReadRange reads the committed records of [from, to) in the only partition of
// topic: in one request, or more where they are large.
func ReadRange(ctx context.Context, r Reader, topic string, from, to int64) (records []*record.Record, err error) {
	for from < to {
		page, err := r.Fetch(ctx, topic, 0, from, rangeBytes, 0)
		if err != nil {
			return nil, err
		}
		for _, rec := range page.Records {
			if rec.Offset < to {
				records = append(records, rec)
			}
		}
		if page.Next <= from {
			break // retention has taken the rest meanwhile
		}
		from = page.Next
	}
	return records, nil
}

// CursorError is a cursor that no page ended with.
type CursorError struct{ Cursor string }

// Error implements error.
func (e *CursorError) Error() string {
	return fmt.Sprintf("cursor %q is none that this list gave: leave it out to start with the newest", e.Cursor)
}

// BadRequest says in words for the caller what is wrong.
func (e *CursorError) BadRequest() string { return e.Error() }

const cursorMark = "before:"

// FormatCursor is the cursor of the page that ends before offset.
func FormatCursor(offset int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorMark + strconv.FormatInt(offset, 10)))
}

// ParseCursor is the offset a page ends before: end itself without a cursor.
// The error is a *CursorError.
func ParseCursor(cursor string, end int64) (int64, error) {
	if cursor == "" {
		return end, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	digits, ok := strings.CutPrefix(string(text), cursorMark)
	offset, numErr := strconv.ParseInt(digits, 10, 64)
	if err != nil || !ok || numErr != nil || offset < 0 {
		return 0, &CursorError{Cursor: cursor}
	}
	return min(offset, end), nil
}
