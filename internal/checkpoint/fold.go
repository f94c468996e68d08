package checkpoint

import (
	"context"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Since is where a reader of a stream begins: at a moment of storing, or at a sequence where there is none.
type Since struct {
	At  time.Time
	Seq uint64
}

// EventsOn calls each with the messages on a subject of the feed's events, which may have wildcards, from somewhere on and before a
// sequence, oldest first, whosever they are. An error of each ends it and is returned as it is.
func (s *Stream) EventsOn(ctx context.Context, filter string, from Since, until uint64, each func(StoredEvent) error) error {
	return s.EventsOnAny(ctx, []string{filter}, from, until, each)
}

// EventsOnAny is EventsOn for subjects of which none takes what another one does.
func (s *Stream) EventsOnAny(ctx context.Context, filters []string, from Since, until uint64, each func(StoredEvent) error) error {
	if until <= max(from.Seq, 1) {
		return nil
	}
	config := jetstream.ConsumerConfig{FilterSubjects: filters, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(from.Seq, 1)}
	if !from.At.IsZero() {
		config.DeliverPolicy, config.OptStartSeq, config.OptStartTime = jetstream.DeliverByStartTimePolicy, 0, &from.At
	}
	return s.consume(ctx, config, Seqs{from.Seq, until}, func(m scanned) error {
		return each(StoredEvent{m.seq, m.subject, m.header, m.data, m.at})
	})
}

// Stands reports whether the message of a position, if it is one, is still there: else the stream is another one or has lost its tail.
func (s *Stream) Stands(ctx context.Context, p Position) (bool, error) { return s.stands(ctx, p) }

// EventSubject is the filter for all of the feed's events.
func (s *Stream) EventSubject() string { return s.prefix + "." + s.feed + ".>" }

// MessageAt returns the message that stands at a sequence, whosever it is, without a Seq where there is none. It asks the stream's leader.
func (s *Stream) MessageAt(ctx context.Context, seq uint64) (StoredEvent, error) {
	return s.asEvent(s.message(ctx, map[string]any{"seq": seq}))
}

// joined is up to how many messages between the events of two batches are read along with them.
const joined = 2000

// EventsOfDays returns where the events stand that are of a UTC day or a later one, by the index messages that were stored from
// somewhere on and before a sequence, oldest first. Others may stand between them.
func (s *Stream) EventsOfDays(ctx context.Context, day string, from Since, until uint64) (list []Seqs, err error) {
	config := jetstream.ConsumerConfig{
		FilterSubjects: []string{s.IndexSubject(">")}, HeadersOnly: true, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(from.Seq, 1),
	}
	if !from.At.IsZero() {
		config.DeliverPolicy, config.OptStartSeq, config.OptStartTime = jetstream.DeliverByStartTimePolicy, 0, &from.At
	}
	err = s.consume(ctx, config, Seqs{from.Seq, until}, func(m scanned) error {
		_, of := s.kindOf(m.subject)
		size, err := strconv.ParseUint(m.header.Get(nats.MsgSize), 10, 32)
		if err != nil || of == RejectedDay || !isDay(of) || of < day || foreignIndex(m.header, size, m.seq) != "" {
			return nil
		}
		at := Seqs{m.seq - size/EntrySize, m.seq}
		if n := len(list); n > 0 && at.From <= list[n-1].Until+joined {
			list[n-1].Until = at.Until
		} else {
			list = append(list, at)
		}
		return nil
	})
	return list, err
}
