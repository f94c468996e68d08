package poller

import (
	"context"
	"errors"
	"slices"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/saveris"
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
	// Kept gives the event time from which on the stream keeps what it is given; what retention has removed is no gap.
	// Nil: it keeps all.
	Kept func(ctx context.Context, now time.Time) (time.Time, error)

	idle   bool
	rows   bool      // the last window had some
	looked time.Time // by the vendor's clock
	width  width
	bad    []later // windows that cannot be had at present: tried again when their time has come
	doubts []later // windows without a row where there usually are some: read again when their time has come
}

// later is a window that waits for its time.
type later struct {
	checkpoint.Span
	at time.Time
}

// patience is how long a window waits that could not be had, or had no row.
const patience = 10 * time.Minute

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
	f.looked = now
	since := f.Since
	if f.Kept != nil {
		kept, err := f.Kept(ctx, now)
		if err != nil {
			return Window{}, false, err
		}
		if kept.After(since) {
			since = kept
		}
	}
	covered, err := f.Covered(ctx, checkpoint.Span{From: since, Until: now})
	if err != nil {
		return Window{}, false, err
	}
	// What follows the covered end belongs to the tail, unless it lies further back than a poll reaches.
	end := coveredEnd(covered, now)
	if oldest := now.Add(-maxTail); end.Before(oldest) {
		end = oldest
	}
	if gaps := f.without(checkpoint.Gaps(covered, since, end), now); len(gaps) > 0 {
		return Window{Span: f.width.cut(gaps[0]), Reason: ReasonCatchUp, Background: true}, true, nil
	}
	due := f.without(append(f.doubted(now), checkpoint.Due(covered, f.Ages, now)...), now)
	if len(due) > 0 {
		return Window{Span: f.width.cut(due[0]), Reason: ReasonRevisit, Background: true}, true, nil
	}
	return Window{}, false, nil
}

// without cuts what cannot be had at present out of spans.
func (f *Fill) without(spans []checkpoint.Span, now time.Time) []checkpoint.Span {
	f.bad = slices.DeleteFunc(f.bad, func(b later) bool { return !b.at.After(now) })
	for _, b := range f.bad {
		var rest []checkpoint.Span
		for _, span := range spans {
			for _, part := range []checkpoint.Span{span.Cut(span.From, b.From), span.Cut(b.Until, span.Until)} {
				if !part.Empty() {
					rest = append(rest, part)
				}
			}
		}
		spans = rest
	}
	return spans
}

// doubted takes out the windows whose emptiness is to be looked at again.
func (f *Fill) doubted(now time.Time) (spans []checkpoint.Span) {
	for _, d := range f.doubts {
		if !d.at.After(now) {
			spans = append(spans, d.Span)
		}
	}
	return spans
}

// Done adapts the width of the next windows to what this one held, and notes what is to be looked at again.
func (f *Fill) Done(w Window, rows int, err error) {
	f.width.learn(w.Width(), rows, f.Rows, err)
	at := f.looked.Add(patience)
	if err != nil {
		if cannotBeHad(w, err) {
			f.bad = append(f.bad, later{w.Span, at})
		}
		return
	}
	asked := len(f.doubts)
	f.doubts = slices.DeleteFunc(f.doubts, func(d later) bool { return !d.Cut(w.From, w.Until).Empty() })
	if rows == 0 && f.rows && len(f.doubts) == asked { // once: empty twice is empty
		f.doubts = append(f.doubts, later{w.Span, at})
	}
	f.rows = rows > 0
}

// cannotBeHad tells whether an error lies in the window itself, so that trying it again at once would only hold up others.
func cannotBeHad(w Window, err error) bool {
	return errors.Is(err, ErrRejected) || errors.Is(err, checkpoint.ErrIndex) ||
		errors.Is(err, saveris.ErrTooLarge) && !w.divisible()
}
