package preflight

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/publish"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Open returns JetStream with streams ready, on the server that the settings name or on the embedded one, and what ends it.
func Open(ctx context.Context, s config.Pipeline, version string, log *slog.Logger) (js jetstream.JetStream, stop func(), err error) {
	nc, stop, err := natsconn.Dial(ctx, s.NATS, log)
	if err != nil {
		return nil, nil, err
	}
	pipeline.LogStartup(s, version, nc, log)
	return Ready(ctx, s, nc, stop)
}

// Ready makes the streams ready on a connection, for which it waits as natsconn.UntilReady does, once the checks that are fatal for a
// bridge were well: nothing is made otherwise. If it fails it ends the connection.
func Ready(ctx context.Context, s config.Pipeline, nc *nats.Conn, end func()) (js jetstream.JetStream, stop func(), err error) {
	if js, err = natsconn.JetStream(nc, s.NATS); err == nil {
		c := &checkup{settings: s, broker: pipeline.Broker(s.Streams), nc: nc, js: js}
		err = natsconn.UntilReady(ctx, nc, s.StartWait, c.start, func(err error) bool { return errors.Is(err, publish.ErrUnusable) })
		err = natsconn.OrNoJetStream(s.NATS, c.explain(ctx, err))
		if full := natsconn.StoreOf(nc).Full(); full != nil && err != nil {
			err = fmt.Errorf("%w: %w", full, err)
		}
	}
	if err != nil {
		end()
		return nil, nil, err
	}
	return js, end, nil
}

// start makes the streams on a broker that can have all of them. The account is asked before the streams are: one that another bridge
// makes in between is not counted twice.
func (c *checkup) start(ctx context.Context) error {
	account, err := c.broker.CheckBroker(ctx, c.js)
	if err != nil {
		return err
	}
	if err := c.room(ctx, account); err != nil {
		return err
	}
	return c.broker.MakeStreams(ctx, c.js)
}

// room returns why an account has no room for the streams that are missing. Without limits nothing is asked: it takes a broker that is
// far away a while to answer.
func (c *checkup) room(ctx context.Context, account *jetstream.AccountInfo) error {
	if c.broker.MaxBytes == 0 && !c.broker.Tier(account).Limits.MaxBytesRequired {
		return nil
	}
	c.reserved = 0
	for _, feed := range publish.Streams {
		_, err := c.stream(ctx, c.broker.Names.Stream(feed))
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			err = c.reserve(account)
		}
		if err != nil {
			return fmt.Errorf("stream %s: %w", c.broker.Names.Stream(feed), err)
		}
	}
	return nil
}
