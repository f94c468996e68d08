package backfill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/words"
)

// Forecast prints the windows that Run would read, or what a repair would put back, and changes nothing. It publishes nothing, and
// uses neither Workers nor Bar.
func Forecast(ctx context.Context, c Config) error {
	return pipeline.WithLogin(c.Vendor, foresee(ctx, c))
}

func foresee(ctx context.Context, c Config) error {
	vendor, now, err := pipeline.AskTime(ctx, pipeline.VendorConfig(c.Vendor, c.WindowRows))
	if err != nil {
		return err
	}
	span, err := c.span(now)
	if err != nil {
		return err
	}
	js, stop, err := pipeline.Read(ctx, c.NATS, c.Streams, c.Log)
	nothing := errors.Is(err, natsconn.ErrNothingStored)
	if err != nil && (!nothing || c.Repair) {
		return err
	}
	var pipe *pipeline.Pipeline
	if !nothing {
		defer stop()
		pipe = pipeline.New(c.Pipeline, js)
		if err := pipe.Proof(vendor, c.Log).Settle(ctx); err != nil {
			return err
		}
	}
	if c.Repair {
		j := &job{Config: c, span: span, vendor: vendor, pipe: pipe}
		return j.printLost(ctx)
	}
	for _, name := range pipeline.Feeds(c.Streams) {
		f := forecast{feed: name, span: span, gaps: []checkpoint.Span{span}}
		if !nothing {
			if err := f.look(ctx, pipe.Writer(name, vendor, days), now, c); err != nil {
				return err
			}
		}
		if err := f.print(c.Out, c.WindowRows); err != nil {
			return err
		}
	}
	return nil
}

// forecast is what a backfill of a feed would do.
type forecast struct {
	feed    schema.Feed
	span    checkpoint.Span
	gaps    []checkpoint.Span
	removed int     // days
	perHour float64 // rows stored so far, 0 = not known
}

// storedBefore is how far back before the range the stored days count for the rows of an hour.
const storedBefore = 30 * 24 * time.Hour

// look finds out what is covered, and how many rows an hour has as stored so far.
func (f *forecast) look(ctx context.Context, w *publish.Writer, now time.Time, c Config) error {
	covered, err := w.Covered(ctx, f.span)
	if err != nil {
		return err
	}
	if !c.Reread {
		f.gaps = checkpoint.Gaps(covered, f.span.From, f.span.Until)
	}
	if !c.Republish {
		removed, err := w.Removed(ctx, f.span)
		if err != nil {
			return err
		}
		f.removed = len(removed)
		f.gaps = poller.CutOut(f.gaps, removed...)
	}
	records, err := w.Records(ctx, checkpoint.Span{From: f.span.From.Add(-storedBefore), Until: now})
	if err != nil {
		return err
	}
	var rows uint64
	var width time.Duration
	for _, r := range records {
		rows += r.Rows
		for _, iv := range r.Covered {
			width += iv.Span().Width()
		}
	}
	if width > 0 {
		f.perHour = float64(rows) / width.Hours()
	}
	return nil
}

// storeRate is how many rows a second a broker on a small machine stores, see docs/benchmarks.md.
const storeRate = 40_000

func (f *forecast) print(out io.Writer, rows int) error {
	windows := poller.Forecast(f.gaps, rows, f.perHour)
	var open time.Duration
	for _, w := range windows {
		open += w.Width()
		if _, err := fmt.Fprintf(out, "%-8s  %s  %s  %v\n", f.feed, w.From.Format(time.RFC3339), w.Until.Format(time.RFC3339), w.Width()); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("%s: %s, %v of %v are not covered", f.feed, words.Count(len(windows), "window"), open, f.span.Width())
	if f.removed > 0 {
		text += fmt.Sprintf(", %d days that retention has removed are left alone (--republish)", f.removed)
	}
	switch {
	case len(windows) == 0:
	case f.perHour == 0:
		text += "; nothing is stored yet that would tell how many rows that is"
	default:
		n := f.perHour * open.Hours()
		text += fmt.Sprintf("; about %.0f rows, at %.0f an hour as stored so far, so %v at %d rows a second, and the vendor's time for %d exports",
			n, f.perHour, time.Duration(n/storeRate*float64(time.Second)).Round(time.Second), storeRate, len(windows))
	}
	_, err := fmt.Fprintln(out, text)
	return err
}
