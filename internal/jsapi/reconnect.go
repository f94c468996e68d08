package jsapi

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
)

// ErrReconnected says that the connection was lost on which something was asked for, and that there is another one: the answer does not
// come there.
var ErrReconnected = errors.New("the connection to NATS was lost before the answer came")

// UntilReconnected returns a context that ends, with the cause ErrReconnected, once nc has been connected anew since its Stats had so
// many Reconnects. Whoever takes that number before he asks for something notices a connection that was lost and is back already. End
// has to be called.
func UntilReconnected(ctx context.Context, nc *nats.Conn, reconnects uint64) (until context.Context, end func()) {
	until, cancel := context.WithCancelCause(ctx)
	connected := nc.StatusChanged(nats.CONNECTED)
	go func() {
		if _, again := <-connected; again {
			cancel(ErrReconnected)
		}
	}()
	if nc.Stats().Reconnects != reconnects { // before anybody listened
		cancel(ErrReconnected)
	}
	return until, func() {
		nc.RemoveStatusListener(connected)
		cancel(nil)
	}
}

// OrReconnected returns ErrReconnected in the place of an error where that has ended the context, which is one of UntilReconnected or made of one.
func OrReconnected(ctx context.Context, err error) error {
	if errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), ErrReconnected) {
		return ErrReconnected
	}
	return err
}
