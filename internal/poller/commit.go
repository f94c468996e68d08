package poller

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
)

// commit stores what a window brought, page by page, and holds it until the broker has it or the context ends.
//
// Pages that the window does not cover come first: rejected rows, and rows from outside the window, which the vendor may
// show. Were a covered page committed before them, a crash in between would lose them.
func (l *Line) commit(ctx context.Context, w Window, got *buffer) error {
	var total publish.Result
	began, rows, rejected := time.Now(), 0, 0
	days := w.Days()
	for day := range got.events {
		if !slices.Contains(days, day) {
			days = append([]string{day}, days...)
		}
	}
	for _, day := range days {
		if l.DayExcluded != nil && l.DayExcluded(day) { // the vendor counts both ends in, and a narrow window reaches back
			continue
		}
		result, err := l.commitPage(ctx, w.Reason, day, got)
		if err != nil {
			return err
		}
		total, rows = total.Add(result), rows+len(got.eventsOf(day))
		if day == checkpoint.RejectedDay {
			rejected = result.Stored
		}
	}
	l.rejects.stored(got, rejected, total.Stored)
	known := max(0, rows-total.Stored) // where the broker has lost what a try had stored, the next one stores it again
	if l.OnStored != nil {
		l.OnStored(StoredWindow{Window: w, Result: total, Known: known, Route: saveris.Route(got.cover.Route), Rows: got.rows, Rejected: rejected})
	}
	l.Log.Info("window stored", "reason", w.Reason, "from", w.From, "until", w.Until, "route", got.cover.Route,
		"rows", got.rows, "stored", total.Stored, "known", known, "corrections", total.Corrections,
		"rejected", rejected, "conflicts", total.Conflicts, "fetch", got.took.Round(time.Millisecond), "commit", time.Since(began).Round(time.Millisecond))
	return nil
}

// commitPage commits what was read of one day, and tries again until it is stored: rows that were fetched are not fetched again
// because of an outage of the broker.
func (l *Line) commitPage(ctx context.Context, why Reason, day string, got *buffer) (publish.Result, error) {
	events := got.sorted(day)
	cover, err := coverOf(day, got.cover)
	if err != nil {
		return publish.Result{}, err
	}
	var result publish.Result
	err = l.retry(ctx, func() error {
		l.step(Commits, 0)
		more, err := l.Writer.CommitFor(ctx, string(why), day, events, cover)
		result = result.Add(more)
		if errors.Is(err, checkpoint.ErrIndex) { // no outage: let other windows go on
			return backoff.Permanent(err)
		}
		return err
	})
	return result, err
}

// coverOf is the part of the interval that lies on the day; nil where there is none.
func coverOf(day string, interval checkpoint.Interval) (*checkpoint.Interval, error) {
	if day == checkpoint.RejectedDay {
		return nil, nil
	}
	span, err := checkpoint.DaySpan(day)
	if err != nil {
		return nil, err
	}
	part := interval.Span().Cut(span.From, span.Until)
	if part.Empty() {
		return nil, nil
	}
	interval.From, interval.Until = part.From, part.Until
	return &interval, nil
}
