package poller

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/sleep"
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
	oldest  time.Time // what lies before will not be due any more
	cutter
	suspects []pending // windows without a row where there usually are some: read again when their time has come
}

// Watermark is from when on a feed is answered for: what is older has been read once, or is nobody's task.
type Watermark interface {
	// Look begins a look at the stream.
	Look(ctx context.Context) error
	// Since returns it as the stream has it now.
	Since(ctx context.Context, now time.Time) (time.Time, error)
	// Advance moves it to where everything has been read, as what was read after Look shows. It may put that off.
	Advance(ctx context.Context, to time.Time) error
}

// Next waits until there is a gap or something due.
func (f *Fill) Next(ctx context.Context) (Window, error) {
	for ; ; f.idle = true {
		if f.idle {
			if err := sleep.For(ctx, f.Interval); err != nil {
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
	since, covered, err := f.read(ctx, now)
	if err != nil {
		return Window{}, false, err
	}
	covered = withoutFuture(covered, now)
	f.oldest = f.unsettled(covered, since, now)
	gaps := f.gaps(covered, since, now)
	read := later(since, coveredEnd(covered, now))
	if len(gaps) > 0 {
		read = gaps[0].From
	}
	if err := f.Advance(ctx, read); err != nil && !errors.Is(err, checkpoint.ErrIndex) { // of one day, which holds up no other
		return Window{}, false, err
	}
	if gaps = f.without(gaps, now); len(gaps) > 0 {
		return Window{Span: f.width.cut(gaps[0]), Reason: ReasonCatchUp, Background: true}, true, nil
	}
	var due []checkpoint.Span
	for _, s := range f.suspects {
		if !s.at.After(now) {
			due = append(due, s.Span)
		}
	}
	if due = f.without(append(due, checkpoint.Ripe(covered, f.Ages, now)...), now); len(due) > 0 {
		return Window{Span: f.width.cut(due[0]), Reason: ReasonRevisit, Background: true}, true, nil
	}
	return Window{}, false, nil
}

// read returns from when on the feed is answered for, and what of that has been read.
func (f *Fill) read(ctx context.Context, now time.Time) (since time.Time, covered []checkpoint.Interval, err error) {
	if err := f.Look(ctx); err != nil {
		return since, nil, err
	}
	var errCovered error
	var reading sync.WaitGroup
	reading.Go(func() { covered, errCovered = f.Covered(ctx, checkpoint.Span{From: f.oldest, Until: now}) })
	since, err = f.Since(ctx, now)
	reading.Wait()
	return since, covered, cmp.Or(err, errCovered)
}

// gaps returns what has not been read since a time. What follows the covered end belongs to the tail, unless it lies further
// back than a poll reaches; then it is left to grow until it is worth a window.
func (f *Fill) gaps(covered []checkpoint.Interval, since, now time.Time) []checkpoint.Span {
	end, reach := coveredEnd(covered, now), now.Add(-MaxTail)
	if reach.Sub(later(end, since)) >= max(minWindow, f.Interval) {
		end = reach
	}
	return checkpoint.Gaps(covered, since, end)
}

// unsettled returns the time before which nothing will ever be due again, a day early. What a backfill covers from now on may
// be due as far back as the last age reaches.
func (f *Fill) unsettled(covered []checkpoint.Interval, since, now time.Time) time.Time {
	oldest := since
	if len(f.Ages) > 0 {
		last := slices.Max(f.Ages)
		if reach := now.Add(-last); reach.Before(oldest) {
			oldest = reach
		}
		for _, iv := range covered {
			if iv.From.Before(oldest) && iv.ReadAt.Before(iv.Until.Add(last)) {
				oldest = iv.From
			}
		}
	}
	return oldest.AddDate(0, 0, -1)
}

// Done adapts the width of the next windows to what this one held, and notes what is to be looked at again.
func (f *Fill) Done(w Window, rows int, err error) {
	if f.done(w, rows, f.Rows, err); err != nil {
		return
	}
	suspect := f.confirm(w.Span)
	if rows == 0 && f.hadRows && !suspect { // once: empty twice is empty
		f.suspects = append(f.suspects, pending{w.Span, f.looked.Add(patience)})
	}
	f.hadRows = rows > 0
}

// confirm drops from the suspects what has been read again, and reports whether there was any.
func (f *Fill) confirm(span checkpoint.Span) (suspect bool) {
	var rest []pending
	for _, d := range f.suspects {
		suspect = suspect || !d.Cut(span.From, span.Until).Empty()
		for _, part := range CutOut([]checkpoint.Span{d.Span}, span) {
			rest = append(rest, pending{part, d.at})
		}
	}
	f.suspects = rest
	return suspect
}
