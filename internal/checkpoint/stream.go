package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Stream reads the records and index messages of one feed. It may be used by many goroutines.
type Stream struct {
	js     jetstream.JetStream
	name   string // of the stream
	prefix string // first subject token
	feed   string
}

// NewStream names where a feed's pages live.
func NewStream(js jetstream.JetStream, name, prefix, feed string) *Stream {
	return &Stream{js, name, prefix, feed}
}

// RecordSubject is where the records of a day stand.
func (s *Stream) RecordSubject(day string) string {
	return s.prefix + ".checkpoints." + s.feed + "." + day
}

// IndexSubject is where the index messages of a day stand.
func (s *Stream) IndexSubject(day string) string { return s.prefix + ".index." + s.feed + "." + day }

// lastRecord reads a day's newest record and its sequence; a zero sequence says that there is none.
func (s *Stream) lastRecord(ctx context.Context, day string) (Record, uint64, error) {
	return s.record(ctx, day, map[string]any{"last_by_subj": s.RecordSubject(day)})
}

// recordAt reads the record of a day that stands at a sequence.
func (s *Stream) recordAt(ctx context.Context, day string, seq uint64) (Record, error) {
	record, _, err := s.record(ctx, day, map[string]any{"seq": seq})
	return record, err
}

func (s *Stream) record(ctx context.Context, day string, which map[string]any) (Record, uint64, error) {
	m, err := s.message(ctx, which)
	if err == nil && m.seq == 0 {
		return Record{}, 0, nil
	}
	var record Record
	if err == nil {
		record, err = ParseRecord(m.data)
	}
	if err == nil && (record.Feed != s.feed || record.Day != day) {
		err = fmt.Errorf("it speaks of %s.%s", record.Feed, record.Day)
	}
	if err != nil {
		return Record{}, 0, fmt.Errorf("read record %s.%s: %w", s.feed, day, err)
	}
	return record, m.seq, nil
}

// days names the days that have a record, in no order.
func (s *Stream) days(ctx context.Context) ([]string, error) {
	stream, err := s.js.Stream(ctx, s.name)
	if err != nil {
		return nil, fmt.Errorf("look up stream %s: %w", s.name, err)
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(s.RecordSubject("*")))
	if err != nil {
		return nil, fmt.Errorf("list days of %s: %w", s.name, err)
	}
	var days []string
	for subject := range info.State.Subjects {
		if day := subject[len(s.RecordSubject("")):]; day != RejectedDay {
			days = append(days, day)
		}
	}
	return days, nil
}

// fetchSize is how many index messages are asked for at once: 16 kB each at most.
const fetchSize = 256

// index is what a stretch of a day's index holds.
type index struct {
	entries []Entry // in the order of the stream
	first   uint64  // sequence of the first message, 0 if there is none
	size    int     // entries of the first message
}

// index reads a day's index messages with from <= sequence < until.
func (s *Stream) index(ctx context.Context, day string, from, until uint64) (found index, err error) {
	consumer, err := s.js.CreateConsumer(ctx, s.name, jetstream.ConsumerConfig{
		FilterSubject:     s.IndexSubject(day),
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       max(from, 1),
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: time.Minute,
	})
	if err != nil {
		return index{}, fmt.Errorf("read index %s.%s: %w", s.feed, day, err)
	}
	name := consumer.CachedInfo().Name
	defer func() {
		drop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = s.js.DeleteConsumer(drop, s.name, name) // the server drops it by itself a minute later
	}()
	for pending := consumer.CachedInfo().NumPending; pending > 0; {
		n, done, err := fetchEntries(ctx, consumer, min(pending, fetchSize), until, &found)
		if err != nil {
			return index{}, fmt.Errorf("read index %s.%s: %w", s.feed, day, err)
		}
		if done {
			break
		}
		pending -= n
	}
	return found, nil
}

// fetchEntries appends the entries of the next n messages; done says that until has been reached.
func fetchEntries(ctx context.Context, consumer jetstream.Consumer, n, until uint64, found *index) (got uint64, done bool, err error) {
	fetch, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	batch, err := consumer.Fetch(int(n), jetstream.FetchContext(fetch))
	if err != nil {
		return 0, false, err
	}
	for msg := range batch.Messages() {
		meta, err := msg.Metadata()
		if err != nil {
			return 0, false, err
		}
		if got++; meta.Sequence.Stream >= until {
			return got, true, nil
		}
		more, err := Entries(msg.Data())
		if err != nil {
			return 0, false, fmt.Errorf("sequence %d: %w", meta.Sequence.Stream, err)
		}
		if found.first == 0 {
			found.first, found.size = meta.Sequence.Stream, len(more)
		}
		found.entries = append(found.entries, more...)
	}
	if err := batch.Error(); err != nil && !errors.Is(err, nats.ErrTimeout) {
		return 0, false, err
	}
	if got < n {
		return 0, false, fmt.Errorf("%d of %d index messages came", got, n)
	}
	return got, false, nil
}
