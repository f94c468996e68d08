package preflight

import (
	"context"
	"errors"
	"fmt"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/publish"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// target is a server and the streams that are to be on it: what a start needs, and what the checks look at.
type target struct {
	broker   publish.Config
	nc       *nats.Conn // nil until NATS was reached
	js       jetstream.JetStream
	reserved int64 // bytes that the streams which run creates take away from the account
	created  int   // streams and buckets that run creates
}

// MakeStreams makes the streams ready on a connection, for which it waits as natsconn.UntilReady does. Nothing is made unless the account
// can have all of them. The error is that of ctx, a publish.ErrUnfit or a natsconn.ErrUnusable; the connection stays open.
func MakeStreams(ctx context.Context, s config.Pipeline, nc *nats.Conn) (jetstream.JetStream, error) {
	js, err := natsconn.JetStream(nc, s.NATS)
	if err != nil {
		return nil, err
	}
	t := &target{broker: pipeline.Broker(s.Streams), nc: nc, js: js}
	err = natsconn.UntilReady(ctx, nc, s.StartWait, t.makeStreams, func(err error) bool { return errors.Is(err, publish.ErrUnfit) })
	err = natsconn.OrNoJetStream(s.NATS, t.nameConflict(ctx, err))
	if full := natsconn.StoreOf(nc).Full(); full != nil && err != nil {
		err = fmt.Errorf("%w: %w", full, err)
	}
	if err != nil {
		return nil, err
	}
	return js, nil
}

// makeStreams asks for the account before the streams: one that another bridge makes in between is not counted twice.
func (t *target) makeStreams(ctx context.Context) error {
	account, err := t.broker.CheckBroker(ctx, t.js)
	if err != nil {
		return err
	}
	if err := t.room(ctx, account); err != nil {
		return err
	}
	return t.broker.MakeStreams(ctx, t.js)
}

// room returns why an account has no room for the streams that are missing. Without limits nothing is asked: it takes a broker that is
// far away a while to answer.
func (t *target) room(ctx context.Context, account *jetstream.AccountInfo) error {
	if limits := t.broker.Tier(account).Limits; t.broker.MaxBytes == 0 && !limits.MaxBytesRequired && limits.MaxStreams <= 0 {
		return nil
	}
	t.reserved, t.created = 0, 0
	for _, feed := range publish.StreamFeeds {
		_, err := t.stream(ctx, t.broker.Names.Stream(feed))
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			err = t.reserve(account)
		}
		if err != nil {
			return fmt.Errorf("stream %s: %w", t.broker.Names.Stream(feed), err)
		}
	}
	return nil
}

// stream looks up a stream, whoever else answers.
func (t *target) stream(ctx context.Context, name string) (*jetstream.StreamInfo, error) {
	return jsapi.StreamInfo(ctx, jsapi.Caller{JS: t.js}, name, jsapi.InfoRequest{})
}

// reserve notes what a stream that run creates will take away from an account, and returns what the server will answer if that cannot
// be: a publish.ErrUnfit.
func (t *target) reserve(account *jetstream.AccountInfo) error {
	if err := t.oneMore(account); err != nil {
		return err
	}
	tier, replicas := t.broker.Tier(account), max(1, t.broker.Replicas)
	if len(account.Tiers) > 0 {
		replicas = 1 // the limits of a tier are of one replica
	}
	limits := tier.Limits
	if t.broker.MaxBytes == 0 {
		if limits.MaxBytesRequired {
			return fmt.Errorf("%w: %w", publish.ErrUnfit, publish.ErrNeedsMaxBytes)
		}
		return nil
	}
	t.reserved += t.broker.MaxBytes * int64(replicas)
	left := limits.MaxStore - int64(tier.ReservedStore) - t.reserved
	if limits.MaxStore > 0 && left < 0 || limits.StoreMaxStreamBytes > 0 && t.broker.MaxBytes > limits.StoreMaxStreamBytes {
		return fmt.Errorf("%w: %w", publish.ErrUnfit, publish.ErrNoRoom)
	}
	return nil
}

// oneMore notes a stream or bucket that run creates, and returns a publish.ErrUnfit where the account does not allow as many.
func (t *target) oneMore(account *jetstream.AccountInfo) error {
	t.created++
	if tier := t.broker.Tier(account); tier.Limits.MaxStreams > 0 && tier.Streams+t.created > tier.Limits.MaxStreams {
		return fmt.Errorf("%w: %w", publish.ErrUnfit, publish.ErrFewStreams)
	}
	return nil
}
