package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/jsapi"
)

// ErrDisconnected says that there is no connection to NATS at present, which comes back by itself, or that there was none before an
// answer came.
var ErrDisconnected = errors.New("NATS is not connected")

// disconnected reports whether a call failed because the connection was lost.
func disconnected(nc *nats.Conn, err error) bool {
	return !nc.IsConnected() || errors.Is(err, jsapi.ErrReconnected)
}

// removalTime is for how long a stream has to be missing before it is created again. nats-server 2.15 answers the deletion of a
// stream while it is still removing files: a stream of that name that is created at once may lose its own, and never stores again.
const removalTime = time.Second

// missingFor reports whether a stream has been missing for so long since that was first seen, and then begins anew. What was
// missing more than a minute ago, or before the last commit, was another time.
func (w *Writer) missingFor(d time.Duration) bool {
	now, since := time.Now(), w.missing.Load()
	if since == nil || now.Sub(*since) > time.Minute {
		w.missing.CompareAndSwap(since, &now)
		return false
	}
	return now.Sub(*since) >= d && w.missing.CompareAndSwap(since, nil)
}

// diagnose returns the error of a call with its cause where that is known. Where a stream has disappeared it creates it again.
func (w *Writer) diagnose(ctx context.Context, err error) error {
	if w.Trouble != nil {
		if cause := w.Trouble(); cause != nil {
			err = fmt.Errorf("%w: %w", cause, err)
		}
	}
	if errors.Is(err, ErrDisconnected) {
		return err
	}
	if disconnected(w.js.Conn(), err) {
		return fmt.Errorf("%w: %w", ErrDisconnected, err)
	}
	if errors.Is(err, nats.ErrNoResponders) || jsapi.HasCode(err, jetstream.JSErrCodeStreamNotFound) {
		if !w.missingFor(removalTime) {
			return err
		}
		if again := w.recreateStreams(ctx); again != nil {
			return fmt.Errorf("%w; recreate the streams: %w", err, again)
		}
	}
	return err
}

// recreateStreams creates the streams that are missing. It fails where that of the feed cannot be had; what is wrong with another one
// stands in the way of nobody but its feed.
func (w *Writer) recreateStreams(ctx context.Context) error {
	for _, feed := range StreamFeeds {
		if err := w.config.ensureStream(ctx, w.js, feed); err != nil && feed == w.Feed {
			return err
		}
	}
	return nil
}
