package checkpoint

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/sleep"
)

// Consumers of package jetstream take the first answer to a request for the server's, and whatever comes for a message, the ordered
// ones too. These know who has answered.

// scanned is a message that a consumer has delivered.
type scanned struct {
	StoredEvent
	pending uint64 // messages that the consumer still has
}

// fetchSize is how many messages are asked for at once: 16 kB each at most where it is the index that is read.
const fetchSize = 256

// fetchTime bounds the wait for them, on a connection that stays.
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
	Pending   uint64 `json:"num_pending"`
	Delivered struct {
		Seq uint64 `json:"stream_seq"` // before the first message that it may deliver
	} `json:"delivered"`
	Config struct {
		MaxBatch uint64 `json:"max_batch"` // that may be asked for at once, 0 = any: the server's max_request_batch
	} `json:"config"`
}

// consume calls each with what a consumer that is made for it delivers before the end of the sequences. The server drops a consumer that
// is not asked for a minute, as while each is busy for so long, what it sends to a connection that is lost does not come again, and on a
// replica that lags it has no more than that: another consumer then goes on behind the last message that came. It is a consumer for the
// last message of each subject that may deliver a message of a subject twice, with the newer one last.
func (s *Stream) consume(ctx context.Context, config jetstream.ConsumerConfig, at Seqs, each func(m scanned) error) error {
	end := at.Until
	if end == math.MaxUint64 {
		last, err := s.Last(ctx)
		if err != nil {
			return err
		}
		end = last + 1
	}
	var lags time.Time // when a replica was seen to
	for next, missing := uint64(0), uint64(0); ; {
		f, err := s.newFetcher(ctx, config)
		if err != nil {
			return fmt.Errorf("read stream %s: %w", s.name, err)
		}
		f.next, f.until = next, at.Until
		removed := f.pending < missing
		if !removed {
			err = f.fetchAll(ctx, at.Len(), each)
		}
		f.close(ctx)
		if err == nil && f.done {
			f.behind, err = s.holds(ctx, config.FilterSubjects, max(f.next, f.first), end)
		}
		if err != nil || f.done && !f.behind {
			return err
		}
		switch {
		case f.behind && (lags.IsZero() || f.next > next):
			lags = time.Now()
		case f.behind && time.Since(lags) > consumerWait:
			return fmt.Errorf("read stream %s: a replica lags, and has no message behind sequence %d", s.name, max(f.next, f.first)-1)
		case removed || f.next == next && !f.lost && !f.behind: // or the broker is away: what was read proves nothing
			return fmt.Errorf("read stream %s: %d messages did not come", s.name, max(missing, f.pending))
		}
		if f.behind {
			if err := sleep.For(ctx, consumerPause); err != nil {
				return err
			}
		}
		next, missing = f.next, f.pending
		if next > 0 && config.DeliverPolicy != jetstream.DeliverLastPerSubjectPolicy {
			config.DeliverPolicy, config.OptStartSeq, config.OptStartTime = jetstream.DeliverByStartSequencePolicy, next, nil
		}
	}
}

// holds reports whether the stream's leader has a message on one of these subjects, or on any, from a sequence on and before another.
func (s *Stream) holds(ctx context.Context, subjects []string, from, until uint64) (bool, error) {
	if from >= until {
		return false, nil
	}
	if len(subjects) == 0 {
		subjects = []string{">"}
	}
	for _, subject := range subjects {
		m, err := s.message(ctx, map[string]any{"seq": from, "next_by_subj": subject})
		if err != nil || m.Seq > 0 && m.Seq < until {
			return err == nil, err
		}
	}
	return false, nil
}

// How often and how long in all a consumer is asked for that others leave no room for, who are kept for seconds, or whose replica lags.
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
	most     uint64 // messages that it may be asked for at once

	first   uint64 // sequence from which on it may deliver
	came    uint64 // messages
	pending uint64 // messages that have not come yet
	next    uint64 // sequence of the stream behind the last one that was called with
	until   uint64 // sequence before which it ends
	done    bool   // there are no more
	lost    bool   // messages were sent to a connection that is no more
	behind  bool   // the stream's leader has more
}

