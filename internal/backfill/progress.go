package backfill

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/words"
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

func (p *progress) stored(w poller.StoredWindow) {
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

// yields notes that a line of a feed lets live polling go first, until what it returns is called. It reports whether this is the
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

// now returns the state as it is to be published in a phase.
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

// How often a backfill is measured and published, and shown.
const (
	measureEvery = 5 * time.Second
	showEvery    = 500 * time.Millisecond
)

// report measures, shows and publishes how it goes until ctx ends.
func (j *job) report(ctx context.Context) {
	j.measure(ctx)
	measure, show := time.NewTicker(measureEvery), time.NewTicker(showEvery)
	defer measure.Stop()
	defer show.Stop()
	for {
		select {
		case <-show.C:
			if j.Bar != nil {
				j.Bar.Show(j.state.now(schema.BackfillProgress))
			}
		case <-measure.C:
			j.measure(ctx)
			j.publish(ctx, schema.BackfillProgress)
		case <-ctx.Done():
			return
		}
	}
}

func (j *job) clearBar() {
	if j.Bar != nil {
		j.Bar.Clear()
	}
}

// measure finds out how much of the range is covered: the stream knows, but for what is read again, where joined intervals
// hide it.
func (j *job) measure(ctx context.Context) {
	if j.Reread || j.Repair {
		all := time.Duration(len(j.feeds)) * j.span.Width()
		if j.Repair {
			all = max(j.lost.width, 1)
		}
		j.state.coverOwn(all)
		return
	}
	var all, covered time.Duration
	for _, f := range j.feeds {
		intervals, err := f.reader.Covered(ctx, j.span)
		if err != nil {
			return // until the next time
		}
		all += j.span.Width()
		for _, iv := range intervals {
			covered += iv.Span().Width()
		}
		for _, removed := range f.excluded {
			covered += removed.Cut(j.span.From, j.span.Until).Width()
		}
	}
	j.state.cover(float64(covered) / float64(all))
}

// publish publishes and logs how it goes.
func (j *job) publish(ctx context.Context, phase schema.Phase) {
	state := j.state.now(phase)
	if phase != schema.BackfillProgress || j.Bar == nil {
		j.Log.Info("backfill "+string(phase), "id", state.ID, "windows", state.Windows, "rows", state.Rows, "stored", state.Stored,
			"rows_per_second", state.RowsPerS, "covered", fmt.Sprintf("%.1f %%", 100*state.Covered), "eta", ETA(state))
	}
	if j.published == nil {
		return
	}
	err := natsconn.Refusal(j.pipe.JS.Conn(), j.published.Publish(ctx, state))
	if err != nil && ctx.Err() == nil {
		j.Log.Warn("the progress of the backfill cannot be published", "err", err)
	}
	if errors.Is(err, nats.ErrPermissionViolation) {
		j.published = nil
	}
}

// ETA returns how long the rest will take, for people.
func ETA(state schema.Backfill) string {
	if state.ETA == nil {
		return "unknown"
	}
	return (time.Duration(*state.ETA) * time.Second).String()
}

func (j *job) summary() string {
	state := j.state.now(schema.BackfillFinished)
	if state.Windows == 0 {
		return fmt.Sprintf("covered already: from %s until %s, nothing was read", state.From.Format(time.RFC3339), state.Until.Format(time.RFC3339))
	}
	return fmt.Sprintf("covered: from %s until %s, %s, %s read, %d stored, %d known, in %v (%.0f rows/s)",
		state.From.Format(time.RFC3339), state.Until.Format(time.RFC3339), words.Count(int(state.Windows), "window"), words.Count(int(state.Rows), "row"), state.Stored,
		state.Rows-state.Stored, time.Since(j.state.began).Round(10*time.Millisecond), state.RowsPerS)
}
