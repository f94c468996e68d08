package publish

import (
	"context"
	"errors"
	"fmt"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// A broker that loses its tail may lose it in the middle of a batch: then the stream ends with events that no index lists,
// or with an index that no record follows. Read again from the vendor those events would be stored twice. So before a
// writer's first commit, and before the first one after every reconnect, the end of the stream is looked at, and a torn
// batch is finished: the index and the record that it lacks are written, under the expectation that nothing else has been
// stored since.

// Ready looks at the stream's end and finishes a torn batch, which a first commit would have to do otherwise.
func (w *Writer) Ready(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.finishTorn(ctx); err != nil {
		return w.mend(ctx, err)
	}
	return nil
}

// finishTorn finishes a torn batch at the stream's end, if there is one.
func (w *Writer) finishTorn(ctx context.Context) error {
	connection := w.js.Conn().Stats().Reconnects + 1
	if connection == w.looked {
		return nil
	}
	for {
		torn, err := w.book.Torn(ctx)
		if err != nil {
			return err
		}
		if torn == nil {
			w.looked = connection
			return nil
		}
		if err = w.fits(ctx); err == nil {
			err = w.finish(ctx, torn)
		}
		if err != nil && !errors.Is(err, errConflict) { // a conflict: it was another writer's batch on its way
			return fmt.Errorf("finish torn batch at sequence %d: %w", torn.Last, err)
		}
	}
}

func (w *Writer) finish(ctx context.Context, torn *checkpoint.Torn) error {
	entries, day := torn.Index, torn.Day
	for _, message := range torn.Events {
		event, err := schema.ReadStored(message.Header, message.Data)
		if err != nil {
			return err
		}
		entries, day = append(entries, checkpoint.NewEntry(event.ID, event.Check)), event.Day()
	}
	page, err := w.page(ctx, day)
	if err != nil {
		return err
	}
	news := checkpoint.News{Entries: entries, Again: torn.Again || len(torn.Events) > 0 && page.Holds(entries)}
	b, err := w.batch(page.Last, w.following(page.Record, news, len(entries), nil))
	if err != nil {
		return err
	}
	b.tail, b.again = torn.Last, news.Again
	if len(torn.Events) > 0 {
		b.entries = entries
	}
	seq, err := w.send.send(ctx, b)
	if err != nil {
		return err
	}
	page.Stored(entries, b.record, seq)
	w.newest = b.stored(seq)
	w.handOver()
	return nil
}
