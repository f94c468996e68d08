package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/publish"
)

// Publisher publishes messages on subjects that are not the bridge's own, in the order in which it gets them. It serves one
// goroutine.
type Publisher struct {
	// Duplicates counts the messages of which a stream reported that it had them already.
	Duplicates uint64

	js         jetstream.JetStream
	targets    []TargetStream
	mode       ackMode
	batch      []*nats.Msg // not sent yet
	limit      int         // messages a batch
	unacked    []jetstream.PubAckFuture
	sent       uint64 // messages
	arrived    uint64
	failed     error  // why one has not arrived: what came after it is not known
	reconnects uint64 // of the connection when it began
	before     error  // the connection's last one when all had arrived
}

// ackMode is how messages are known to have arrived.
type ackMode uint8

const (
	noAcks   ackMode = iota // no stream stores them
	ackEach                 // each is acknowledged
	ackBatch                // each atomic batch is
)

// maxBatch is how many messages a server takes in one atomic batch unless its operator set less.
const maxBatch = 1000

// maxUnacked is how many messages may be on their way to a stream. The client of NATS allows 4000.
const maxUnacked = 2000

// ackTimeout is how long one acknowledgement is waited for.
const ackTimeout = 15 * time.Second

// NewPublisher returns a Publisher for subjects that are stored by these streams, all of them, or by none if there are none.
// If the messages have ids by which the stream leaves some out, they go one by one, because one duplicate refuses a batch.
func NewPublisher(js jetstream.JetStream, targets []TargetStream, ids bool) *Publisher {
	p := &Publisher{js: js, targets: targets, limit: maxBatch, reconnects: js.Conn().Stats().Reconnects}
	switch {
	case len(targets) == 1 && targets[0].Atomic && !ids: // a batch lies in one stream
		p.mode = ackBatch
	case len(targets) > 0:
		p.mode = ackEach
	}
	return p
}

// ErrDisconnected says that the connection was lost while messages were on their way that nobody acknowledges.
var ErrDisconnected = errors.New("the connection to NATS was lost, and what was on its way with it")

// errStranger says that somebody else has answered in the place of the stream: whether that holds the messages is not known.
var errStranger = errors.New("somebody else answers in the place of the stream")

// Publish sends a message. It may return before the message has arrived. Once a message has not arrived, that error is
// returned for good.
func (p *Publisher) Publish(ctx context.Context, subject string, header map[string][]string, data []byte) error {
	if p.failed == nil {
		p.failed = p.explain(p.publish(ctx, &nats.Msg{Subject: subject, Header: header, Data: data}))
	}
	return p.failed
}

func (p *Publisher) publish(ctx context.Context, msg *nats.Msg) error {
	if p.sent == p.arrived {
		p.before = p.js.Conn().LastError()
	}
	switch p.mode {
	case noAcks:
		if err := p.js.Conn().PublishMsg(msg); err != nil {
			return err
		}
	case ackBatch:
		if p.batch = append(p.batch, msg); len(p.batch) >= p.limit {
			if err := p.sendBatch(ctx); err != nil {
				return err
			}
		}
	case ackEach:
		if len(p.unacked) == maxUnacked {
			if err := p.awaitAcks(ctx, maxUnacked/2); err != nil {
				return err
			}
		}
		ack, err := p.js.PublishMsgAsync(msg, jetstream.WithRetryAttempts(0)) // a retry would change the order
		if err != nil {
			return err
		}
		p.unacked = append(p.unacked, ack)
	}
	if p.sent++; p.sent > 1 {
		return nil
	}
	// The first one waits for what the server says: one that is refused would be followed by thousands.
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	if err := p.js.Conn().FlushWithContext(ctx); err != nil {
		return err
	}
	return p.denied()
}

// Flush waits until all messages have arrived: in a stream, or at the server if none stores them.
func (p *Publisher) Flush(ctx context.Context) error {
	if p.failed == nil {
		p.failed = p.explain(p.flush(ctx))
	}
	return p.failed
}

