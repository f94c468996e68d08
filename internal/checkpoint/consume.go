package checkpoint

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/sleep"
)

// Consumers of package jetstream take the first answer to a request for the server's, and whatever comes for a message. These
// know who has answered.

// scanned is a message that a consumer has delivered.
type scanned struct {
	storedMessage
	pending uint64 // messages that the consumer still has
}

// fetchSize is how many messages are asked for at once: 16 kB each at most where it is the index that is read.
const fetchSize = 256

// fetchTime bounds the wait for them.
const fetchTime = 10 * time.Second

// scan calls each with the messages on subjects at these sequences, oldest first, or only with their headers.
func (s *Stream) scan(ctx context.Context, at Seqs, subjects []string, headers bool, each func(m scanned) error) error {
	if at.From >= at.Until {
		return nil
	}
	return s.consume(ctx, jetstream.ConsumerConfig{
		FilterSubjects: subjects, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(at.From, 1), HeadersOnly: headers,
	}, at, each)
}

type consumerAnswer struct {
	jsapi.Answer
	Pending uint64 `json:"num_pending"`
	Config  struct {
		MaxBatch uint64 `json:"max_batch"` // that may be asked for at once, 0 = any: the server's max_request_batch
	} `json:"config"`
}

// consume calls each with what a consumer that is made for it delivers before the end of the sequences.
func (s *Stream) consume(ctx context.Context, config jetstream.ConsumerConfig, at Seqs, each func(m scanned) error) error {
	config.AckPolicy, config.MemoryStorage, config.Replicas, config.InactiveThreshold = jetstream.AckNonePolicy, true, 1, time.Minute
	config.Name = rand.Text()
	made, err := s.makeConsumer(ctx, config)
	if err != nil {
		return fmt.Errorf("read stream %s: %w", s.name, err)
	}
	defer func() {
		drop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = s.js.DeleteConsumer(drop, s.name, config.Name) // the server drops it by itself a minute later
	}()
	inbox := s.js.Conn().NewInbox()
	messages, err := s.js.Conn().SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer func() { _ = messages.Unsubscribe() }()             // of a connection that is closed: it has none any more
	if err := messages.SetPendingLimits(-1, -1); err != nil { // fetchSize is the limit
		return err
	}
	f := &fetcher{stream: s, consumer: config.Name, inbox: inbox, messages: messages}
	size := min(fetchSize, cmp.Or(made.Config.MaxBatch, fetchSize))
	for pending := made.Pending; pending > 0; {
		n, done, err := f.fetch(ctx, min(pending, at.Len(), size), at.Until, each)
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

// How often and how long in all a consumer is asked for that others leave no room for: they are kept for seconds.
const (
	consumerPause = 200 * time.Millisecond
	consumerWait  = 30 * time.Second
)

// makeConsumer waits for others where the stream has as many as it may.
func (s *Stream) makeConsumer(ctx context.Context, config jetstream.ConsumerConfig) (made consumerAnswer, err error) {
	for end := time.Now().Add(consumerWait); ; {
		made, err = jsapi.Ask[consumerAnswer](ctx, s.caller(), "CONSUMER.CREATE."+s.name+"."+config.Name, "consumer_create_response",
			map[string]any{"stream_name": s.name, "config": config, "action": "create"})
		if !errors.Is(err, jetstream.ErrMaximumConsumersLimit) || time.Now().After(end) {
			return made, err
		}
		if err := sleep.For(ctx, consumerPause); err != nil {
			return made, err
		}
	}
}

// fetcher asks for a consumer's messages.
type fetcher struct {
	stream   *Stream
	consumer string
	inbox    string
	messages *nats.Subscription
}

// fetch calls each with the next n messages; done reports that until has been reached.
func (f *fetcher) fetch(ctx context.Context, n, until uint64, each func(m scanned) error) (got uint64, done bool, err error) {
	wait, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	subject := jsapi.Subject(f.stream.js.Options(), "CONSUMER.MSG.NEXT."+f.stream.name+"."+f.consumer)
	text, _ := json.Marshal(map[string]any{"batch": n, "expires": fetchTime}) // numbers always marshal
	if err := f.stream.js.Conn().PublishRequest(subject, f.inbox, text); err != nil {
		return 0, false, err
	}
	for got < n {
		msg, err := f.messages.NextMsgWithContext(wait)
		if err != nil {
			if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
				break
			}
			return got, false, err
		}
		if msg.Reply == "" && msg.Header.Get("Status") != "" { // there are no more
			break
		}
		m, ours := f.ours(msg)
		if !ours {
			f.stream.stranger(subject, msg.Data)
			continue
		}
		if got++; m.seq >= until {
			return got, true, nil
		}
		if err := each(m); err != nil {
			return got, false, err
		}
		done = m.seq == until-1
	}
	return got, done, ctx.Err()
}

// ours reads a message that the consumer has delivered.
func (f *fetcher) ours(msg *nats.Msg) (m scanned, ours bool) {
	meta, err := msg.Metadata()
	if err != nil || meta.Stream != f.stream.name || meta.Consumer != f.consumer {
		return m, false
	}
	return scanned{storedMessage{meta.Sequence.Stream, msg.Subject, msg.Header, msg.Data, meta.Timestamp}, meta.NumPending}, true
}
