package poller

import (
	"context"
	"slices"

	"saveris-bridge/internal/checkpoint"
)

// notice finds out why something is a gap again that has been read: what retention has removed is not read for ever, what
// the broker has lost is read again.
func (b *Backlog) notice(ctx context.Context, piece checkpoint.Span, covered []checkpoint.Interval) error {
	if b.Removed == nil {
		return nil
	}
	var again []checkpoint.Span
	for _, gap := range checkpoint.Gaps(covered, piece.From, piece.Until) {
		for _, done := range b.done {
			if part := done.Cut(gap.From, gap.Until); !part.Empty() {
				again = append(again, part)
			}
		}
	}
	if len(again) == 0 {
		return nil
	}
	removed, err := b.Removed(ctx, piece)
	if err != nil {
		return err
	}
	for _, day := range removed { // those that were gone before are not of this backfill's doing
		if slices.ContainsFunc(again, func(s checkpoint.Span) bool { return !s.Cut(day.From, day.Until).Empty() }) {
			b.Excluded = append(b.Excluded, Exclusion{day, ErrRemoved})
		}
	}
	if !b.Again {
		b.done = CutOut(b.done, again...)
	}
	return nil
}
