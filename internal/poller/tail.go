package poller

import (
	"context"
	"time"

	"saveris-bridge/internal/checkpoint"
)

// maxTail is how far back a poll reaches at most; what lies before it is a gap for Fill.
const maxTail = time.Hour

// Tail yields the newest window at every poll: from a little before the covered end to the vendor's now. It never ends.
type Tail struct {
	Interval time.Duration // between the starts of two polls
	Overlap  time.Duration // how far a poll reaches back over what is covered
	Now      Clock
	Covered  Coverage
	Since    time.Time             // a first poll reaches no further back
	Polled   func(began time.Time) // told of every poll that succeeded, by our clock; may be nil

	polled, began time.Time
	failed        int // polls in a row
}

// Next waits until a poll is due.
func (t *Tail) Next(ctx context.Context) (Window, error) {
	if err := wait(ctx, time.Until(t.polled.Add(t.Interval))); err != nil {
		return Window{}, err
	}
	t.began = time.Now()
	now, err := t.Now(ctx)
	if err != nil {
		return Window{}, err
	}
	now = whole(now)
	covered, err := t.Covered(ctx, checkpoint.Span{From: now.Add(-maxTail), Until: now})
	if err != nil {
		return Window{}, err
	}
	if t.failed >= maxFailures { // what lies behind may be what cannot be had; Fill finds a way around it
		return Window{Span: checkpoint.Span{From: now.Add(-minWindow), Until: now}, Reason: ReasonTail}, nil
	}
	end := coveredEnd(believable(covered, now), now)
	if end.IsZero() {
		end = t.Since.Add(t.Overlap)
	}
	return Window{Span: tailSpan(end, now, t.Overlap), Reason: ReasonTail}, nil
}

// Done starts the wait for the next poll; after a failure there is none, the caller has waited.
func (t *Tail) Done(_ Window, _ int, err error) {
	if err != nil {
		t.failed++
		return
	}
	t.polled, t.failed = t.began, 0
	if t.Polled != nil {
		t.Polled(t.began)
	}
}

// tailSpan reaches back over the covered end, but no further than maxTail and no less than minWindow.
func tailSpan(end, now time.Time, overlap time.Duration) checkpoint.Span {
	from := end.Add(-overlap)
	if oldest := now.Add(-maxTail); from.Before(oldest) {
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
