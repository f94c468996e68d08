package checkpoint

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/schema"
)

// Stream reads a stream: the pages of one feed (records, index messages and events), and whatever stands on other subjects. It may be
// used by many goroutines.
type Stream struct {
	// OnForeign is called with somebody else's message whenever it is passed over, by many goroutines; nil = not at all.
	OnForeign func(ForeignMessage)
	// OnForeignAnswer is called when somebody else has answered a request to JetStream, which counts for nothing; likewise.
	OnForeignAnswer func(subject string, answer []byte)

	js     jetstream.JetStream
	name   string // of the stream
	prefix string // first subject token
	feed   string

	fetchTime time.Duration
}

// NewStream names where a feed's pages live.
func NewStream(js jetstream.JetStream, name, prefix, feed string) *Stream {
	return &Stream{js: js, name: name, prefix: prefix, feed: feed, fetchTime: fetchTime}
}

// RecordSubject is where the records of a day of a feed stand.
func RecordSubject(prefix, feed, day string) string {
	return prefix + ".checkpoints." + feed + "." + day
}

// IndexSubject is where the index messages of a day of a feed stand.
func IndexSubject(prefix, feed, day string) string { return prefix + ".index." + feed + "." + day }

// RecordSubject is where the records of a day stand.
func (s *Stream) RecordSubject(day string) string { return RecordSubject(s.prefix, s.feed, day) }

// IndexSubject is where the index messages of a day stand.
func (s *Stream) IndexSubject(day string) string { return IndexSubject(s.prefix, s.feed, day) }

// Head is the newest record of a page and where it stands in its stream; a zero Seq says that there is none.
type Head struct {
	Record
	Seq uint64
	// Last is the sequence of the last message on the record's subject, which a commit has to expect: Seq, unless somebody else's
	// message stands behind the record. It may be set where there is no record.
	Last uint64
}

// lastRecord reads a day's newest record.
func (s *Stream) lastRecord(ctx context.Context, day string) (p Head, err error) {
	m, last, err := s.newest(ctx, s.RecordSubject(day))
	p.Seq, p.Last = m.Seq, last
	if err == nil && m.Seq > 0 {
		p.Record, err = ParseRecord(m.Data)
	}
	if err != nil {
		return Head{}, fmt.Errorf("read record %s.%s: %w", s.feed, day, err)
	}
	return p, nil
}

// Newest returns the record that was stored last, of whichever day.
func (s *Stream) Newest(ctx context.Context) (Head, error) {
	m, last, err := s.newest(ctx, s.RecordSubject(">"))
	var record Record
	switch {
	case err == nil && m.Seq == 0:
		return Head{}, nil
	case err == nil && last != m.Seq: // somebody else's may stand on another subject
		return s.lastRecord(ctx, s.dayOf(m.Subject))
	case err == nil:
		record, err = ParseRecord(m.Data)
	}
	if err != nil {
		return Head{}, fmt.Errorf("read the newest record of %s: %w", s.name, err)
	}
	return Head{record, m.Seq, last}, nil
}

// Holds reports whether a record still stands where it was read.
func (s *Stream) Holds(ctx context.Context, p Head) (bool, error) {
	m, err := s.message(ctx, map[string]any{"seq": p.Seq})
	if err != nil || m.Subject != s.RecordSubject(p.Day) { // where a stream was made anew it may be any message
		return false, err
	}
	record, err := ParseRecord(m.Data)
	return err == nil && record.Batch == p.Batch, nil
}

// Batch is what was stored at once for a day.
type Batch struct {
	Account string    // of whoever stored it
	Entries []Entry   // of its events
	At      time.Time // of the last one that is no correction and happened before the moment that was asked for; zero if none did
}

// LastBatch returns the batch with events that was stored last for a day, nil if there is none.
func (s *Stream) LastBatch(ctx context.Context, day string, before time.Time) (*Batch, error) {
	index, _, err := s.newest(ctx, s.IndexSubject(day))
	if err != nil || index.Seq == 0 {
		return nil, err
	}
	stored, err := s.RecordAt(ctx, index.Seq+1)
	if err != nil {
		return nil, err
	}
	record, err := ParseRecord(stored.Data)
	if err != nil { // somebody has removed it
		return nil, nil
	}
	b := &Batch{Account: record.Account}
	if b.Entries, err = Entries(index.Data); err != nil {
		return nil, fmt.Errorf("sequence %d: %w", index.Seq, err)
	}
	for n := range uint64(len(b.Entries)) {
		m, err := s.message(ctx, map[string]any{"seq": index.Seq - 1 - n})
		if err != nil {
			return nil, err
		}
		event, err := schema.ReadStored(m.Header, m.Data)
		if err == nil && event.Day() == day && event.Revises == "" && event.Time.Before(before) {
			b.At = event.Time
			break
		}
	}
	return b, nil
}

// days names the days that have a record, in no order.
func (s *Stream) days(ctx context.Context) ([]string, error) {
	days, err := s.Recorded(ctx)
	return slices.DeleteFunc(days, func(day string) bool { return day == RejectedDay }), err
}

// Oldest returns the sequence of the stream's first message: what stood before it was removed by retention.
func (s *Stream) Oldest(ctx context.Context) (uint64, error) {
	state, err := s.state(ctx)
	return state.FirstSeq, err
}
