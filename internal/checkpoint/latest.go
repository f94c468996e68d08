package checkpoint

import (
	"context"
	"fmt"
	"math"

	"github.com/nats-io/nats.go/jetstream"
)

// Latest calls each with the newest of the bridge's events on every subject of the feed, oldest first. Last is the sequence of
// the last message on that subject, whosever it is; where none of them is the bridge's, the event has no Seq. A stream that
// does not exist is an error. An error of each ends it and is returned as it is.
func (s *Stream) Latest(ctx context.Context, each func(e StoredEvent, last uint64) error) error {
	return s.LastOn(ctx, s.prefix+"."+s.feed+".>", func(e StoredEvent) error {
		last := e.Seq
		if !s.Own(e) {
			m, _, err := s.newest(ctx, e.Subject)
			if err != nil {
				return fmt.Errorf("read %s: %w", s.name, err)
			}
			m.Subject = e.Subject
			e = m
		}
		return each(e, last)
	})
}

// LastOn calls each with the last message on every subject that a filter takes, whosever it is, oldest first. A message that was
// stored meanwhile may come behind the one before it on its subject.
func (s *Stream) LastOn(ctx context.Context, filter string, each func(StoredEvent) error) error {
	return s.LastOnAny(ctx, []string{filter}, each)
}

// LastOnAny is LastOn for filters of which none takes what another one does.
func (s *Stream) LastOnAny(ctx context.Context, filters []string, each func(StoredEvent) error) error {
	config := jetstream.ConsumerConfig{FilterSubjects: filters, DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy}
	return s.consume(ctx, config, Seqs{0, math.MaxUint64}, func(m scanned) error {
		return each(m.StoredEvent)
	})
}

// NewestEvent returns the newest of the bridge's events on a subject, which may have wildcards, without a Seq where there is
// none. It asks the stream's leader.
func (s *Stream) NewestEvent(ctx context.Context, subject string) (StoredEvent, error) {
	e, _, err := s.NewestOn(ctx, subject)
	return e, err
}

// NewestOn is NewestEvent, and returns the sequence of the last message there as well, whosever it is.
func (s *Stream) NewestOn(ctx context.Context, subject string) (e StoredEvent, last uint64, err error) {
	m, last, err := s.newest(ctx, subject)
	e, err = s.asEvent(m, err)
	return e, last, err
}

// EventAt returns the bridge's event that stands at a sequence, without a Seq where anything else stands there, or nothing.
// It asks the stream's leader.
func (s *Stream) EventAt(ctx context.Context, seq uint64) (StoredEvent, error) {
	m, err := s.message(ctx, map[string]any{"seq": seq})
	if kind, _ := s.kindOf(m.Subject); err == nil && (kind != "event" || !s.Own(m)) {
		return StoredEvent{}, nil
	}
	return s.asEvent(m, err)
}

func (s *Stream) asEvent(m StoredEvent, err error) (StoredEvent, error) {
	if err != nil {
		return StoredEvent{}, fmt.Errorf("read an event of %s: %w", s.name, err)
	}
	return m, nil
}
