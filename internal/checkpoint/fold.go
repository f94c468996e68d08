package checkpoint

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Since is where a reader of a stream begins: at a moment of storing, or at a sequence where there is none.
type Since struct {
	At  time.Time
	Seq uint64
}

// EventsOn calls each with the messages on subjects of the feed's events, which a filter may have wildcards for, from somewhere on
// and before a sequence, oldest first, whosever they are. An error of each ends it and is returned as it is.
func (s *Stream) EventsOn(ctx context.Context, filter string, from Since, until uint64, each func(StoredEvent) error) error {
	if until <= max(from.Seq, 1) {
		return nil
	}
	config := jetstream.ConsumerConfig{FilterSubjects: []string{filter}, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(from.Seq, 1)}
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
