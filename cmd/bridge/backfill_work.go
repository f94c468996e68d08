package main

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
func (b *backfill) work(ctx context.Context) error {
	type pair struct {
		worker *poller.Backfill
		leases *lease.Leases // nil where it gets along without
	}
	var pairs []pair
	for _, f := range b.feeds {
		for _, tried := range b.leases[f.feed] {
			leases, err := b.leasesOf(ctx, f, tried)
			if err != nil {
				return err
			}
			pairs = append(pairs, pair{b.worker(f), leases})
		}
	}
	lease, end := context.WithCancel(ctx)
	defer end()
	var keeping, working errgroup.Group
	var given atomic.Bool // a feed was filled
	for _, p := range pairs {
		if p.leases != nil {
			p.worker.Leases = p.leases
			keeping.Go(func() error { p.leases.Keep(lease); return nil })
		}
		working.Go(func() error {
			err := p.worker.Run(ctx)
			if err == nil {
				given.Store(true)
			}
			return err
		})
	}
	err := working.Wait()
	end()
	if errors.Is(err, saveris.ErrForbidden) && given.Load() {
		err = errors.New(err.Error()) // of one feed: the others are filled
	}
	return errors.Join(err, keeping.Wait())
}

// leasesOf waits for the leases of a worker. A worker that is alone gets along without them.
func (b *backfill) leasesOf(ctx context.Context, f *backfillFeed, tried func() (*lease.Leases, error)) (*lease.Leases, error) {
	l, err := tried()
	switch {
	case err == nil:
		return l, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case b.options.Workers > 1:
		return nil, fmt.Errorf("%w: %w", natsconn.ErrUnusable, err)
	}
	f.log.Warn("days are not shared with other workers, which may read them too", "err", err)
	return nil, nil
}

func (b *backfill) worker(f *backfillFeed) *poller.Backfill {
	s := b.settings
	writer := b.pipe.Writer(f.feed, b.vendor, backfillPages)
	writer.OnRecord, writer.OnForeign, writer.OnStranger = f.view.Show, f.foreign.OnMessage, f.foreign.OnAnswer
	if writer.Repair = b.options.Repair; writer.Repair {
		writer.Altered = b.lost.alteredIn(f.feed)
	}
	return &poller.Backfill{
		Span: b.span, Source: b.vendor, Writer: writer, Log: f.log, Again: b.options.Repair,
		Maker:   func() *schema.Maker { return b.pipe.Maker(f.feed) },
		Exports: s.SaverisExports, Rows: s.WindowRows, Interval: s.PollInterval,
		Without: f.without, ReadSince: b.readSince, Stored: b.state.stored, Hint: pipeline.FeedHint,
		Yields: func(late time.Duration) func() { return b.yields(f, late) },
	}
}

// yields says once, and not for each line of each worker, that live polling goes first.
func (b *backfill) yields(f *backfillFeed, late time.Duration) (ended func()) {
	first, ended := b.state.yields(f.feed)
	if first {
		f.log.Info("live polling is late, waiting", "late", late.Round(time.Second))
	}
	return ended
}
