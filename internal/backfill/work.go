package backfill

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"saveris-bridge/internal/lease"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// work runs the workers of all feeds.
func (j *job) work(ctx context.Context) error {
	type pair struct {
		worker *poller.Backfill
		leases *lease.Leases // nil where it gets along without
	}
	var pairs []pair
	for _, f := range j.feeds {
		for _, tried := range j.leases[f.name] {
			leases, err := j.leasesOf(ctx, f, tried)
			if err != nil {
				return err
			}
			pairs = append(pairs, pair{j.worker(f), leases})
		}
	}
	keep, end := context.WithCancel(ctx)
	defer end()
	var keeping, working errgroup.Group
	var filled atomic.Bool // a feed
	for _, p := range pairs {
		if p.leases != nil {
			p.worker.Leases = p.leases
			keeping.Go(func() error { p.leases.Keep(keep); return nil })
		}
		working.Go(func() error {
			err := p.worker.Run(ctx)
			if err == nil {
				filled.Store(true)
			}
			return err
		})
	}
	err := working.Wait()
	end()
	if errors.Is(err, saveris.ErrForbidden) && filled.Load() {
		err = errors.New(err.Error()) // of one feed: another is filled
	}
	return errors.Join(err, keeping.Wait())
}

// leasesOf waits for the leases of a worker. A worker that is alone gets along without them.
func (j *job) leasesOf(ctx context.Context, f *feed, tried func() (*lease.Leases, error)) (*lease.Leases, error) {
	l, err := tried()
	switch {
	case err == nil:
		return l, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case j.Workers > 1:
		return nil, fmt.Errorf("%w: %w", natsconn.ErrUnusable, err)
	}
	f.log.Warn("days are not shared with other workers, which may read them too", "err", err)
	return nil, nil
}

func (j *job) worker(f *feed) *poller.Backfill {
	writer := j.pipe.Writer(f.name, j.vendor, days)
	writer.OnRecord, writer.OnForeign, writer.OnForeignAnswer = f.view.Show, f.foreign.OnMessage, f.foreign.OnAnswer
	if writer.Repair = j.Repair; writer.Repair {
		writer.OnAltered = j.lost.alteredIn(f.name)
	}
	return &poller.Backfill{
		Span: j.span, Source: j.vendor, Writer: writer, Log: f.log, Again: j.Repair,
		Maker:   func() *schema.Maker { return j.pipe.Maker(f.name) },
		Exports: j.SaverisExports, Rows: j.WindowRows, Interval: j.PollInterval,
		Excluded: f.excluded, ReadSince: j.readSince, OnStored: j.state.stored, Hint: pipeline.PollHint,
		OnYield: func(late time.Duration) func() { return j.yields(f, late) },
	}
}

// yields logs once, and not for each line of each worker, that live polling goes first.
func (j *job) yields(f *feed, late time.Duration) (ended func()) {
	first, ended := j.state.yields(f.name)
	if first {
		f.log.Info("live polling is late, waiting", "late", late.Round(time.Second))
	}
	return ended
}
