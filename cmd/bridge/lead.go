package main

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// turn is a feed that several bridges may poll in turn: one polls, the others stand by. Nothing but effort depends on it.
type turn struct {
	feed     schema.Feed
	live     *poller.Live
	settings settings
	js       jetstream.JetStream
	log      *slog.Logger
	leading  atomic.Bool
	begins   func() // called whenever its turn begins
}

// run polls whenever it is this bridge's turn, until ctx ends. Where the account may have no leases it is always its turn.
//
// On an embedded server it takes the lease at once: who has the store is not replaced by anybody.
func (t *turn) run(ctx context.Context) error {
	leases, err := tryLeases(ctx, t.js, t.settings, t.feed, writerName())
	if ctx.Err() != nil {
		return ctx.Err()
	}
	refused := errors.Is(err, nats.ErrPermissionViolation)
	if refused || errors.Is(err, publish.ErrForeign) { // all else may pass
		t.log.Warn("polls without a lease, and so would a second bridge", "err", err)
	}
	if refused {
		return t.poll(ctx)
	}
	return leases.Lead(ctx, publish.Polling, t.settings.Embedded(), t.poll)
}

func (t *turn) poll(ctx context.Context) error {
	t.begins()
	t.leading.Store(true)
	defer t.leading.Store(false)
	t.log.Info("polls from now on")
	err := t.live.Run(ctx)
	t.log.Info("polls no longer")
	return err
}

// tryLeases makes a feed's leases and finds out whether the account may have any.
func tryLeases(ctx context.Context, js jetstream.JetStream, s settings, feed schema.Feed, owner string) (*publish.Leases, error) {
	l := publish.NewLeases(js, brokerConfig(s), feed, owner)
	return l, refusal(js.Conn(), l.Try(ctx))
}
