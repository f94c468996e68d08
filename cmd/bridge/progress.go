package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/schollz/progressbar/v3"

	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/schema"
)

// progress counts what a backfill has done. It may be used by many goroutines.
type progress struct {
	mu sync.Mutex
	schema.Backfill
	began time.Time
	first float64       // covered when it began, -1 while nobody knows
	width time.Duration // of the windows that this process has stored
	back  int           // events that this process has put back

	yielding map[schema.Feed]int // lines that let live polling go first
}

func newProgress(state schema.Backfill) *progress {
	return &progress{Backfill: state, began: time.Now(), first: -1, yielding: map[schema.Feed]int{}}
}

func (p *progress) stored(w poller.Stored) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Windows++
	p.width += w.Width()
	p.Rows += w.Rows
	p.Stored += w.Result.Stored
	p.back += w.Result.Repaired
}

func (p *progress) failed(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := printable.Text(err.Error())
	p.Error = &text
}

// cover takes over how much of the range is covered, by whomever.
func (p *progress) cover(share float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first < 0 {
		p.first = share
	}
	p.Covered = share
}

// coverOwn takes over what this process has read of so much time.
func (p *progress) coverOwn(all time.Duration) {
	p.mu.Lock()
	width := p.width
	p.mu.Unlock()
	p.cover(min(1, float64(width)/float64(all)))
}

func (p *progress) covered() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.Covered
}

// putBack is how many events this process has put back.
func (p *progress) putBack() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.back
}

// yields notes that a line of a feed lets live polling go first, until what it gives is called. It tells whether this is the
// first line of the feed that does.
func (p *progress) yields(feed schema.Feed) (first bool, ended func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.yielding[feed]++
	return p.yielding[feed] == 1, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.yielding[feed]--; p.yielding[feed] == 0 {
			delete(p.yielding, feed)
		}
	}
}

// now returns the state as it is to be told in a phase.
func (p *progress) now(phase schema.Phase) schema.Backfill {
	p.mu.Lock()
	defer p.mu.Unlock()
	state, took := p.Backfill, time.Since(p.began).Seconds()
	state.Phase = phase
	if took > 0 {
		state.RowsPerS = float64(int(float64(p.Rows) / took))
	}
	if gained := p.Covered - p.first; gained > 0 && phase == schema.BackfillProgress && len(p.yielding) == 0 { // else who knows
		eta := float64(int(took / gained * (1 - p.Covered)))
		state.ETA = &eta
	}
	return state
}

// The pace at which a backfill is measured, shown and told.
const (
	measureEvery = 5 * time.Second
	showEvery    = 500 * time.Millisecond
)

// report measures, shows and tells how it goes until ctx ends.
func (b *backfill) report(ctx context.Context) {
	b.measure(ctx)
	measure, show := time.NewTicker(measureEvery), time.NewTicker(showEvery)
	defer measure.Stop()
	defer show.Stop()
	for {
		select {
		case <-show.C:
			b.bar.show(b.state.now(schema.BackfillProgress))
		case <-measure.C:
			b.measure(ctx)
			b.say(ctx, schema.BackfillProgress)
		case <-ctx.Done():
			return
		}
	}
}

// measure finds out how much of the range is covered: the stream knows, but for what is read again, where joined intervals
// hide it.
func (b *backfill) measure(ctx context.Context) {
	if b.options.Reread || b.options.Repair {
		all := time.Duration(len(b.feeds)) * b.span.Width()
		if b.options.Repair {
			all = max(b.lost.width, 1)
		}
		b.state.coverOwn(all)
		return
	}
	var all, covered time.Duration
	for _, f := range b.feeds {
		intervals, err := f.reader.Covered(ctx, b.span)
		if err != nil {
			return // the next time will tell
		}
		all += b.span.Width()
		for _, iv := range intervals {
			covered += iv.Span().Width()
		}
		for _, removed := range f.without {
			covered += removed.Cut(b.span.From, b.span.Until).Width()
		}
	}
	b.state.cover(float64(covered) / float64(all))
}

// say tells others how it goes.
func (b *backfill) say(ctx context.Context, phase schema.Phase) {
	state := b.state.now(phase)
	if phase != schema.BackfillProgress || !b.bar.shown() {
		b.log.Info("backfill "+string(phase), "id", state.ID, "windows", state.Windows, "rows", state.Rows, "stored", state.Stored,
			"rows_per_second", state.RowsPerS, "covered", fmt.Sprintf("%.1f %%", 100*state.Covered), "eta", eta(state))
	}
	if b.tell == nil {
		return
	}
	err := natsconn.Refusal(b.pipe.JS.Conn(), b.tell.Tell(ctx, state))
	if err != nil && ctx.Err() == nil {
		b.log.Warn("the progress of the backfill cannot be published", "err", err)
	}
	if errors.Is(err, nats.ErrPermissionViolation) {
		b.tell = nil
	}
}

func eta(state schema.Backfill) string {
	if state.ETA == nil {
		return "unknown"
	}
	return (time.Duration(*state.ETA) * time.Second).String()
}

func (b *backfill) summary() string {
	state := b.state.now(schema.BackfillFinished)
	if state.Windows == 0 {
		return fmt.Sprintf("covered already: from %s until %s, nothing was read", state.From.Format(time.RFC3339), state.Until.Format(time.RFC3339))
	}
	return fmt.Sprintf("covered: from %s until %s, %d windows, %d rows read, %d stored, %d known, in %v (%.0f rows/s)",
		state.From.Format(time.RFC3339), state.Until.Format(time.RFC3339), state.Windows, state.Rows, state.Stored,
		state.Rows-state.Stored, time.Since(b.state.began).Round(10*time.Millisecond), state.RowsPerS)
}

// bar is a progress bar on a terminal; elsewhere it shows nothing.
type bar struct {
	mu  sync.Mutex
	bar *progressbar.ProgressBar
}

func newBar(out io.Writer) *bar {
	if !isTerminal(out) {
		return &bar{}
	}
	return &bar{bar: progressbar.NewOptions(1000, progressbar.OptionSetWriter(out), progressbar.OptionSetWidth(24),
		progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false), progressbar.OptionUseANSICodes(true))}
}

func (b *bar) shown() bool { return b.bar != nil }

func (b *bar) show(state schema.Backfill) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar == nil {
		return
	}
	b.bar.Describe(fmt.Sprintf("%d rows, %.0f rows/s, ETA %s", state.Rows, state.RowsPerS, eta(state)))
	_ = b.bar.Set(min(999, int(1000*state.Covered))) // 1000 would end it
}

func (b *bar) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		_ = b.bar.Clear()
	}
}

// beside returns a writer for lines that stand above the bar.
func (b *bar) beside(out io.Writer) io.Writer {
	if b.bar == nil {
		return out
	}
	return &besideBar{b, out}
}

type besideBar struct {
	bar *bar
	out io.Writer
}

func (w *besideBar) Write(line []byte) (int, error) {
	w.bar.clear()
	return w.out.Write(line)
}
