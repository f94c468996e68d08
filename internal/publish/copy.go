package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"saveris-bridge/internal/jsapi"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Copier publishes messages on subjects that are not the bridge's own, in the order in which it gets them. It serves one
// goroutine.
type Copier struct {
	// Duplicates counts the messages of which a stream said that it had them already.
	Duplicates uint64

	js         jetstream.JetStream
	takers     []Taker
	way        way
	batch      []*nats.Msg // not sent yet
	limit      int         // messages a batch
	waiting    []jetstream.PubAckFuture
	handed     uint64 // messages
	arrived    uint64
	failed     error  // why one has not arrived: what came after it is not known
	reconnects uint64 // of the connection when it began
	before     error  // the connection's last one when all had arrived
}

// way is how messages are known to have arrived.
type way uint8

const (
	byNobody way = iota // no stream takes them
	oneByOne            // each is answered
	inBatches
)

// NewCopier makes a Copier for subjects that are stored by these streams, all of them, or by none if there are none. If
// the messages have ids by which the stream leaves some out, they go one by one, because one duplicate refuses a batch.
func NewCopier(js jetstream.JetStream, takers []Taker, ids bool) *Copier {
	c := &Copier{js: js, takers: takers, limit: maxBatch, reconnects: js.Conn().Stats().Reconnects}
	switch {
	case len(takers) == 1 && takers[0].Atomic && !ids: // a batch lies in one stream
		c.way = inBatches
	case len(takers) > 0:
		c.way = oneByOne
	}
	return c
}

// maxUnanswered is how many messages may be on their way to a stream. The client of NATS allows 4000.
const maxUnanswered = 2000

// ErrCut says that the connection was lost while messages were on their way that nobody acknowledges.
var ErrCut = errors.New("the connection to NATS was lost, and what was on its way with it")

// Publish hands a message on. It may return before the message has arrived. Once a message has not arrived, that error is
// given for good.
func (c *Copier) Publish(ctx context.Context, subject string, header map[string][]string, data []byte) error {
	if c.failed == nil {
		c.failed = c.explain(c.publish(ctx, &nats.Msg{Subject: subject, Header: header, Data: data}))
	}
	return c.failed
}

