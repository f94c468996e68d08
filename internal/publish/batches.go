package publish

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/jsapi"
)

// Batches stores messages in atomic batches into a stream that has no pages, such as the one behind a bucket. One goroutine at a
// time may use it.
type Batches struct {
	send   *sender
	stream string
	most   int // messages in a batch
}

// NewBatches makes what stores in a stream.
func NewBatches(js jetstream.JetStream, stream string) *Batches {
	b := &Batches{send: newSender(js, defaultTimeout), stream: stream, most: maxBatch}
	b.send.last = 0
	return b
}

// Store stores messages in their order, as many at once as the server takes, and calls done with each number of them that was
// stored and the sequence of the last one of these. It fails with ErrConflict where the server refuses the expectation of one. After any
// error more may be stored than done was called for; a context that ends is such an error. It changes the messages' headers, none of which may be nil.
func (b *Batches) Store(ctx context.Context, messages []*nats.Msg, done func(n int, last uint64)) error {
	if err := b.send.begin(); err != nil {
		return err
	}
	defer b.send.end()
	for len(messages) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(b.most, len(messages))
		last, err := b.send.messages(ctx, b.stream, messages[:n])
		if halve(&b.most, err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("store %d messages in %s: %w", n, b.stream, err)
		}
		done(n, last)
		messages = messages[n:]
	}
	return nil
}

// halve halves how many messages a batch has at most where the server said that one was too large, and reports whether it did.
func halve(most *int, err error) bool {
	if !jsapi.HasCode(err, jsapi.CodeBatchTooLarge) || *most == 1 {
		return false
	}
	*most /= 2
	return true
}

// messages stores messages in one atomic batch and returns the sequence of the last one.
func (s *sender) messages(ctx context.Context, stream string, messages []*nats.Msg) (last uint64, err error) {
	b := &batch{
		stream: stream, record: checkpoint.Record{Batch: newBatchID()}, recordSubject: messages[0].Subject,
		batched: true, staged: len(messages) > 1, reconnects: s.nc.Stats().Reconnects,
	}
	for i, msg := range messages {
		msg.Header["Nats-Batch-Id"] = []string{b.record.Batch}
		msg.Header["Nats-Batch-Sequence"] = []string{strconv.Itoa(i + 1)}
		delete(msg.Header, "Nats-Batch-Commit") // of a larger batch that was refused
		msg.Reply = ""
		switch i {
		case len(messages) - 1:
			msg.Header["Nats-Batch-Commit"] = []string{"1"}
			msg.Reply = s.commitReply(b)
		case 0:
			msg.Reply = s.stageReply(b)
		}
		if err := s.nc.PublishMsg(msg); err != nil {
			return 0, err
		}
	}
	last, err = s.answer(ctx, b)
	if errors.Is(err, errConflict) {
		return 0, fmt.Errorf("%w: %w", ErrConflict, err)
	}
	return last, err
}
