package poller

import (
	"errors"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/saveris"
)

// width is how wide windows are: it grows while they hold little, the faster the less it is, and halves when they hold too
// much or cannot be had.
type width struct{ d time.Duration }

// firstWidth is where it starts: with the largest fleets that are known, 36,000 channels, such a window has three quarters of the rows
// that it should hold, and others get there in two or three steps.
const firstWidth = 30 * time.Minute

func (w *width) now() time.Duration {
	if w.d == 0 {
		w.d = firstWidth
	}
	return w.d
}

// cut returns the first window of a span: not wider than the width, and not so narrow that the vendor may refuse it.
func (w *width) cut(span checkpoint.Span) checkpoint.Span { return grow(w.first(span)) }

// first is cut for a span that may grow later. A rest that would be too narrow is taken along.
func (w *width) first(span checkpoint.Span) checkpoint.Span {
	if until := span.From.Add(w.now()); span.Until.Sub(until) >= minWindow {
		span.Until = until
	}
	return span
}

// grow lets a span that is too narrow for the vendor reach further back.
func grow(span checkpoint.Span) checkpoint.Span {
	if from := span.Until.Add(-minWindow); from.Before(span.From) {
		span.From = from
	}
	return span
}

func (w *width) learn(was time.Duration, rows, want int, err error) {
	switch {
	case errors.Is(err, ErrRejected), errors.Is(err, saveris.ErrNotUnderstood): // a narrower window would hold no better rows
	case err != nil || rows > want:
		w.d = min(w.now(), max(minWindow, was/2)) // windows under way were cut before this was known
	case rows < want*3/4 && was >= w.now():
		growth := min(fullness*float64(want)/float64(max(rows, 1)), mostGrowth)
		w.d = min(maxWindow-minWindow, time.Duration(growth*float64(w.now())).Truncate(time.Second))
	}
}

// fullness is the part of the rows that it should hold which a window is meant to have when it grows.
const fullness = 0.9

// mostGrowth is how much wider one window may be than the one before it: what follows a quiet hour may be a busy one.
const mostGrowth = 8

// Forecast returns the windows that a Backlog would yield for gaps, oldest first, if an hour has so many rows and a window
// should hold rows of them; perHour 0 is not known, and taken for few.
func Forecast(gaps []checkpoint.Span, rows int, perHour float64) (windows []checkpoint.Span) {
	var width width
	for len(gaps) > 0 {
		w := width.cut(gaps[0])
		width.learn(w.Width(), int(perHour*w.Width().Hours()), rows, nil)
		windows, gaps = append(windows, w), CutOut(gaps, w)
	}
	return windows
}
