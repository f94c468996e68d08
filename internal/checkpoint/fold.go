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
		return each(m.StoredEvent)
	})
}

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
		_, of := s.kindOf(m.Subject)
		size, err := strconv.ParseUint(m.Header.Get(nats.MsgSize), 10, 32)
		if err != nil || of == RejectedDay || !isDay(of) || of < day || foreignIndex(m.Header, size, m.Seq) != "" {
			return nil
		}
		at := Seqs{m.Seq - size/EntrySize, m.Seq}
		if n := len(list); n > 0 && at.From <= list[n-1].Until+joined {
			list[n-1].Until = at.Until
		} else {
			list = append(list, at)
		}
		return nil
	})
	return list, err
}
