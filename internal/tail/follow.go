package tail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/sleep"
)

// Follow hands out what a stream stores, in its order, until it is stopped: it outlives a lost connection to NATS, and the
// stream being removed or created anew. One goroutine may run it.
type Follow struct {
	Stream  string
	Filters []string // subjects
	// Begin returns where to begin in a stream that was not followed before. Again: it took the place of one that was.
	Begin func(ctx context.Context, stream jetstream.Stream, again bool) (jetstream.OrderedConsumerConfig, error)
	// Each gets every message once. Its error ends the following.
	Each func(Message) error
	// Complete is called when all has been handed out that was there at the beginning, or when there is no stream. May be nil.
	Complete func()
	// Failed is called before each new try, unless it is nil. Its error ends the following.
	Failed func(error) error

	// MaxConsumers is how many consumers the account allows of a stream; 0 = any number.
	MaxConsumers int

	Timings Timings

	created time.Time     // of the stream that is followed
	next    atomic.Uint64 // sequence from which to go on, 0 = where Begin returns
	last    time.Time     // when the last message was stored
	again   bool          // that message is asked for once more, to see that it is still there
	lost    bool          // it is not: the stream has lost its tail
}

// Message is a message as a stream holds it.
type Message struct {
	jetstream.Msg
	Seq uint64
	At  time.Time // when NATS stored it
}

// Event returns the attributes and the data of an event; none of a message that holds none.
func (m Message) Event() (attributes map[string]string, data []byte) {
	attributes, data, _ = schema.Unwrap(m.Headers(), m.Data())
	return attributes, data
}

// Timings are how long following waits. Zero is the default.
type Timings struct {
	Pause time.Duration // between tries; default 1s
	Look  time.Duration // between looks whether the stream is still the one that is followed; default 5s
}

func (t Timings) pause() time.Duration { return cmp.Or(t.Pause, time.Second) }
func (t Timings) look() time.Duration  { return cmp.Or(t.Look, 5*time.Second) }

const (
	followAnswer = 5 * time.Second
	// ConsumerIdle is how long the server keeps the consumer of somebody who has gone.
	ConsumerIdle = 30 * time.Second
)

// Run follows until ctx ends, or Each or Failed returns an error, and returns the reason.
func (f *Follow) Run(ctx context.Context, js jetstream.JetStream) error {
	for {
		err := f.once(ctx, js)
		var refused *eachError
		switch {
		case errors.As(err, &refused):
			return refused.error
		case ctx.Err() != nil:
			return ctx.Err()
		case f.Failed != nil:
			if err := f.Failed(fmt.Errorf("follow %s: %w", f.Stream, err)); err != nil {
				return err
			}
		}
		if err := sleep.For(ctx, f.Timings.pause()); err != nil {
			return err
		}
	}
}

// eachError is one of Each.
type eachError struct{ error }

func (e *eachError) Unwrap() error { return e.error }

func (f *Follow) complete() {
	if f.Complete != nil {
		f.Complete()
	}
}

// once follows until something is in the way.
func (f *Follow) once(ctx context.Context, js jetstream.JetStream) error {
	stream, err := f.stream(ctx, js)
	if err != nil {
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			f.complete()
		}
		return err
	}
	config, err := f.config(ctx, stream)
	if err != nil {
		return err
	}
	consumer, err := stream.OrderedConsumer(ctx, config)
	if err != nil {
		return err
	}
	defer Drop(stream, consumer)
	if err := f.room(ctx, stream); err != nil {
		return err
	}
	messages, err := consumer.Messages(asked(consumer)...)
	if err != nil {
		return err
	}
	defer messages.Stop()
	group, both := errgroup.WithContext(ctx)
	group.Go(func() error { return f.guard(both, js) })
	group.Go(func() error { return f.read(both, messages, consumer.CachedInfo().NumPending) })
	return group.Wait()
}

// errCrowded: a stream has no consumer left for somebody who only looks.
var errCrowded = errors.New("the stream has as many consumers as it may (max_consumers), but for those of the bridge that stores")

// room fails where the consumer that has been made for the following is one of the last that the stream may have.
func (f *Follow) room(ctx context.Context, stream jetstream.Stream) error {
	most := publish.MostConsumers(stream.CachedInfo().Config, f.MaxConsumers)
	if most == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, followAnswer)
	defer cancel()
	info, err := stream.Info(ctx)
	if err == nil && info.State.Consumers > max(1, most-publish.SpareConsumers) {
		err = errCrowded
	}
	return err
}

