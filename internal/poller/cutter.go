package poller

import (
	"errors"
	"slices"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/saveris"
)

// cutter cuts spans into windows: as wide as their rows want it, and without what cannot be had at present.
type cutter struct {
	width  width
	failed int       // windows in a row
	looked time.Time // by the vendor's clock
	bad    []pending // windows that cannot be had at present: tried again when their time has come
}

// pending is a window that waits for its time.
type pending struct {
	checkpoint.Span
	at time.Time
}

// patience is how long a window waits that could not be had, or had no row.
const patience = 10 * time.Minute

// without returns what is left of spans without what cannot be had at present.
func (c *cutter) without(spans []checkpoint.Span, now time.Time) []checkpoint.Span {
	c.bad = slices.DeleteFunc(c.bad, func(b pending) bool { return !b.at.After(now) })
	for _, b := range c.bad {
		spans = CutOut(spans, b.Span)
	}
	return spans
}

// done adapts the width of the next windows, which should hold so many rows, to what this one held, and quarantines one
// that cannot be had.
func (c *cutter) done(w Window, rows, want int, err error) {
	c.width.learn(w.Width(), rows, want, err)
	if err == nil {
		c.failed = 0
		return
	}
	if c.failed++; cannotBeHad(w, c.failed, err) {
		c.bad = append(c.bad, pending{w.Span, c.looked.Add(patience)})
	}
}

// CutOut returns what is left of spans without some others, in their order.
func CutOut(spans []checkpoint.Span, out ...checkpoint.Span) []checkpoint.Span {
	for _, o := range out {
		var rest []checkpoint.Span
		for _, span := range spans {
			for _, part := range []checkpoint.Span{span.Cut(span.From, o.From), span.Cut(o.Until, span.Until)} {
				if !part.Empty() {
					rest = append(rest, part)
				}
			}
		}
		spans = rest
	}
	return spans
}

// cannotBeHad reports whether an error lies in the window itself, so that trying it again at once would only hold up others.
// A window that is as narrow as can be and fails again and again is such a one, unless the vendor says that it is he.
func cannotBeHad(w Window, failed int, err error) bool {
	if lasting(err) || errors.Is(err, saveris.ErrNotUnderstood) {
		return true
	}
	var vendor *saveris.Error
	outage := errors.As(err, &vendor) && vendor.Status >= 500
	return !w.divisible() && (errors.Is(err, saveris.ErrTooLarge) || failed >= maxFailures && !outage)
}

// lasting reports whether an error would be the same at the next try: it lies in the vendor's rows or in the stream.
func lasting(err error) bool {
	return errors.Is(err, ErrRejected) || errors.Is(err, checkpoint.ErrIndex)
}
