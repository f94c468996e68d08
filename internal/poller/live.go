package poller

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// Live polls one feed for ever: a line for the tail and, beside it, one for what lies behind it and one for what loggers
// deliver after an outage, so that a late re-read never delays a poll. All commit through one Writer.
type Live struct {
	Source *saveris.Client
	Writer *publish.Writer
	Maker  *schema.Maker // each pool has another one like it
	Log    *slog.Logger

	Interval time.Duration // between polls
	Overlap  time.Duration // how far a poll reaches back over what is covered
	Rows     int           // a window should hold
	Start    func(now time.Time) time.Time
	OnStored func(StoredWindow) // called for every window that was stored; may be nil, like OnStep
	OnStep   func(Step)         // called for every step of all lines
	Hint     func(error) string // see Line
	// Outages returns the outages of loggers that have ended; nil = none is known. One goroutine calls it.
	Outages func(ctx context.Context) ([]schema.Outage, error)
	// Comebacks are outages that the fleet has shown, beside those; nil = none is known.
	Comebacks *Comebacks

	Licence time.Duration // between two tries at a feed that the vendor refuses; 0 = an hour
	// OnRefusal is called with the reason when the vendor refuses the feed (saveris.ErrForbidden, saveris.ErrRetired), which is
	// asked for but rarely from then on, and with nil when he serves it again. nil = it is logged.
	OnRefusal func(err error)

	polled atomic.Int64
	gate   *gate
}

// maxWait bounds the wait between two tries at the vendor or the broker.
const maxWait = 30 * time.Second

// Run polls until the context ends (its error is returned) or the vendor refuses the login for good. What he refuses of this
// feed alone it asks for again: every hour where a licence is missing, every ten minutes where the endpoint is retired.
func (l *Live) Run(ctx context.Context) error {
	l.gate = &gate{changed: l.refused, licence: l.Licence}
	maker := l.Maker.Another
	mark := &watermark{writer: l.Writer}
	if err := l.begin(ctx, mark); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		line := l.line(TailLine, NewPool(1, maker))
		return line.Run(ctx, &Tail{
			Interval: l.Interval, Overlap: l.Overlap, Now: line.clock, Covered: l.Writer.Covered, Since: mark.begin, OnPoll: func(at time.Time) { l.polled.Store(at.UnixNano()) },
		})
	})
	pool := NewPool(1, maker) // for one window of those that can wait
	group.Go(func() error {
		line := l.line(FillLine, pool)
		return line.Run(ctx, &Fill{
			Ages: l.Writer.Ages, Interval: l.Interval, Rows: l.Rows, Now: line.clock, Covered: l.Writer.Covered, Watermark: mark,
		})
	})
	if l.Outages != nil {
		group.Go(func() error {
			line := l.line(OutageLine, pool)
			return line.Run(ctx, &AfterOutage{
				Ages: l.Writer.Ages, Interval: l.Interval, Rows: l.Rows, Now: line.clock, Covered: l.Writer.Kept, Outages: l.outages,
			})
		})
	}
	return group.Wait()
}

// LastPoll is when the last poll that was stored began, by our clock; the zero time before the first one.
func (l *Live) LastPoll() time.Time {
	if at := l.polled.Load(); at > 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

// refused reports that the vendor refuses the feed, or with nil that he serves it again.
func (l *Live) refused(err error) {
	switch {
	case l.OnRefusal != nil:
		l.OnRefusal(err)
	case err != nil:
		l.Log.Error("the vendor refuses this feed", "err", err)
	default:
		l.Log.Info("the vendor serves this feed again")
	}
}

func (l *Live) line(name string, pool Pool) *Line {
	return &Line{
		Name: name, Source: l.Source, Pool: pool, Writer: l.Writer, Log: l.Log,
		MaxWait: min(maxWait, l.Interval), Interval: l.Interval, OnStored: l.OnStored, OnStep: l.OnStep, Hint: l.Hint, gate: l.gate,
		refusals: saveris.Refusals{Worked: true},
	}
}

// begin finds out from when on the feed is answered for. The first run decides it, and every record says so from then on:
// were it only remembered here, a first run that was stopped before it had caught up would leave a gap for ever.
func (l *Live) begin(ctx context.Context, mark *watermark) error {
	line := l.line(TailLine, nil)      // it reads no rows
	line.refusals = saveris.Refusals{} // nothing is known of the login yet
	err := line.retry(ctx, func() error {
		now, err := line.clock(ctx)
		if err != nil {
			return err
		}
		var since time.Time
		var found bool
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return l.Writer.Ready(ctx) })
		group.Go(func() (err error) {
			since, found, err = l.Writer.LowWatermark(ctx, checkpoint.Span{Until: now})
			return err
		})
		if err := group.Wait(); err != nil {
			return err
		}
		if !found {
			since = whole(l.Start(now))
		}
		mark.begin = since
		l.Writer.SetLowWatermark(since)
		return nil
	})
	if err == nil {
		l.Log.Info("feed begins", "since", mark.begin, "interval", l.Interval)
	}
	return err
}
