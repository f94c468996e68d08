package poller

import (
	"context"
	"time"

	"saveris-bridge/internal/checkpoint"
)

// Fill yields what lies behind the tail: the gaps since the feed's beginning, oldest first, then the intervals that are
// due to be read again. It looks at every poll interval and never ends.
type Fill struct {
	Since    time.Time // what is older is nobody's task
	Ages     checkpoint.Ages
	Interval time.Duration // between two looks that found nothing
	Rows     int           // a window should hold
	Now      Clock
	Covered  Coverage

	idle  bool
	width width
}

// Next waits until there is a gap or something due.
func (f *Fill) Next(ctx context.Context) (Window, error) {
	for ; ; f.idle = true {
		if f.idle {
			if err := wait(ctx, f.Interval); err != nil {
				return Window{}, err
			}
			f.idle = false
		}
		now, err := f.Now(ctx)
		if err != nil {
			return Window{}, err
		}
		w, found, err := f.look(ctx, whole(now))
		if found || err != nil {
			return w, err
		}
	}
}

// look finds the window to read at now, if there is one.
func (f *Fill) look(ctx context.Context, now time.Time) (Window, bool, error) {
	covered, err := f.Covered(ctx, checkpoint.Span{From: f.Since, Until: now})
	if err != nil {
		return Window{}, false, err
	}
	// What follows the covered end belongs to the tail, unless it lies further back than a poll reaches.
	end := coveredEnd(covered, now)
	if oldest := now.Add(-maxTail); end.Before(oldest) {
		end = oldest
	}
	if gaps := checkpoint.Gaps(covered, f.Since, end); len(gaps) > 0 {
		return Window{Span: f.width.cut(gaps[0]), Reason: ReasonCatchUp, Background: true}, true, nil
	}
	if due := checkpoint.Due(covered, f.Ages, now); len(due) > 0 {
		return Window{Span: f.width.cut(due[0]), Reason: ReasonRevisit, Background: true}, true, nil
	}
	return Window{}, false, nil
}

// Done adapts the width of the next windows to what this one held.
func (f *Fill) Done(w Window, rows int, err error) { f.width.learn(w.Width(), rows, f.Rows, err) }

// width is how wide windows are: it starts with an hour, doubles while they hold little and halves when they hold too
// much or cannot be had.
type width struct{ d time.Duration }

func (w *width) now() time.Duration {
	if w.d == 0 {
		w.d = time.Hour
	}
	return w.d
}

// cut gives the first window of a span: not wider than the width, and not so narrow that the vendor may refuse it. A rest
// that would be too narrow is taken along; a span that is too narrow grows backwards.
func (w *width) cut(span checkpoint.Span) checkpoint.Span {
	if until := span.From.Add(w.now()); span.Until.Sub(until) >= minWindow {
		span.Until = until
	}
	if from := span.Until.Add(-minWindow); from.Before(span.From) {
		span.From = from
	}
	return span
}

func (w *width) learn(was time.Duration, rows, want int, err error) {
	switch {
	case err != nil || rows > want:
		w.d = max(minWindow, min(was, w.now())/2)
	case rows < want/2 && was >= w.now():
		w.d = min(maxWindow-minWindow, 2*w.now())
	}
}
