package poller

import (
	"errors"
	"time"

	"saveris-bridge/internal/checkpoint"
)

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
	case errors.Is(err, ErrRejected): // a narrower window would hold no better rows
	case err != nil || rows > want:
		w.d = max(minWindow, min(was, w.now())/2)
	case rows < want/2 && was >= w.now():
		w.d = min(maxWindow-minWindow, 2*w.now())
	}
}
