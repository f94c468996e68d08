package poller

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v4"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// Line carries the rows of one feed from the vendor to the stream. It serves one goroutine.
type Line struct {
	Name   string // in its Steps
	Source *saveris.Client
	Writer *publish.Writer
	Log    *slog.Logger
	// MaxWait bounds the wait between two tries.
	MaxWait time.Duration
	Pool    Pool // where rows become events; lines may share one
	// OnStored is called for every window that was stored; may be nil.
	OnStored func(StoredWindow)
	// OnStep is called whenever the line goes on; may be nil.
	OnStep func(Step)
	// Interval is how long a plan waits at most before it looks again.
	Interval time.Duration
	// AskedSince is from when on the answer may have been asked for that a process before this one has left; zero = any time.
	AskedSince time.Time
	// Hint returns what a person can do about an error, "" where nothing is known; nil = nothing is.
	Hint func(error) string
	// DayExcluded reports whether nothing is to be stored on a day; nil = no day.
	DayExcluded func(day string) bool

	gate     *gate // of the feed, shared by its lines; nil = what the vendor refuses is refused for good
	rejects  rejects
	refusals saveris.Refusals
	doing    Doing
	unready  Window // whose export was not ready in time; empty if the last one's was
	overdue  overdue
}

// Run carries one window after the other until the plan ends, the context ends (its error is returned) or the vendor
// refuses the login for good (saveris.ErrRefused). Everything else is tried again for ever.
func (l *Line) Run(ctx context.Context, plan Plan) error {
	defer l.step(Ends, 0)
	for {
		err := l.retry(ctx, func() error {
			w, err := l.next(ctx, plan)
			if err != nil {
				return err
			}
			if l.gate != nil {
				if waited, err := l.gate.pass(ctx, func(left time.Duration) { l.step(Retries, left) }); waited || err != nil {
					return err // the window is stale
				}
			}
			return l.Carry(ctx, plan, w)
		})
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// next returns the window whose export was not ready, as long as there is one: any other would make the vendor prepare a
// second one for the same rows. Else it asks the plan.
func (l *Line) next(ctx context.Context, plan Plan) (Window, error) {
	if !l.unready.Empty() {
		return l.unready, nil
	}
	l.step(Plans, l.Interval)
	return plan.Next(ctx)
}

// clock is the vendor's. A plan asks for it whenever it looks for something to do, so that is a step.
func (l *Line) clock(ctx context.Context) (time.Time, error) {
	l.step(Plans, l.Interval)
	return l.Source.Now(ctx)
}

// retry tries until it succeeds or fails for good: the context or the plan has ended, or the vendor refuses the login.
func (l *Line) retry(ctx context.Context, try func() error) error {
	return backoff.RetryNotify(func() error {
		err := try()
		var other *publish.AnotherAccount
		switch {
		case err != nil && ctx.Err() != nil:
			return backoff.Permanent(ctx.Err())
		case errors.As(err, &other):
			return backoff.Permanent(err)
		case l.gate != nil && errors.Is(err, saveris.ErrForbidden): // the gate judges
		case errors.Is(err, saveris.ErrRefused), l.gate == nil && errors.Is(err, saveris.ErrRetired):
			if l.refusals.Confirm(err) {
				return backoff.Permanent(err)
			}
		case errors.Is(err, io.EOF):
			return backoff.Permanent(err)
		case err == nil:
			l.refusals.Confirm(nil)
		}
		return err
	}, backoff.WithContext(l.pause(), ctx), func(err error, d time.Duration) {
		l.failed(err, d)
		level := slog.LevelWarn
		if errors.Is(err, publish.ErrDisconnected) || errors.Is(err, saveris.ErrNotReady) {
			level = slog.LevelDebug // logged once, when the connection went, or when the export was overdue
		}
		if lasting(err) || errors.Is(err, publish.ErrUnfit) || errors.Is(err, saveris.ErrNotUnderstood) || errors.Is(err, saveris.ErrAddress) {
			level = slog.LevelError // waiting alone will not heal it
		}
		if l.gate != nil && l.gate.closed(err) {
			level = slog.LevelDebug // logged once, when it closed
		}
		log := l.Log
		if l.Hint != nil {
			if advice := l.Hint(err); advice != "" {
				log = log.With("hint", advice)
			}
		}
		log.Log(ctx, level, "retrying", "wait", d, "err", err)
	})
}

// pause spaces tries out, for ever. Its own limit of a quarter of an hour is switched off.
func (l *Line) pause() *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(min(time.Second, l.MaxWait)), backoff.WithMultiplier(2),
		backoff.WithMaxInterval(l.MaxWait), backoff.WithMaxElapsedTime(0))
}

