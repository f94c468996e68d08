package publish

import (
	"context"
	"slices"
	"time"

	"saveris-bridge/internal/checkpoint"
)

// manyDays is from how many days on it is cheaper to ask first which of them have a record.
const manyDays = 30

// records reads the records of the days that a span touches; a day without one has a zero record, or none. It fails with an
// AnotherAccount where one does not count for ours.
func (w *Writer) records(ctx context.Context, span checkpoint.Span) ([]checkpoint.Record, error) {
	var days []string
	var err error
	if span.Width() < manyDays*24*time.Hour {
		days = span.Days()
	} else if days, err = w.book.Days(ctx); err != nil {
		return nil, err
	}
	days = slices.DeleteFunc(days, func(day string) bool {
		return day < checkpoint.DayOf(span.From) || day > checkpoint.DayOf(span.Until)
	})
	heads, err := w.book.Heads(ctx, days)
	if err != nil {
		return nil, err
	}
	records := make([]checkpoint.Record, len(heads))
	for i, p := range heads {
		if err := w.Accounts.admit(ctx, w.Feed, p); err != nil {
			return nil, err
		}
		records[i] = p.Record
	}
	return records, nil
}

// Records returns the newest records of the days that a span touches, oldest first, as the stream has them now.
func (w *Writer) Records(ctx context.Context, span checkpoint.Span) ([]checkpoint.Record, error) {
	records, err := w.records(ctx, span)
	if err != nil {
		return nil, w.diagnose(ctx, err)
	}
	return slices.DeleteFunc(records, func(r checkpoint.Record) bool { return r.Version == 0 }), nil
}

// Covered returns the intervals within a span that have been read completely, oldest first, as the stream has them now.
func (w *Writer) Covered(ctx context.Context, span checkpoint.Span) ([]checkpoint.Interval, error) {
	records, err := w.records(ctx, span)
	if err != nil {
		return nil, w.diagnose(ctx, err)
	}
	var covered []checkpoint.Interval
	for _, r := range records {
		covered = append(covered, checkpoint.Within(r.Covered, span)...)
	}
	return covered, nil
}
