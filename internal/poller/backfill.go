package poller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/sleep"
)

// Backfill makes the checkpoint of one feed cover a range, and ends. Any number of them may work at the same range, in
// other processes too, and beside live polling.
type Backfill struct {
	checkpoint.Span // to be covered, in event time; it must not reach beyond the vendor's now
	Source          *saveris.Client
	Writer          *publish.Writer
	Maker           func() *schema.Maker // one for each goroutine
	Leases          Leases               // nil = no other worker
	Log             *slog.Logger

	Exports   int                // in flight at most
	Rows      int                // a window should hold
	Interval  time.Duration      // of live polling, which goes first while it is late
	Excluded  []checkpoint.Span  // days that are left alone
	ReadSince time.Time          // what was read before is read again; zero = nothing
	Again     bool               // with ReadSince: what is covered is read, whoever has read it since, and nothing else
	OnStored  func(StoredWindow) // called for every window that was stored; may be nil
	Hint      func(error) string // see Line

	// OnYield is called when a line lets live polling go first, with how late that is; what it returns is called when the line
	// goes on. It may be nil; several lines may call it at once.
	OnYield func(late time.Duration) (ended func())
}

// Run works until the stream says that all is covered. It fails with the context's error, with saveris.ErrRefused, and
// with an IncompleteError where nothing is left but windows that cannot be had.
func (b *Backfill) Run(ctx context.Context) error {
	for {
		backlog := &Backlog{
			Span: b.Span, Rows: b.Rows, Now: b.Source.Now, Covered: b.covered, Leases: b.Leases,
			ReadSince: b.ReadSince, Again: b.Again, First: b.unfinished(ctx), Yield: b.yield, Removed: b.Writer.Removed,
			OnWait: func() { b.Log.Info("other workers have the days that are left, waiting for them to end or to die") },
		}
		for _, day := range b.Excluded {
			backlog.Excluded = append(backlog.Excluded, Exclusion{Span: day})
		}
		if err := b.work(ctx, backlog); err != nil {
			return err
		}
		var gaps []checkpoint.Span // by the stream
		err := b.line(nil).retry(ctx, func() (err error) {
			gaps, err = backlog.left(ctx)
			return err
		})
		if err != nil {
			return err
		}
		if removed := backlog.RemovedMeanwhile(); len(removed) > 0 {
			return fmt.Errorf("%w: %d days, the first %s", ErrRemoved, len(removed), checkpoint.DayOf(removed[0].From))
		}
		if len(gaps) == 0 {
			return nil
		}
		if windows := backlog.Quarantined(); len(windows) > 0 {
			return &IncompleteError{windows}
		}
		b.Log.Warn("the stream has lost what was stored, it is read again", "from", gaps[0].From, "until", gaps[len(gaps)-1].Until)
	}
}

// covered is what need not be read.
func (b *Backfill) covered(ctx context.Context, span checkpoint.Span) (rest []checkpoint.Interval, err error) {
	covered, err := b.Writer.Covered(ctx, span)
	if err != nil || !b.Again {
		return covered, err
	}
	for _, gap := range checkpoint.Gaps(covered, span.From, span.Until) {
		rest = append(rest, checkpoint.Interval{From: gap.From, Until: gap.Until, ReadAt: b.ReadSince})
	}
	return rest, nil
}

// work carries the windows of a backlog: as many lines as there are exports in flight, and one that commits meanwhile.
func (b *Backfill) work(ctx context.Context, backlog *Backlog) error {
	group, ctx := errgroup.WithContext(ctx)
	pool := NewPool(1, b.Maker)
	for range b.Exports + 1 {
		line := b.line(pool)
		line.DayExcluded = backlog.DayExcluded
		group.Go(func() error { return line.Run(ctx, backlog.Share()) })
	}
	return group.Wait()
}

func (b *Backfill) line(pool Pool) *Line {
	return &Line{
		refusals: saveris.Refusals{Worked: true}, Source: b.Source, Writer: b.Writer, Log: b.Log, MaxWait: maxWait,
		Pool: pool, AskedSince: b.ReadSince, OnStored: b.OnStored, Hint: b.Hint,
	}
}

