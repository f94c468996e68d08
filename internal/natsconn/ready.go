package natsconn

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// AnswerWait is how long a connected server may take to answer.
const AnswerWait = 5 * time.Second

// UntilReady opens what is needed on a connection, and tries again for so long, 0 = StartWait: a broker may not be ready itself yet. It does not
// wait for missing rights, nor where final reports that waiting does not help. The error is ErrUnusable, that of ctx or a final one.
func UntilReady(ctx context.Context, nc *nats.Conn, wait time.Duration, open func(context.Context) error, final func(error) bool) error {
	deadline := time.Now().Add(cmp.Or(wait, StartWait))
	allowed, end := untilForbidden(ctx, nc)
	defer end()
	for {
		err := open(allowed)
		if err == nil || final(err) || ctx.Err() != nil {
			return err
		}
		if allowed.Err() != nil {
			return advised(fmt.Errorf("%w: %w", ErrUnusable, context.Cause(allowed)))
		}
		if time.Now().After(deadline) {
			return advised(fmt.Errorf("%w: %w", ErrUnusable, Refusal(nc, err)))
		}
		select {
		case <-allowed.Done():
		case <-time.After(time.Second):
		}
	}
}

// CloseWait is how long what has been sent may take to leave when a connection ends.
const CloseWait = 5 * time.Second

// Close sends what is in hand, for which it waits so long at most, and closes a connection whose work has ended.
// nats.Conn.Drain would wait for answers that nobody reads any more, such as a server's second refusal of a batch.
func Close(nc *nats.Conn, wait time.Duration) {
	nc.SetClosedHandler(nil) // we close it
	if nc.IsConnected() {
		_ = nc.FlushTimeout(wait) // it ends anyway
	}
	nc.Close()
}
