package publish

import (
	"context"
	"errors"
	"slices"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// Batch is one that the stream holds, as Options.Stored is told of it.
type Batch struct {
	Events []schema.Event // to be read until the call ends; none where it only covers
	For    string         // what they were read for, see CommitFor
	Made   time.Time      // the vendor's clock when it was made, which decided the lanes
	Took   time.Duration  // from its first message to the acknowledgement, or until it was found stored

	liveAge time.Duration
}

// Lane is the lane that an event of the batch has. Rejected rows have one here, and none in their subject.
func (b *Batch) Lane(e *schema.Event) schema.Lane { return laneOf(e, b.Made, b.liveAge) }

// laneOf is the lane of an event that is stored at a time.
func laneOf(e *schema.Event, now time.Time, liveAge time.Duration) schema.Lane {
	if now.Sub(e.Time) > liveAge {
		return schema.History
	}
	return schema.Live
}

// stored takes over into a result what a batch has stored, and tells it.
func (w *Writer) stored(b *batch, result *Result) {
	result.add(b)
	if w.Stored != nil {
		w.Stored(Batch{Events: b.events, For: b.why, Made: b.now, Took: time.Since(b.begun), liveAge: b.liveAge})
	}
}

// stored is a batch's record where the stream has given it a sequence.
func (b *batch) stored(seq uint64) checkpoint.StoredRecord {
	return checkpoint.StoredRecord{Day: b.record.Day, Seq: seq, Data: b.data}
}

// handOver ends a call: it hands over the newest record that was stored, if one was.
func (w *Writer) handOver() {
	if w.OnRecord != nil && w.newest.Seq > 0 {
		w.OnRecord(w.newest)
	}
	w.newest = checkpoint.StoredRecord{}
}

// doubt is a batch of which nobody has heard whether it was stored.
type doubt struct {
	batch *batch
	owner string // of the call that made it; that call is repeated until it succeeds
}

// maxDoubts bounds what is remembered of calls that were given up.
const maxDoubts = 64

// doubted remembers a batch whose answer was lost, and gives the error back. A conflict is an answer.
func (w *Writer) doubted(b *batch, err error) error {
	if len(b.events) == 0 || errors.Is(err, errConflict) || hasCode(err, codeManyBatches) {
		return err
	}
	b.events = slices.Clone(b.events) // the caller's may hold other events by the time that this is known
	if w.doubts = append(w.doubts, doubt{b, w.owner}); len(w.doubts) > maxDoubts {
		w.doubts = w.doubts[1:]
	}
	return err
}

// resolve finds out which batches of an earlier try of this call the stream holds after all. A batch stands right behind
// the record that it expected, so the record that follows that one tells; while none does, it may still come.
func (w *Writer) resolve(ctx context.Context, page *checkpoint.Page, result *Result) error {
	for i := 0; i < len(w.doubts); {
		d := w.doubts[i]
		if d.owner != w.owner || d.batch.record.Day != page.Record.Day || page.Seq <= d.batch.after {
			i++
			continue
		}
		next, err := w.book.After(ctx, page.Record.Day, d.batch.after)
		if err != nil {
			return err
		}
		if next.Batch == d.batch.record.Batch {
			w.stored(d.batch, result)
			if page.Record.Batch == next.Batch {
				w.newest = d.batch.stored(page.Seq)
			}
		}
		w.doubts = slices.Delete(w.doubts, i, i+1)
	}
	return nil
}