func (p *Publisher) flush(ctx context.Context) error {
	switch p.mode {
	case ackBatch:
		return p.sendBatch(ctx)
	case ackEach:
		return p.awaitAcks(ctx, len(p.unacked))
	}
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	nc := p.js.Conn()
	if err := nc.FlushWithContext(ctx); err != nil {
		return err
	}
	if err := p.denied(); err != nil {
		return err
	}
	if nc.Stats().Reconnects != p.reconnects {
		return ErrDisconnected
	}
	p.arrived = p.sent
	return nil
}

// Arrived counts the messages that have arrived, up to the first of which that is not known.
func (p *Publisher) Arrived() uint64 { return p.arrived }

// explain returns the error for an acknowledgement that did not come, with why that may be.
func (p *Publisher) explain(err error) error {
	if err == nil {
		return nil
	}
	denied := p.denied()
	switch {
	case denied != nil:
		return denied
	case !p.js.Conn().IsConnected():
		return fmt.Errorf("%w: %w", publish.ErrDisconnected, err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return fmt.Errorf("no answer within %v: %w", ackTimeout, err)
	}
	return err
}

// denied returns the server's refusal of a message that is on its way. It comes with no answer to the message.
func (p *Publisher) denied() error {
	if err := p.js.Conn().LastError(); err != p.before && errors.Is(err, nats.ErrPermissionViolation) {
		return err
	}
	return nil
}

// awaitAcks waits for the acknowledgements of the n oldest messages.
func (p *Publisher) awaitAcks(ctx context.Context, n int) error {
	for _, future := range p.unacked[:n] {
		ack, err := awaitAck(ctx, future)
		if err != nil {
			p.awaitRest(ctx)
			return err
		}
		if !p.isTarget(ack.Stream) {
			return fmt.Errorf("%w: stream %q", errStranger, ack.Stream)
		}
		if ack.Duplicate {
			p.Duplicates++
		}
		p.arrived++
	}
	p.unacked = append(p.unacked[:0], p.unacked[n:]...)
	return nil
}

// awaitRest waits until nothing is on its way any more, so that nothing is stored behind the back of who reads the error.
func (p *Publisher) awaitRest(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	select {
	case <-p.js.PublishAsyncComplete():
	case <-ctx.Done():
	}
}

func awaitAck(ctx context.Context, future jetstream.PubAckFuture) (*jetstream.PubAck, error) {
	select {
	case ack := <-future.Ok():
		return ack, nil
	default:
	}
	timeout := time.NewTimer(ackTimeout)
	defer timeout.Stop()
	select {
	case ack := <-future.Ok():
		return ack, nil
	case err := <-future.Err():
		return nil, err
	case <-timeout.C:
		return nil, context.DeadlineExceeded
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// isTarget reports whether a stream is one that stores the messages.
func (p *Publisher) isTarget(stream string) bool {
	return slices.ContainsFunc(p.targets, func(t TargetStream) bool { return t.Stream == stream })
}

// sendBatch stores what has been collected, all of it or nothing; in smaller batches where the server allows no larger
// ones.
func (p *Publisher) sendBatch(ctx context.Context) error {
	for len(p.batch) > 0 {
		n := min(p.limit, len(p.batch))
		err := p.sendAtomic(ctx, p.batch[:n])
		if jsapi.HasCode(err, jsapi.CodeBatchTooLarge) && p.limit > 1 {
			p.limit /= 2
			continue
		}
		if err != nil {
			return err
		}
		p.arrived += uint64(n)
		p.batch = append(p.batch[:0], p.batch[n:]...)
	}
	return nil
}

// sendAtomic sends messages as one batch.
func (p *Publisher) sendAtomic(ctx context.Context, batch []*nats.Msg) error {
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	ack, err := jetstreamext.PublishMsgBatch(ctx, p.js, batch, jetstreamext.BatchFlowControl{AckFirst: true, AckTimeout: ackTimeout})
	switch {
	case errors.Is(err, jetstream.ErrInvalidJSAck), errors.Is(err, jetstreamext.ErrInvalidBatchAck):
		return fmt.Errorf("%w: %w", errStranger, err)
	case err != nil:
		return err
	case !p.isTarget(ack.Stream):
		return fmt.Errorf("%w: stream %q", errStranger, ack.Stream)
	}
	return nil
}
