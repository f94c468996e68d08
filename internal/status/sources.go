package status

import (
	"context"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/lease"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/tail"
)

// followBucket follows a KV bucket. A watcher of the client would need rights that nothing else of the bridge does. What
// changes makes stale true, where that is not nil.
func followBucket[T any](b *Board, name string, into *bucket[T], stale *bool) *tail.Follow {
	spoil := func() {
		b.dirty = true
		if stale != nil {
			*stale = true
		}
	}
	return &tail.Follow{
		Stream: publish.BucketStream(name), Filters: []string{"$KV." + name + ".>"},
		Begin: func(_ context.Context, stream jetstream.Stream, _ bool) (jetstream.OrderedConsumerConfig, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			into.begin(stream.CachedInfo().Config.MaxAge)
			return jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy}, nil
		},
		Each:     func(m tail.Message) error { into.take(m); spoil(); return nil },
		Complete: func() { into.complete(); spoil() },
	}
}

// followLeases follows who polls. The lease of a bridge that has died is gone, but the stream knows when its last message came.
func (b *Board) followLeases() *tail.Follow {
	f := followBucket(b, b.config.Names.Leases(), b.leases, nil)
	begin, each := f.Begin, f.Each
	var ahead time.Duration // of our clock, before the server's
	heard := func(at time.Time) {
		if at = at.Add(ahead); at.After(b.heard) {
			b.heard = at
		}
	}
	f.Begin = func(ctx context.Context, stream jetstream.Stream, again bool) (jetstream.OrderedConsumerConfig, error) {
		info := stream.CachedInfo()
		b.mu.Lock()
		ahead = time.Since(info.TimeStamp)
		if last := info.State.LastTime; info.State.LastSeq > 0 && !last.IsZero() { // it may be of a backfill's lease
			heard(last)
		}
		b.mu.Unlock()
		return begin(ctx, stream, again)
	}
	f.Each = func(m tail.Message) error {
		if strings.HasSuffix(m.Subject(), "."+lease.Leader) {
			heard(m.At)
		}
		return each(m)
	}
	return f
}

// followEvents follows the events of a feed.
func (b *Board) followEvents(feed schema.Feed) *tail.Follow {
	switch feed {
	case schema.Alarms:
		return b.followAlarms()
	case schema.Tasks:
		return b.followLive(feed, b.takeTask)
	}
	return b.followLive(feed, b.takeReading)
}

// followLive follows the live events of a feed. Take gets what stands behind the lane in the subject.
func (b *Board) followLive(feed schema.Feed, take func(key string, m tail.Message)) *tail.Follow {
	all := b.config.Names.Prefix + "." + string(feed) + "."
	lane := all + string(schema.Live) + "."
	f := &tail.Follow{Stream: b.config.Names.Stream(feed)}
	f.Filters = []string{lane + ">"}
	f.Begin = func(ctx context.Context, stream jetstream.Stream, _ bool) (jetstream.OrderedConsumerConfig, error) {
		if last, err := tail.Last(ctx, stream, all+">"); err == nil && last.Msg != nil { // all may be of the past
			attributes, _ := last.Event()
			b.mu.Lock()
			b.feeds[feed].heard(timeOf(attributes), last.At)
			b.mu.Unlock()
		}
		last, err := tail.Last(ctx, stream, lane+">")
		if err != nil {
			return jetstream.OrderedConsumerConfig{}, err
		}
		return bounded(ctx, stream, lane+">", startAt(last.At.Add(-b.config.History)), last.Seq, b.most)
	}
	f.Each = func(m tail.Message) error { take(m.Subject()[len(lane):], m); return nil }
	return f
}

// mostRead is how many live readings a board begins with at most. While a bridge catches up, minutes hold a million.
const mostRead = 100_000

// bounded begins later than config where that would be more than most, so that what is read ends with the sequence last.
func bounded(ctx context.Context, stream jetstream.Stream, subject string, config jetstream.OrderedConsumerConfig, last, most uint64) (jetstream.OrderedConsumerConfig, error) {
	try := config
	try.FilterSubjects = []string{subject}
	if n, err := pending(ctx, stream, try); err != nil || n <= most {
		return config, err
	}
	return jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: last - most + 1}, nil
}

// pending returns how many messages a consumer would begin with.
func pending(ctx context.Context, stream jetstream.Stream, config jetstream.OrderedConsumerConfig) (uint64, error) {
	config.MaxResetAttempts, config.InactiveThreshold = 1, tail.ConsumerIdle
	consumer, err := stream.OrderedConsumer(ctx, config)
	if err != nil {
		return 0, err
	}
	defer tail.Drop(stream, consumer)
	return consumer.CachedInfo().NumPending, nil
}

// since begins with what was stored since a moment; with all if that is long ago.
func since(from func(context.Context, jetstream.Stream) (time.Time, error)) func(context.Context, jetstream.Stream, bool) (jetstream.OrderedConsumerConfig, error) {
	return func(ctx context.Context, stream jetstream.Stream, _ bool) (jetstream.OrderedConsumerConfig, error) {
		at, err := from(ctx, stream)
		return startAt(at), err
	}
}

func startAt(at time.Time) jetstream.OrderedConsumerConfig {
	if at.Year() < 2000 {
		return jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy}
	}
	return jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &at}
}

// followRejects follows rejected rows: all of them while they are few, otherwise those of the last day.
func (b *Board) followRejects(name schema.Feed) *tail.Follow {
	subject := b.config.Names.Prefix + ".rejected." + string(name)
	return &tail.Follow{
		Stream: b.config.Names.Stream(name), Filters: []string{subject},
		Begin: since(func(ctx context.Context, stream jetstream.Stream) (time.Time, error) {
			info, err := stream.Info(ctx, jetstream.WithSubjectFilter(subject))
			if err != nil || info.State.Subjects[subject] <= fewRejects {
				return time.Time{}, err
			}
			return time.Now().Add(-rejectAge), nil
		}),
		Each: func(m tail.Message) error {
			attributes, data := m.Event()
			if attributes["id"] == "" {
				return nil // somebody else's
			}
			read := timeOf(attributes)
			if read.IsZero() {
				read = m.At
			}
			b.feeds[name].rejects.take(attributes["id"], read, data)
			return nil
		},
	}
}

// timeOf returns the time of an event, zero where it has none.
func timeOf(attributes map[string]string) time.Time {
	at, err := time.Parse(time.RFC3339, attributes["time"])
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

func (b *Board) takeReading(key string, m tail.Message) {
	if read, ok := b.sensors.take(key, m.Data()); ok {
		f := b.feeds[schema.Readings]
		f.heard(read.MeasuredAt, m.At)
		if !read.Received.IsZero() {
			f.delays.add(read.MeasuredAt, read.Received, m.At)
		}
	}
}

func (b *Board) takeTask(_ string, m tail.Message) {
	attributes, data := m.Event()
	at, f := timeOf(attributes), b.feeds[schema.Tasks]
	if at.IsZero() {
		return // somebody else's
	}
	f.heard(at, m.At)
	if processed := schema.TaskProcessedAt(data); !processed.IsZero() && attributes["revises"] == "" {
		f.delays.add(at, processed, m.At)
	}
}

// heard takes note of an event's time, unless a device's clock is wrong: it would hide for years that nothing comes any more.
func (f *feed) heard(at, stored time.Time) {
	if at.After(f.newest) && at.Before(stored.Add(schema.ClockAhead)) {
		f.newest = at
	}
}
