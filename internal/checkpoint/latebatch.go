package checkpoint

import (
	"context"
	"time"
)

// LateBatch is a batch that holds events which the records count as late.
type LateBatch struct {
	Seqs               // of its events
	Covered []Interval // of the day before the batch
}

// IsLate reports whether an event of the batch that is no correction is late, as the function Late counts them. The arrival is when
// the vendor received its row, or when it was stored where it does not say.
func (b LateBatch) IsLate(at, arrival time.Time) bool {
	if arrival.Sub(at) <= Settled {
		return false
	}
	for _, iv := range b.Covered {
		if !at.Before(iv.From) && at.Before(iv.Until) {
			return true
		}
	}
	return false
}

// LateBatches reads all records of a day and returns the batches whose record counts more late events than the one before it, in
// the order of the stream. What retention has removed is left out.
func (s *Stream) LateBatches(ctx context.Context, day string) (late []LateBatch, err error) {
	state, err := s.state(ctx)
	if err != nil {
		return nil, err
	}
	var last Record
	err = s.scan(ctx, Seqs{state.FirstSeq, state.LastSeq + 1}, []string{s.RecordSubject(day)}, false, func(m scanned) error {
		if !s.Own(m.StoredEvent) {
			return nil
		}
		record, err := ParseRecord(m.Data)
		if err != nil {
			return err
		}
		if n := record.Rows - last.Rows; record.Late > last.Late && last.Version > 0 && record.Rows > last.Rows && n+1 < m.Seq {
			late = append(late, LateBatch{Seqs{m.Seq - 1 - n, m.Seq - 1}, last.Covered})
		}
		last = record
		return nil
	})
	return late, err
}