// explain says of an answer that did not come why that may be.
func (c *Copier) explain(err error) error {
	if err == nil {
		return nil
	}
	denied := c.denied()
	switch {
	case denied != nil:
		return denied
	case !c.js.Conn().IsConnected():
		return fmt.Errorf("%w: %w", ErrAway, err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer within %v: %w", defaultTimeout, err)
	}
	return err
}

// denied returns the server's refusal of a message that is on its way. It comes with no answer to the message.
func (c *Copier) denied() error {
	if err := c.js.Conn().LastError(); err != c.before && errors.Is(err, nats.ErrPermissionViolation) {
		return err
	}
	return nil
}

// first waits for what the server says to the first message: one that is refused would be followed by thousands.
func (c *Copier) first(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	if err := c.js.Conn().FlushWithContext(ctx); err != nil {
		return err
	}
	return c.denied()
}

func (c *Copier) publish(ctx context.Context, msg *nats.Msg) error {
	if c.handed == c.arrived {
		c.before = c.js.Conn().LastError()
	}
	switch c.way {
	case byNobody:
		if err := c.js.Conn().PublishMsg(msg); err != nil {
			return err
		}
	case inBatches:
		if c.batch = append(c.batch, msg); len(c.batch) >= c.limit {
			if err := c.sendBatch(ctx); err != nil {
				return err
			}
		}
	case oneByOne:
		if len(c.waiting) == maxUnanswered {
			if err := c.settle(ctx, maxUnanswered/2); err != nil {
				return err
			}
		}
		answer, err := c.js.PublishMsgAsync(msg, jetstream.WithRetryAttempts(0)) // a retry would change the order
		if err != nil {
			return err
		}
		c.waiting = append(c.waiting, answer)
	}
	if c.handed++; c.handed == 1 {
		return c.first(ctx)
	}
	return nil
}

// Flush returns when all messages have arrived: in a stream, or at the server if none stores them.
func (c *Copier) Flush(ctx context.Context) error {
	if c.failed == nil {
		c.failed = c.explain(c.flush(ctx))
	}
	return c.failed
}

func (c *Copier) flush(ctx context.Context) error {
	switch c.way {
	case inBatches:
		return c.sendBatch(ctx)
	case oneByOne:
		return c.settle(ctx, len(c.waiting))
	}
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	nc := c.js.Conn()
	if err := nc.FlushWithContext(ctx); err != nil {
		return err
	}
	if err := c.denied(); err != nil {
		return err
	}
	if nc.Stats().Reconnects != c.reconnects {
		return ErrCut
	}
	c.arrived = c.handed
	return nil
}

// Arrived counts the messages that have arrived, up to the first of which that is not known.
func (c *Copier) Arrived() uint64 { return c.arrived }

// settle waits for the answers to the n oldest messages.
func (c *Copier) settle(ctx context.Context, n int) error {
	for _, answer := range c.waiting[:n] {
		ack, err := await(ctx, answer)
		if err != nil {
			return err
		}
		if !c.takes(ack.Stream) {
			return fmt.Errorf("%w: stream %q", errStranger, ack.Stream)
		}
		if ack.Duplicate {
			c.Duplicates++
		}
		c.arrived++
	}
	c.waiting = append(c.waiting[:0], c.waiting[n:]...)
	return nil
}

func await(ctx context.Context, answer jetstream.PubAckFuture) (*jetstream.PubAck, error) {
	select {
	case ack := <-answer.Ok():
		return ack, nil
	default:
	}
	timeout := time.NewTimer(defaultTimeout)
	defer timeout.Stop()
	select {
	case ack := <-answer.Ok():
		return ack, nil
	case err := <-answer.Err():
		return nil, err
	case <-timeout.C:
		return nil, context.DeadlineExceeded
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// errStranger says that somebody else has answered in the place of the stream: whether that holds the messages is not known.
var errStranger = errors.New("somebody else answers in the place of the stream")

// takes reports whether a stream is one that stores the messages.
func (c *Copier) takes(stream string) bool {
	return slices.ContainsFunc(c.takers, func(t Taker) bool { return t.Stream == stream })
}

// sendBatch stores what has been collected, all of it or nothing; in smaller batches where the server allows no larger
// ones.
func (c *Copier) sendBatch(ctx context.Context) error {
	for len(c.batch) > 0 {
		n := min(c.limit, len(c.batch))
		err := c.sendAtomic(ctx, c.batch[:n])
		if jsapi.HasCode(err, codeBatchTooLarge) && c.limit > 1 {
			c.limit /= 2
			continue
		}
		if err != nil {
			return err
		}
		c.arrived += uint64(n)
		c.batch = append(c.batch[:0], c.batch[n:]...)
	}
	return nil
}

// sendAtomic sends messages as one batch.
func (c *Copier) sendAtomic(ctx context.Context, batch []*nats.Msg) error {
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	nc, id := c.js.Conn(), []string{newBatchID()}
	for i, msg := range batch {
		msg.Header["Nats-Batch-Id"], msg.Header["Nats-Batch-Sequence"] = id, []string{strconv.Itoa(i + 1)}
		delete(msg.Header, "Nats-Batch-Commit") // of a larger batch that was refused
		last := i == len(batch)-1
		if last {
			msg.Header["Nats-Batch-Commit"] = []string{"1"}
		}
		if i > 0 && !last {
			if err := nc.PublishMsg(msg); err != nil {
				return err
			}
			continue
		}
		answer, err := nc.RequestMsgWithContext(ctx, msg)
		if err != nil {
			return err
		}
		if last || len(answer.Data) > 0 { // the first is answered with nothing, or with the reason why it was refused
			ack, named := readAck(answer.Data)
			if !named || !c.takes(ack.Stream) || ack.Error == nil && ack.Batch != id[0] {
				return fmt.Errorf("%w: %.100q", errStranger, answer.Data)
			}
			if _, err := ack.result(); err != nil {
				return err
			}
		}
	}
	return nil
}