// Drop has the server forget a consumer, which it would do by itself after ConsumerIdle.
func Drop(stream jetstream.Stream, consumer jetstream.Consumer) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if info := consumer.CachedInfo(); info != nil {
		_ = stream.DeleteConsumer(ctx, info.Name)
	}
}

// asked keeps to the number of messages that the server lets a consumer ask for at once.
func asked(consumer jetstream.Consumer) []jetstream.PullMessagesOpt {
	if most := consumer.CachedInfo().Config.MaxRequestBatch; most > 0 && most < jetstream.DefaultMaxMessages {
		return []jetstream.PullMessagesOpt{jetstream.PullMaxMessages(most)}
	}
	return nil
}

// config returns where to go on, or to begin.
func (f *Follow) config(ctx context.Context, stream jetstream.Stream) (config jetstream.OrderedConsumerConfig, err error) {
	info := stream.CachedInfo()
	known := f.created.Equal(info.Created)
	defer func() { f.lost = false }()
	f.again = false
	switch next := f.next.Load(); {
	case known && (next > info.State.LastSeq+1 || next == 1 || f.lost): // others have the sequences, and are stored later
		from := f.last.Add(1)
		config = jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &from}
		f.next.Store(min(next, info.State.LastSeq+1))
	case known && next > 0:
		config = jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: next - 1}
		f.again = true
	default:
		config, err = f.Begin(ctx, stream, !f.created.IsZero() && !known)
		f.next.Store(0)
	}
	f.created = info.Created
	config.FilterSubjects = f.Filters
	config.MaxResetAttempts = 1 // this try ends then, and the next one looks at the stream first
	config.InactiveThreshold = ConsumerIdle
	return config, err
}

// read hands out messages, of which so many were there before.
func (f *Follow) read(ctx context.Context, messages jetstream.MessagesContext, before uint64) error {
	if before == 0 {
		f.complete()
	}
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		if f.again {
			f.again = false
			if f.lost = meta.Sequence.Stream+1 != f.next.Load() || !meta.Timestamp.Equal(f.last); f.lost {
				return errAnother
			}
		} else if err := f.Each(Message{msg, meta.Sequence.Stream, meta.Timestamp.UTC()}); err != nil {
			return &eachError{err}
		}
		f.next.Store(meta.Sequence.Stream + 1)
		f.last = meta.Timestamp
		if before > 0 {
			if before--; before == 0 || meta.NumPending == 0 {
				before = 0
				f.complete()
			}
		}
	}
}

// errAnother: the stream is not the one that was followed, or has lost its tail.
var errAnother = errors.New("the stream was made anew")

// guard ends the following when the stream has gone or is another one: an ordered consumer would go on behind the old
// one's last sequence.
func (f *Follow) guard(ctx context.Context, js jetstream.JetStream) error {
	created := f.created
	tick := time.NewTicker(f.Timings.look())
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		behind := f.next.Load() // before looking: what comes meanwhile makes the stream longer
		stream, err := f.stream(ctx, js)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return err
		}
		if err != nil { // nothing is known of the stream
			continue
		}
		if info := stream.CachedInfo(); !info.Created.Equal(created) || info.State.LastSeq+1 < behind {
			return errAnother
		}
	}
}

func (f *Follow) stream(ctx context.Context, js jetstream.JetStream) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, followAnswer)
	defer cancel()
	return js.Stream(ctx, f.Stream)
}

// Last returns the newest message that the stream holds on a subject, which may have wildcards; a zero one if there is
// none.
func Last(ctx context.Context, stream jetstream.Stream, subject string) (last Message, err error) {
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{subject}, DeliverPolicy: jetstream.DeliverLastPolicy, MaxResetAttempts: 1, InactiveThreshold: ConsumerIdle,
	})
	if err != nil {
		return last, err
	}
	defer func() { Drop(stream, consumer) }() // fetching may have made it anew
	batch, err := consumer.FetchNoWait(1)
	if err != nil {
		return last, err
	}
	for msg := range batch.Messages() {
		if meta, err := msg.Metadata(); err == nil {
			last = Message{msg, meta.Sequence.Stream, meta.Timestamp.UTC()}
		}
	}
	return last, batch.Error()
}
