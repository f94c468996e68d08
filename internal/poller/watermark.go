package poller

import (
	"context"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
)

// watermark is the feed's Watermark. It lives in the records; here is only what this process began with, for a stream that
// has been emptied.
type watermark struct {
	writer *publish.Writer
	begin  time.Time
	found  time.Time // in the records when they were looked at last
	day    string    // newest day then
	last   uint64    // end of the stream then
}

// watermarkStep is how far the watermark moves at least: each move is a record.
const watermarkStep = 24 * time.Hour

// Look notes where the stream ends.
func (m *watermark) Look(ctx context.Context) (err error) {
	m.last, err = m.writer.Last(ctx)
	return err
}

// Since reads the newest records, and all of them where those have lost it.
func (m *watermark) Since(ctx context.Context, now time.Time) (since time.Time, err error) {
	m.day = checkpoint.DayOf(now)
	for _, from := range []time.Time{m.found, {}} {
		since, found, err := m.writer.LowWatermark(ctx, checkpoint.Span{From: from, Until: now})
		if err != nil {
			return time.Time{}, err
		}
		if found && !since.Before(from) {
			m.found = since
			return since, nil
		}
	}
	m.found = time.Time{}
	return m.begin, nil
}

// Advance moves it, at the latest when there is a pause between two commits.
func (m *watermark) Advance(ctx context.Context, to time.Time) error {
	if m.found.IsZero() || to.Sub(m.found) < watermarkStep {
		return nil
	}
	_, err := m.writer.AdvanceLowWatermark(ctx, m.day, to, m.last)
	return err
}
