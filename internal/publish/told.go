package publish

import (
	"errors"
	"slices"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/jsapi"
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

// ends notes a batch's record, which the stream holds at a sequence, and at its end.
func (w *Writer) ends(b *batch, seq uint64) { w.newest, w.whole = b.stored(seq), seq }

// handOver ends a call: it hands over the newest record that was stored, if one was.
func (w *Writer) handOver() {
	if w.OnRecord != nil && w.newest.Seq > 0 {
		w.OnRecord(w.newest)
	}
	w.newest = checkpoint.StoredRecord{}
}

// lost remembers a batch whose answer was lost, and returns the error. A conflict is an answer.
func (w *Writer) lost(b *batch, err error) error {
	if len(b.events) > 0 && !errors.Is(err, errConflict) && !jsapi.HasCode(err, jsapi.CodeManyBatches) {
		b.events = slices.Clone(b.events) // whoever gives the call up may fill the caller's anew
		w.unanswered = b
	}
	return err
}

// confirm counts the last batch whose answer was lost where its record is the newest one of the page: the stream holds it. That is
// looked at when its call is repeated. Where another record has been stored behind it by then, its events count as known.
func (w *Writer) confirm(page *checkpoint.Page, result *Result) {
	if b := w.unanswered; b != nil && b.owner == w.owner && b.record.Batch == page.Record.Batch {
		w.unanswered, w.newest = nil, b.stored(page.Seq)
		w.stored(b, result)
	}
}