// ErrRemoved says that retention has removed days while they were filled: the stream keeps less than the range.
var ErrRemoved error = &hint.Error{
	Err: errors.New("retention has removed what was being stored"), Code: hint.Failed,
	Hint: "the stream keeps less than the range: raise its limits (max_age, max_bytes, max_msgs), or fill less at once",
}

// unfinished returns the windows whose exports an earlier process has left, oldest first. What is read again is asked for
// again.
func (b *Backfill) unfinished(ctx context.Context) (windows []checkpoint.Span) {
	if !b.ReadSince.IsZero() {
		return nil
	}
	queries, err := b.Source.Unfinished(ctx, schema.VendorFeed(b.Writer.Feed))
	if err != nil {
		b.Log.Warn("what an earlier process has asked for is not known", "err", err)
	}
	for _, q := range queries {
		if w := (checkpoint.Span{From: q.From, Until: q.Until}); minWindow <= w.Width() && w.Width() <= maxWindow {
			windows = append(windows, w)
		}
	}
	slices.SortFunc(windows, func(a, b checkpoint.Span) int { return a.From.Compare(b.From) })
	return windows
}

// yield waits while live polling is late, so that the vendor's time is its own; not for ever, since nobody knows whether it
// will ever catch up. A little late is the vendor's pace, and much too late is a bridge that does not run at all.
func (b *Backfill) yield(ctx context.Context) error {
	for waited := time.Duration(0); waited < min(longestYield, b.Interval); waited += time.Second {
		now, err := b.Source.Now(ctx)
		if err != nil {
			return err
		}
		records, err := b.Writer.Records(ctx, checkpoint.Span{From: now.Add(-MaxTail), Until: now})
		if err != nil {
			return err
		}
		late := now.Sub(liveEnd(records))
		if late < 2*b.Interval+yieldAfter || late > 10*b.Interval+yieldAfter {
			return nil
		}
		if waited == 0 && b.OnYield != nil {
			defer b.OnYield(late)()
		}
		if err := sleep.For(ctx, time.Second); err != nil {
			return err
		}
	}
	return nil
}

const (
	yieldAfter   = 30 * time.Second // how late live polling may be beside two of its intervals
	longestYield = time.Minute      // before one window
)

// liveEnd is the end of what has been read as soon as it could be, on days that live polling has written on.
func liveEnd(records []checkpoint.Record) (end time.Time) {
	for _, r := range records {
		for _, iv := range r.Covered {
			if r.Since != nil && iv.ReadAt.Before(iv.Until.Add(yieldAfter)) {
				end = later(end, iv.Until)
			}
		}
	}
	return end
}

// IncompleteError says that a backfill has covered all but some windows.
type IncompleteError struct{ Windows []Exclusion }

func (e *IncompleteError) Error() string {
	windows := slices.SortedFunc(slices.Values(e.Windows), func(a, b Exclusion) int { return a.From.Compare(b.From) })
	text := fmt.Sprintf("%d windows cannot be had", len(windows))
	for i, w := range windows {
		if i == maxFailures {
			return text + fmt.Sprintf("; and %d more", len(windows)-i)
		}
		text += fmt.Sprintf("; from %s until %s: %v", w.From.Format(time.RFC3339), w.Until.Format(time.RFC3339), w.Err)
	}
	return text
}

// Advice returns the exit code and what to do: those of a window's error where that is of the settings, the vendor or NATS.
func (e *IncompleteError) Advice() (code int, text string) {
	for _, w := range e.Windows {
		if code, text := hint.Of(w.Err); code > hint.Failed {
			return code, text
		}
	}
	return hint.Failed, "all else is stored; the same command tries these parts again, and nothing else"
}

// Unwrap returns why each window cannot be had.
func (e *IncompleteError) Unwrap() (errs []error) {
	for _, w := range e.Windows {
		errs = append(errs, w.Err)
	}
	return errs
}
