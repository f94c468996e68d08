package poller

import (
	"context"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/sleep"
)

// MaxTail is how far back a poll reaches at most; what lies before it is a gap for Fill.
const MaxTail = time.Hour

// settle is how far every poll reaches back at least: rows need a moment from the logger to the vendor's cloud (12 s to
// two minutes in the vendor's own examples).
const settle = time.Minute

// Tail yields the newest window at every poll: from a little before the covered end to the vendor's now. It never ends.
//
// Polls read each moment twice at most, on average. The whole overlap is due once as much new time has been read as the
// overlap is long; the polls in between reach back a moment only, which is taken off the next overlap. Where the vendor
// takes long to answer, polls are further apart than Interval: he is busy with them for a third of the time at most.
type Tail struct {
	Interval time.Duration // between the starts of two polls
	Overlap  time.Duration // how far a poll reaches back over what is covered
	Now      Clock
	Covered  Coverage
	Since    time.Time             // a first poll reaches no further back
	OnPoll   func(began time.Time) // called with the local start of every poll that succeeded; may be nil

	pollBegan  time.Time // of the poll at hand
	next       time.Time // when the one after it is due
	succeeded  bool      // one has
	failed     int       // polls in a row
	reads      overlap   // of the poll at hand
	sinceWhole overlap   // of the polls since the whole overlap was read
}

// overlap is how much new time polls have read, and how much again.
type overlap struct {
	fresh, again time.Duration
	whole        bool // the overlap was among it
}

// Next waits until a poll is due.
func (t *Tail) Next(ctx context.Context) (Window, error) {
	if err := sleep.For(ctx, time.Until(t.next)); err != nil {
		return Window{}, err
	}
	t.pollBegan = time.Now()
	now, err := t.Now(ctx)
	if err != nil {
		return Window{}, err
	}
	now = whole(now)
	covered, err := t.Covered(ctx, checkpoint.Span{From: now.Add(-MaxTail), Until: now})
	if err != nil {
		return Window{}, err
	}
	if t.failed >= maxFailures { // what lies behind may be what cannot be had; Fill finds a way around it
		t.reads = overlap{}
		return Window{Span: checkpoint.Span{From: now.Add(-minWindow), Until: now}, Reason: ReasonTail}, nil
	}
	end := coveredEnd(withoutFuture(covered, now), now)
	if end.IsZero() {
		end = t.Since.Add(t.Overlap)
	}
	reach, reads := t.reach(now.Sub(end))
	t.reads = reads
	return Window{Span: tailSpan(end, now, reach), Reason: ReasonTail}, nil
}

// reach returns how far a poll that reads so much new time reads back over the covered end, and what it reads.
func (t *Tail) reach(fresh time.Duration) (back time.Duration, reads overlap) {
	short := min(settle, t.Overlap)
	reads = overlap{fresh: fresh, again: max(0, short-max(0, minWindow-fresh))} // the narrowest window reaches back anyway
	switch {
	case !t.succeeded || fresh >= t.Overlap:
		reads.whole = true
		return t.Overlap, reads
	case t.sinceWhole.fresh+fresh >= t.Overlap:
		reads.whole = true
		return max(short, t.Overlap-t.sinceWhole.again-short), reads
	default:
		return short, reads
	}
}

// Done starts the wait for the next poll; after a failure there is none, the caller has waited. A broker that did not store for a
// while has cost the vendor nothing.
func (t *Tail) Done(w Window, _ int, err error) {
	if err != nil {
		t.failed++
		return
	}
	t.succeeded, t.failed = true, 0
	t.next = t.pollBegan.Add(max(t.Interval, min(minWindow, 3*(time.Since(t.pollBegan)-w.Storing))))
	t.sinceWhole.add(t.reads)
	t.reads = overlap{} // a window that was halved is done twice
	if t.OnPoll != nil {
		t.OnPoll(t.pollBegan)
	}
}

func (o *overlap) add(reads overlap) {
	if reads.whole {
		*o = overlap{}
		return
	}
	o.fresh, o.again = o.fresh+reads.fresh, o.again+reads.again
}

// tailSpan reaches back over the covered end, but no further than MaxTail and no less than minWindow.
func tailSpan(end, now time.Time, reach time.Duration) checkpoint.Span {
	from := end.Add(-reach)
	if oldest := now.Add(-MaxTail); from.Before(oldest) {
		from = oldest
	}
	if newest := now.Add(-minWindow); from.After(newest) {
		from = newest
	}
	return checkpoint.Span{From: from, Until: now}
}

// coveredEnd is the end of what has been read, now at most; the zero time if nothing has.
func coveredEnd(covered []checkpoint.Interval, now time.Time) time.Time {
	if len(covered) == 0 {
		return time.Time{}
	}
	end := covered[len(covered)-1].Until
	if end.After(now) {
		return now
	}
	return end
}
