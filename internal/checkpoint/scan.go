package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// StoredEvent is an event's message as it stands in the stream, or whatever else stands there.
type StoredEvent struct {
	Seq     uint64 // 0: there is no such message
	Subject string // of the message
	Header  nats.Header
	Data    []byte
	At      time.Time // when it was stored
}

// Seqs are the half-open stream sequences [From, Until).
type Seqs struct{ From, Until uint64 }

// Len is how many sequences there are.
func (s Seqs) Len() uint64 { return s.Until - s.From }

// shortRun is up to how many messages are asked for one by one instead of through a consumer.
const shortRun = 3

// Events calls each with the feed's events at these sequences, rejected rows among them, oldest first. What is not there, or is
// no event, is left out. An error of each ends it and is returned as it is. The header and data are each's to keep.
func (s *Stream) Events(ctx context.Context, at Seqs, each func(StoredEvent) error) error {
	if at.Len() > shortRun {
		return s.scan(ctx, at, nil, false, func(m scanned) error { // with a filter on many subjects the server takes eight times as long
			if kind, _ := s.kindOf(m.Subject); kind != "event" {
				return nil
			}
			return each(m.StoredEvent)
		})
	}
	for seq := at.From; seq < at.Until; seq++ {
		m, err := s.message(ctx, map[string]any{"seq": seq})
		if err != nil {
			return fmt.Errorf("read %s at sequence %d: %w", s.name, seq, err)
		}
		if kind, _ := s.kindOf(m.Subject); kind != "event" {
			continue
		}
		if err := each(m); err != nil {
			return err
		}
	}
	return nil
}

// Unlisted returns the sequences that no index message and no record accounts for, oldest first: what has been removed, and
// what nobody may have stored. It reads the heads of all index messages and records, so it costs by the batch.
func (s *Stream) Unlisted(ctx context.Context) ([]Seqs, error) {
	state, err := s.state(ctx)
	if err != nil || state.Msgs == 0 {
		return nil, err
	}
	var gaps []Seqs
	next, end := state.FirstSeq, state.LastSeq+1
	add := func(until uint64) {
		if next < until {
			gaps = append(gaps, Seqs{next, until})
		}
	}
	err = s.scan(ctx, Seqs{next, end}, []string{s.IndexSubject(">"), s.RecordSubject(">")}, true, func(m scanned) error {
		first := m.Seq
		if kind, _ := s.kindOf(m.Subject); kind == "index" {
			size, err := strconv.ParseUint(m.Header.Get(nats.MsgSize), 10, 32)
			if err != nil || foreignIndex(m.Header, size, m.Seq) != "" { // somebody else may write that header too
				return nil
			}
			first = m.Seq - size/EntrySize
		}
		add(first)
		next = m.Seq + 1
		return nil
	})
	add(end)
	return gaps, err
}

func (s *Stream) state(ctx context.Context) (jetstream.StreamState, error) {
	info, err := s.Info(ctx)
	if err != nil {
		return jetstream.StreamState{}, err
	}
	return info.State, nil
}

// Position is a message that was the stream's last one, from which a reader goes on. The zero value is none.
type Position struct {
	Seq uint64
	At  time.Time // when it was stored; after the loss of a tail another message has the sequence
}

// EventsAfter calls each with the feed's events behind a position, oldest first, and returns the position to go on from. Where there
// is none, or the stream holds that message no more because it has lost its tail, it is called with those that were stored since a
// moment. A stream that does not exist has no events. An error of each ends it and is returned as it is.
func (s *Stream) EventsAfter(ctx context.Context, after Position, since time.Time, each func(StoredEvent) error) (Position, error) {
	return s.EventsOnAfter(ctx, s.prefix+"."+s.feed+".>", after, since, each)
}

// EventsOnAfter is EventsAfter for those of the feed's events that are on subjects which a filter takes.
func (s *Stream) EventsOnAfter(ctx context.Context, filter string, after Position, since time.Time, each func(StoredEvent) error) (Position, error) {
	state, err := s.state(ctx)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return after, nil
	}
	if err != nil {
		return after, err
	}
	end := Position{state.LastSeq, state.LastTime}
	if end == after {
		return after, nil
	}
	stands, err := s.Stands(ctx, after)
	if err != nil {
		return after, err
	}
	from := after.Seq + 1
	config := jetstream.ConsumerConfig{
		FilterSubjects: []string{filter}, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
	}
	if !stands {
		from = 0
		config.DeliverPolicy, config.OptStartSeq, config.OptStartTime = jetstream.DeliverByStartTimePolicy, 0, &since
	}
	err = s.consume(ctx, config, Seqs{from, end.Seq + 1}, func(m scanned) error {
		return each(m.StoredEvent)
	})
	if err != nil {
		return after, err
	}
	return end, nil
}

// Stands reports whether the message of a position, if it is one, is still there: else the stream is another one or has lost its tail.
func (s *Stream) Stands(ctx context.Context, p Position) (bool, error) {
	if p.Seq == 0 {
		return false, nil
	}
	m, err := s.message(ctx, map[string]any{"seq": p.Seq})
	if err != nil {
		return false, fmt.Errorf("read %s at sequence %d: %w", s.name, p.Seq, err)
	}
	return m.Seq == p.Seq && m.At.Equal(p.At), nil
}
