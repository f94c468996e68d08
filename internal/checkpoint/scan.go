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

// StoredEvent is an event's message as it stands in the stream.
type StoredEvent struct {
	Seq     uint64
	Subject string // of the message
	Header  nats.Header
	Data    []byte
	At      time.Time // when it was stored; only EventsFrom says it
}

// Seqs are the half-open stream sequences [From, Until).
type Seqs struct{ From, Until uint64 }

// Len is how many sequences there are.
func (s Seqs) Len() uint64 { return s.Until - s.From }

// shortRun is up to how many messages are asked for one by one instead of through a consumer.
const shortRun = 3

// Events hands out the feed's events at these sequences, rejected rows among them, oldest first. What is not there, or is
// no event, is left out. An error of each ends it and is returned as it is. The header and data are each's to keep.
func (s *Stream) Events(ctx context.Context, at Seqs, each func(StoredEvent) error) error {
	if at.Len() > shortRun {
		return s.scan(ctx, at, nil, false, func(m jetstream.Msg, seq uint64) error { // with a filter on many subjects the server takes eight times as long
			if kind, _ := s.kindOf(m.Subject()); kind != "event" {
				return nil
			}
			return each(StoredEvent{Seq: seq, Subject: m.Subject(), Header: m.Headers(), Data: m.Data()})
		})
	}
	for seq := at.From; seq < at.Until; seq++ {
		m, err := s.message(ctx, map[string]any{"seq": seq})
		if err != nil {
			return fmt.Errorf("read %s at sequence %d: %w", s.name, seq, err)
		}
		if kind, _ := s.kindOf(m.subject); kind != "event" {
			continue
		}
		if err := each(StoredEvent{Seq: m.seq, Subject: m.subject, Header: m.header, Data: m.data}); err != nil {
			return err
		}
	}
	return nil
}

// Unlisted gives the sequences that no index message and no record accounts for, oldest first: what has been removed, and
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
	err = s.scan(ctx, Seqs{next, end}, []string{s.IndexSubject(">"), s.RecordSubject(">")}, true, func(m jetstream.Msg, seq uint64) error {
		first := seq
		if kind, _ := s.kindOf(m.Subject()); kind == "index" {
			size, err := strconv.ParseUint(m.Headers().Get(nats.MsgSize), 10, 32)
			if err != nil {
				return fmt.Errorf("size of the index at sequence %d: %w", seq, err)
			}
			first = seq - min(size/EntrySize, seq)
		}
		add(first)
		next = seq + 1
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

// fetchSize is how many messages are asked for at once: 16 kB each at most where it is the index that is read.
const fetchSize = 256

// EventsFrom hands out the feed's events from a sequence on, oldest first, and returns the sequence to go on from. Where that
// is 0, or the stream has lost its tail since, it hands out those that were stored since a moment. An error of each ends it
// and is returned as it is.
func (s *Stream) EventsFrom(ctx context.Context, next uint64, since time.Time, each func(StoredEvent) error) (uint64, error) {
	state, err := s.state(ctx)
	if err != nil || state.LastSeq+1 == next {
		return next, err
	}
	if state.LastSeq < next {
		next = 0
	}
	config := jetstream.ConsumerConfig{
		FilterSubjects: []string{s.prefix + "." + s.feed + ".>"}, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: next,
	}
	if next == 0 {
		config.DeliverPolicy, config.OptStartTime = jetstream.DeliverByStartTimePolicy, &since
	}
	end := state.LastSeq + 1
	err = s.consume(ctx, config, Seqs{next, end}, func(m jetstream.Msg, seq uint64) error {
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		return each(StoredEvent{seq, m.Subject(), m.Headers(), m.Data(), meta.Timestamp})
	})
	if err != nil {
		return next, err
	}
	return end, nil
}

// scan hands out the messages on subjects at these sequences, oldest first, or only their headers.
func (s *Stream) scan(ctx context.Context, at Seqs, subjects []string, headers bool, each func(m jetstream.Msg, seq uint64) error) error {
	if at.From >= at.Until {
		return nil
	}
	return s.consume(ctx, jetstream.ConsumerConfig{
		FilterSubjects: subjects, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(at.From, 1), HeadersOnly: headers,
	}, at, each)
}

// consume hands out what a consumer that is made for it delivers before the end of the sequences.
func (s *Stream) consume(ctx context.Context, config jetstream.ConsumerConfig, at Seqs, each func(m jetstream.Msg, seq uint64) error) error {
	config.AckPolicy, config.MemoryStorage, config.Replicas, config.InactiveThreshold = jetstream.AckNonePolicy, true, 1, time.Minute
	consumer, err := s.js.CreateConsumer(ctx, s.name, config)
	if err != nil {
		return fmt.Errorf("read stream %s: %w", s.name, err)
	}
	name := consumer.CachedInfo().Name
	defer func() {
		drop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = s.js.DeleteConsumer(drop, s.name, name) // the server drops it by itself a minute later
	}()
	for pending := consumer.CachedInfo().NumPending; pending > 0; {
		n, done, err := fetchMessages(ctx, consumer, min(pending, at.Len(), fetchSize), at.Until, each)
		if done || err != nil {
			return err
		}
		if n == 0 { // removed meanwhile, or the broker is away: what was read proves nothing
			return fmt.Errorf("read stream %s: %d messages did not come", s.name, pending)
		}
		pending -= n
	}
	return nil
}

// fetchMessages hands out the next n messages; done says that until has been reached.
func fetchMessages(ctx context.Context, consumer jetstream.Consumer, n, until uint64, each func(m jetstream.Msg, seq uint64) error) (got uint64, done bool, err error) {
	fetch, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	batch, err := consumer.Fetch(int(n), jetstream.FetchContext(fetch))
	if err != nil {
		return 0, false, err
	}
	for msg := range batch.Messages() {
		meta, err := msg.Metadata()
		if err != nil {
			return got, false, err
		}
		if got++; meta.Sequence.Stream >= until {
			return got, true, nil
		}
		if err := each(msg, meta.Sequence.Stream); err != nil {
			return got, false, err
		}
		done = meta.Sequence.Stream == until-1
	}
	if err := batch.Error(); err != nil && !errors.Is(err, nats.ErrTimeout) && !errors.Is(err, context.DeadlineExceeded) {
		return got, false, err
	}
	return got, done, ctx.Err()
}