// newFetcher makes a consumer. The fetcher has to be closed.
func (s *Stream) newFetcher(ctx context.Context, config jetstream.ConsumerConfig) (*fetcher, error) {
	config.AckPolicy, config.MemoryStorage, config.Replicas, config.InactiveThreshold = jetstream.AckNonePolicy, true, 1, time.Minute
	config.Name = rand.Text()
	f := &fetcher{stream: s, consumer: config.Name, inbox: s.js.Conn().NewInbox()}
	made, err := s.makeConsumer(ctx, config)
	if err != nil {
		if ctx.Err() != nil { // the server may make it all the same
			f.close(ctx)
		}
		return nil, err
	}
	f.pending, f.first, f.most = made.Pending, made.Delivered.Seq+1, min(fetchSize, cmp.Or(made.Config.MaxBatch, fetchSize))
	if f.messages, err = s.js.Conn().SubscribeSync(f.inbox); err == nil {
		err = f.messages.SetPendingLimits(-1, -1) // fetchSize is the limit
	}
	if err != nil {
		f.close(ctx)
		return nil, err
	}
	return f, nil
}

func (f *fetcher) close(ctx context.Context) {
	if f.messages != nil {
		_ = f.messages.Unsubscribe() // of a connection that is closed: it has none any more
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = f.stream.js.DeleteConsumer(ctx, f.stream.name, f.consumer) // the server drops it by itself a minute later
}

// fetchAll calls each with what is pending, up to n messages at a time, until it is done or no more come.
func (f *fetcher) fetchAll(ctx context.Context, n uint64, each func(m scanned) error) error {
	f.done = f.pending == 0
	for whole := true; whole && !f.done; {
		before := f.came
		var err error
		if whole, err = f.fetch(ctx, min(f.pending, n, f.most), each); err != nil {
			return err
		}
		whole = whole && f.came > before
		f.done = f.done || f.pending == 0
	}
	return nil
}

// fetch calls each with the next n messages, or fewer if no more come. It is not whole where messages are missing between them, or
// behind them because the connection was lost.
func (f *fetcher) fetch(ctx context.Context, n uint64, each func(m scanned) error) (whole bool, err error) {
	nc := f.stream.js.Conn()
	connected, stop := jsapi.UntilReconnected(ctx, nc, nc.Stats().Reconnects)
	defer stop()
	wait, cancel := context.WithTimeout(connected, f.stream.fetchTime)
	defer cancel()
	subject := jsapi.Subject(f.stream.js.Options(), "CONSUMER.MSG.NEXT."+f.stream.name+"."+f.consumer)
	text, _ := json.Marshal(map[string]any{"batch": n, "expires": f.stream.fetchTime}) // numbers always marshal
	if err := nc.PublishRequest(subject, f.inbox, text); err != nil {
		return false, err
	}
	for end := f.came + n; f.came < end && !f.done; {
		msg, err := f.messages.NextMsgWithContext(wait)
		if err != nil && ctx.Err() == nil && errors.Is(context.Cause(connected), jsapi.ErrReconnected) {
			f.lost = true
			return false, nil
		}
		if errors.Is(err, nats.ErrNoResponders) || ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			break // there is no such consumer any more, or the broker is away
		}
		if err != nil {
			return false, err
		}
		if msg.Reply == "" && msg.Header.Get("Status") != "" { // there are no more
			break
		}
		m, place, ours := f.ours(msg)
		if !ours {
			f.stream.stranger(subject, msg.Data)
			continue
		}
		if place != f.came+1 {
			return false, nil
		}
		f.came++
		f.pending--
		if f.done = m.Seq >= f.until; f.done || m.Seq < f.next {
			continue
		}
		if err := each(m); err != nil {
			return false, err
		}
		f.next, f.done = m.Seq+1, m.Seq == f.until-1
	}
	return true, ctx.Err()
}

// ours reads a message that the consumer has delivered, as the how many-th.
func (f *fetcher) ours(msg *nats.Msg) (m scanned, place uint64, ours bool) {
	meta, err := msg.Metadata()
	if err != nil || meta.Stream != f.stream.name || meta.Consumer != f.consumer {
		return m, 0, false
	}
	return scanned{StoredEvent{meta.Sequence.Stream, msg.Subject, msg.Header, msg.Data, meta.Timestamp}, meta.NumPending}, meta.Sequence.Consumer, true
}
