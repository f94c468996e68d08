package publish

import (
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// Batch is one that the stream holds, with which Options.OnStored is called.
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

// noteStored counts what a batch has stored, and calls OnStored.
func (w *Writer) noteStored(b *batch, result *Result) {
	result.Stored += len(b.events)
	if b.again {
		result.Repaired += len(b.events)
	}
	for i := range b.events {
		if b.events[i].Correction() {
			result.Corrections++
		}
	}
	if w.OnStored != nil {
		w.OnStored(Batch{Events: b.events, For: b.why, Made: b.now, Took: time.Since(b.begun), liveAge: b.liveAge})
	}
}

// stored is a batch's record where the stream has given it a sequence.
func (b *batch) stored(seq uint64) checkpoint.RecordMessage {
	return checkpoint.RecordMessage{Day: b.record.Day, Seq: seq, Data: b.data}
}

// noteRecord notes a batch's record, which the stream holds at a sequence, and at its end.
func (w *Writer) noteRecord(b *batch, seq uint64) { w.newest, w.soundUntil = b.stored(seq), seq }

// reportRecord ends a call: OnRecord is called with the newest record that was stored, if one was.
func (w *Writer) reportRecord() {
	if w.OnRecord != nil && w.newest.Seq > 0 {
		w.OnRecord(w.newest)
	}
	w.newest = checkpoint.RecordMessage{}
}
