package publish

import (
	"context"
	"fmt"

	"saveris-bridge/internal/checkpoint"
)

// An event that somebody has removed is known to its page, so whoever reads its row again stores nothing. A writer that
// repairs stores it once more: batches of such events have an index that lists them again, and a record that counts neither
// rows nor digest anew, but the repair. Like every batch they are fenced by the page's record, and what the index lists
// again is lacking no more: two that repair at once, or one that is killed and runs again, store nothing twice.

// repair stores those of a commit's events that the page knows and the stream lacks.
func (w *Writer) repair(ctx context.Context, page *checkpoint.Page, c *commitCall) error {
	if !w.Repair || len(c.events) == 0 {
		return nil
	}
	lacking, err := w.stream.Lacking(ctx, c.day)
	if err != nil || len(lacking) == 0 {
		return err
	}
	altered := func(lost checkpoint.Lacking, id string) {
		if w.OnAltered != nil {
			w.OnAltered(c.day, lost, id)
		}
	}
	return w.commitNews(ctx, page, c, checkpoint.Again(c.events, lacking, altered), nil)
}

// Lacking returns the events of a day that its index lists and the stream does not hold, as checkpoint.Stream does.
func (w *Writer) Lacking(ctx context.Context, day string) ([]checkpoint.Lacking, error) {
	lacking, err := w.stream.Lacking(ctx, day)
	if err != nil {
		return nil, w.diagnose(ctx, fmt.Errorf("look for what %s lacks: %w", w.Feed, err))
	}
	return lacking, nil
}
