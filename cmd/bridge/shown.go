package main

import (
	"context"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// claimed shows a record by which the prefix was claimed.
func (b *backfill) claimed(feed schema.Feed, r checkpoint.StoredRecord) {
	for _, f := range b.feeds {
		if f.feed == feed {
			f.view.Show(r)
		}
	}
}

// shown runs work, and has the checkpoints of what it stores shown.
func (b *backfill) shown(ctx context.Context, work func(context.Context) error) error {
	for _, f := range b.feeds {
		inner := work
		work = func(ctx context.Context) error { return f.view.Keep(ctx, inner) }
	}
	return work(ctx)
}
