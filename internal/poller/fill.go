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
// worth reading again (checkpoint.Ripe). It looks at every poll interval and never ends.
type Fill struct {
	Ages     checkpoint.Ages
	Interval time.Duration // between two looks that found nothing
	Rows     int           // a window should hold
	Now      Clock
	Covered  Coverage
	Watermark

	idle    bool
	hadRows bool      // the last window
	failed  int       // windows in a row
	looked  time.Time // by the vendor's clock
	oldest  time.Time // what lies before will not be due any more
	width   width
	bad     []pending // windows that cannot be had at present: tried again when their time has come
	doubts  []pending // windows without a row where there usually are some: read again when their time has come
}

// Watermark is from when on a feed is answered for: what is older has been read once, or is nobody's task.
type Watermark interface {
	// Since gives it as the stream has it now.
	Since(ctx context.Context, now time.Time) (time.Time, error)
	// Advance moves it to where everything has been read, as what was read after Since shows. It may put that off.
	Advance(ctx context.Context, to time.Time) error
}

// pending is a window that waits for its time.
type pending struct {
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
	since, err := f.Since(ctx, now)
	if err != nil {
		return Window{}, false, err
	}
	covered, err := f.Covered(ctx, checkpoint.Span{From: f.oldest, Until: now})
	if err != nil {
		return Window{}, false, err
	}
	covered = believable(covered, now)
	f.oldest = f.unsettled(covered, since)
	gaps := f.gaps(covered, since, now)
	read := later(since, coveredEnd(covered, now))
	if len(gaps) > 0 {
		read = gaps[0].From
	}
	if err := f.Advance(ctx, read); err != nil {
		return Window{}, false, err
	}
	if gaps = f.without(gaps, now); len(gaps) > 0 {
		return Window{Span: f.width.cut(gaps[0]), Reason: ReasonCatchUp, Background: true}, true, nil
	}
	due := f.without(append(f.doubted(now), checkpoint.Ripe(covered, f.Ages, now)...), now)
	if len(due) > 0 {
		return Window{Span: f.width.cut(due[0]), Reason: ReasonRevisit, Background: true}, true, nil
	}
	return Window{}, false, nil
}

// gaps gives what has not been read since a time. What follows the covered end belongs to the tail, unless it lies further
// back than a poll reaches; then it is left to grow until it is worth a window.
func (f *Fill) gaps(covered []checkpoint.Interval, since, now time.Time) []checkpoint.Span {
	end, reach := coveredEnd(covered, now), now.Add(-maxTail)
	if reach.Sub(later(end, since)) >= max(minWindow, f.Interval) {
		end = reach
	}
	return checkpoint.Gaps(covered, since, end)
}

// unsettled gives the time before which nothing will ever be due again, a day early.
func (f *Fill) unsettled(covered []checkpoint.Interval, since time.Time) time.Time {
	oldest := since
	for _, iv := range covered {
		if iv.From.Before(oldest) && len(f.Ages) > 0 && iv.ReadAt.Before(iv.Until.Add(slices.Max(f.Ages))) {
			oldest = iv.From
		}
	}
	return oldest.AddDate(0, 0, -1)
}

// without cuts what cannot be had at present out of spans.
func (f *Fill) without(spans []checkpoint.Span, now time.Time) []checkpoint.Span {
	f.bad = slices.DeleteFunc(f.bad, func(b pending) bool { return !b.at.After(now) })
	for _, b := range f.bad {
		spans = CutOut(spans, b.Span)
	}
	return spans
}

// CutOut gives what is left of spans without some others, in their order.
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
	if err != nil {
		if f.failed++; cannotBeHad(w, f.failed, err) {
			f.bad = append(f.bad, pending{w.Span, f.looked.Add(patience)})
		}
		return
	}
	f.failed = 0
	doubted := f.believe(w.Span)
	if rows == 0 && f.hadRows && !doubted { // once: empty twice is empty
		f.doubts = append(f.doubts, pending{w.Span, f.looked.Add(patience)})
	}
	f.hadRows = rows > 0
}

// believe takes what has been read again out of the doubts, and tells whether any of it was doubted.
func (f *Fill) believe(span checkpoint.Span) (doubted bool) {
	var rest []pending
	for _, d := range f.doubts {
		doubted = doubted || !d.Cut(span.From, span.Until).Empty()
		for _, part := range CutOut([]checkpoint.Span{d.Span}, span) {
			rest = append(rest, pending{part, d.at})
		}
	}
	f.doubts = rest
	return doubted
}

// cannotBeHad tells whether an error lies in the window itself, so that trying it again at once would only hold up others.
// A window that is as narrow as can be and fails again and again is such a one, unless the vendor says that it is he.
func cannotBeHad(w Window, failed int, err error) bool {
	if lasting(err) || errors.Is(err, saveris.ErrNotUnderstood) {
		return true
	}
	var vendor *saveris.Error
	outage := errors.As(err, &vendor) && vendor.Status >= 500
	return !w.divisible() && (errors.Is(err, saveris.ErrTooLarge) || failed >= maxFailures && !outage)
}

// lasting tells whether an error would be the same at the next try: it lies in the vendor's rows or in the stream.
func lasting(err error) bool {
	return errors.Is(err, ErrRejected) || errors.Is(err, checkpoint.ErrIndex)
}