// Carry reads one window and commits it. A window that the vendor cannot prepare in one piece is carried in two halves,
// the newer one first; a half that has been committed stays so. A window whose export is not ready is not done:
// it is still under way.
func (l *Line) Carry(ctx context.Context, plan Plan, w Window) error {
	read, rows, err := l.readAndCommit(ctx, w)
	if l.unready = (Window{}); errors.Is(err, saveris.ErrNotReady) {
		l.unready = w
		return err
	}
	plan.Done(read, rows, err)
	if errors.Is(err, saveris.ErrTooLarge) && w.divisible() {
		for _, half := range w.halves() {
			if err := l.Carry(ctx, plan, half); err != nil {
				return err
			}
		}
		return nil
	}
	return err
}

// readAndCommit carries a window as it is, and returns it with what was noted of it.
func (l *Line) readAndCommit(ctx context.Context, w Window) (read Window, rows int, err error) {
	got, err := l.fetch(ctx, w)
	if err != nil {
		return w, 0, err
	}
	defer l.Pool.release(got)
	began := time.Now()
	err = l.commit(ctx, w, got)
	w.AskedAt, w.Storing = got.cover.ReadAt, time.Since(began)
	return w, got.rows, err
}

func (w Window) divisible() bool { return w.Width() >= 2*minWindow }

// halves parts a window at a whole second, newer half first.
func (w Window) halves() [2]Window {
	middle := whole(w.From.Add(w.Width() / 2))
	older, newer := w, w
	older.Until, newer.From = middle, middle
	return [2]Window{newer, older}
}

// fetch reads a window's rows and makes events of them. The buffer that it returns has to be released.
func (l *Line) fetch(ctx context.Context, w Window) (*buffer, error) {
	l.step(Fetches, 0)
	readAt, err := l.Source.Now(ctx)
	if err != nil {
		return nil, err
	}
	got, err := l.read(ctx, w, readAt)
	if l.gate != nil && ctx.Err() == nil {
		l.gate.learn(err)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s from %s until %s: %w", l.Writer.Feed, w.From.Format(time.RFC3339), w.Until.Format(time.RFC3339), err)
	}
	if err := l.rejects.check(l.Writer.Feed, got); err != nil {
		l.Pool.release(got)
		return nil, err
	}
	return got, nil
}

// read is one attempt: it has the vendor prepare the rows, and waits for room before it reads them.
func (l *Line) read(ctx context.Context, w Window, readAt time.Time) (*buffer, error) {
	feed, began := schema.VendorFeed(l.Writer.Feed), time.Now()
	result, err := l.Source.Prepare(ctx, saveris.Query{
		Feed: feed, From: w.From, Until: w.Until, Background: w.Background, AskedSince: l.AskedSince,
		OnQueue: l.queued, OnNotReady: func(since time.Time) { l.exportNotReady(ctx, w, since) },
	})
	if err != nil {
		return nil, err
	}
	defer result.Close()
	prepared := time.Now()
	got, err := l.Pool.acquire(ctx, func() { l.step(Waits, 0) })
	if err != nil {
		return nil, err
	}
	l.step(Fetches, 0)
	waited := time.Since(prepared)
	_, err = result.Rows(ctx, func(row *saveris.Row) error {
		event := got.maker.Event(row, schema.Window(w.Span), readAt)
		if event.Rejected && !row.Of(feed) {
			got.unread = append(got.unread, event.ID)
		}
		if got.add(event); got.rows%manyRows == 0 {
			l.step(Fetches, 0)
		}
		return nil
	})
	if err != nil {
		l.Pool.release(got)
		return nil, err
	}
	got.cover = checkpoint.Interval{From: w.From, Until: w.Until, ReadAt: result.AskedAt.UTC(), Route: string(result.Route)}
	if got.cover.Until.After(got.cover.ReadAt) { // his clock was ahead when the window was planned
		got.cover.Until = whole(got.cover.ReadAt)
	}
	got.took = time.Since(began) - waited
	return got, nil
}
