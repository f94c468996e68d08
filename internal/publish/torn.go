package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// A broker that loses its tail may lose it in the middle of a batch: then the stream ends with events that no index lists,
// or with an index that no record follows. Read again from the vendor those events would be stored twice. So before a
// writer's first commit, and before the first one after every reconnect, the end of the stream is looked at, and a torn
// batch is finished: the index and the record that it lacks are written, under the expectation that nothing else has been
// stored since.
//
// A connection need not be lost for that. A single nats-server checks a batch and then stores it message by message: where the
// stream's limits are lowered meanwhile, it stops halfway, and answers with the limit (2.15.3: processJetStreamAtomicBatchMsg). So
// the end is looked at, too, before a commit where the stream does not end with this writer's own record. And a batch that nobody
// has answered may be stopped so after that look, by what a lost connection still carries: the one that follows it expects the
// stream to end where it was looked at, as each record does that is stored alone.

// Ready looks at the stream's end and finishes a torn batch, which a first commit would have to do otherwise.
func (w *Writer) Ready(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.finishTorn(ctx); err != nil {
		return w.diagnose(ctx, err)
	}
	return nil
}

// finishTorn finishes a torn batch at the stream's end, if there is one, and reports whether there was. On a connection on which
// it has looked it does not look again.
func (w *Writer) finishTorn(ctx context.Context) (finished bool, err error) {
	connection := w.js.Conn().Stats().Reconnects + 1
	if connection == w.lookedOn {
		return false, nil
	}
	for ; ; finished = true {
		torn, last, err := w.book.Torn(ctx)
		if err != nil {
			return finished, err
		}
		if torn == nil {
			w.lookedOn, w.soundUntil = connection, last
			return finished, nil
		}
		if _, err = w.checkStream(ctx); err == nil {
			err = w.finish(ctx, torn)
		}
		if errors.Is(err, checkpoint.ErrIndex) && w.isUnreadable(torn) { // nothing more is stored on that day, so nothing twice
			w.book.PassTorn(torn, err)
			w.lookedOn, w.soundUntil = connection, last
			return finished, nil
		}
		if err != nil && !errors.Is(err, errConflict) { // a conflict: it was another writer's batch on its way
			return finished, fmt.Errorf("finish torn batch at sequence %d: %w", torn.Last, err)
		}
	}
}

// finishTornElsewhere finishes a torn batch of a stream that ended with the sequence last when this writer knew it to known, and
// reports whether there was one. It ends before that where it was made anew.
func (w *Writer) finishTornElsewhere(ctx context.Context, known, last uint64) (finished bool, err error) {
	if known <= last && last <= w.soundUntil { // what this writer has stored since
		return false, nil
	}
	return w.finishTornAnew(ctx)
}

// finishTornAnew finishes a torn batch, whether or not the end was looked at on this connection, and reports whether there was one.
func (w *Writer) finishTornAnew(ctx context.Context) (finished bool, err error) {
	w.lookedOn = 0
	return w.finishTorn(ctx)
}

// unreadableAfter is how long index and record of a torn batch's day have to disagree: a leader that was elected a moment ago may not
// have all of them yet, and what is passed over then would be stored again.
const unreadableAfter = time.Minute

// isUnreadable reports whether the day of a torn batch has been unreadable for so long that it will stay so.
func (w *Writer) isUnreadable(torn *checkpoint.Torn) bool {
	if w.tornAt != torn.End.Seq {
		w.tornAt, w.tornSince = torn.End.Seq, time.Now()
	}
	return time.Since(w.tornSince) > unreadableAfter
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
	page.Apply(entries, b.record, seq)
	w.noteRecord(b, seq)
	w.reportRecord()
	return nil
}
