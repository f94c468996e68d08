package publish

import (
	"context"
	"errors"
	"time"

	"saveris-bridge/internal/checkpoint"
)

// The low watermark of a feed, since when `run` still answers for gaps, stands in its records and nowhere else: what a record
// says is true for all that stands before it in the stream, so a broker that loses its tail loses the watermark with what
// it speaks of. A commit carries on what the page's last record has, a new page takes it from the newest page before it, and
// it only moves by AdvanceLowWatermark, which is fenced by the end of the stream.

// LowWatermark returns the watermark: everything since the feed's beginning and before this moment has been read once, and a day
// without a record there is one that retention has removed. The latest of the span's records counts; found is false
// where no `run` has written one.
func (w *Writer) LowWatermark(ctx context.Context, span checkpoint.Span) (since time.Time, found bool, err error) {
	since, found, err = w.findLowWatermark(ctx, span)
	if err != nil {
		return since, false, w.diagnose(ctx, err)
	}
	return since, found, nil
}

func (w *Writer) findLowWatermark(ctx context.Context, span checkpoint.Span) (since time.Time, found bool, err error) {
	records, err := w.records(ctx, span)
	for _, r := range records {
		if r.Since != nil && (!found || r.Since.After(since)) {
			since, found = *r.Since, true
		}
	}
	return since, found, err
}

// SetLowWatermark sets what the watermark was when the process began, for a stream whose records have none (any more).
func (w *Writer) SetLowWatermark(since time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begin = since.UTC()
}

// carryLowWatermark writes the watermark into a new page. A backfill, which has no beginning, leaves it out.
func (w *Writer) carryLowWatermark(ctx context.Context, page *checkpoint.Page) error {
	if page.Seq > 0 || w.begin.IsZero() || page.Record.Day == checkpoint.RejectedDay {
		return nil
	}
	since, found, err := w.findLowWatermark(ctx, checkpoint.Span{Until: time.Now().AddDate(1, 0, 0)})
	if err != nil {
		return err
	}
	if !found {
		since = w.begin
	}
	page.Record.Since = &since
	return nil
}

// Last returns the sequence of the stream's last message.
func (w *Writer) Last(ctx context.Context) (uint64, error) {
	last, err := w.stream.Last(ctx)
	if err != nil {
		return 0, w.diagnose(ctx, err)
	}
	return last, nil
}

// AdvanceLowWatermark moves the watermark, in the record of a day, if nothing has been stored behind the given sequence. It reports
// whether it did: whoever finds that something has been stored looks again.
func (w *Writer) AdvanceLowWatermark(ctx context.Context, day string, to time.Time, last uint64) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.checkStream(ctx); err != nil {
		return false, w.diagnose(ctx, err)
	}
	if _, err := w.finishTornAnew(ctx); err != nil {
		return false, w.diagnose(ctx, err)
	}
	page, err := w.page(ctx, day)
	if err != nil {
		return false, w.diagnose(ctx, err)
	}
	if page.Seq == 0 { // it would be a page that covers nothing
		return false, nil
	}
	to = to.UTC()
	next := page.Record.Next(nil, nil, w.Ages)
	next.Since = &to
	b, err := w.batch(page.Last, next)
	if err != nil {
		return false, err
	}
	b.tail = last
	seq, err := w.send.send(ctx, b)
	if errors.Is(err, errConflict) {
		return false, nil
	}
	if err != nil {
		return false, w.diagnose(ctx, err)
	}
	page.Apply(nil, b.record, seq)
	w.noteRecord(b, seq)
	w.reportRecord()
	return true, nil
}
