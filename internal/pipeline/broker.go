package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/schema"
)

// LogStartup begins the log of a run: who talks to whom.
func LogStartup(s config.Pipeline, version string, nc *nats.Conn, log *slog.Logger) {
	if natsconn.StoreOf(nc) != nil {
		log = log.With("store", s.DataDir)
	}
	log.Info("bridge starts", "version", version, "vendor", config.MaskURL(s.SaverisURL), "nats", config.MaskURL(nc.ConnectedUrlRedacted()),
		"nats_version", nc.ConnectedServerVersion(), "feeds", joined(AllFeeds(s.Streams)), "prefix", s.Prefix)
}

func joined(feeds []schema.Feed) string {
	var names []string
	for _, feed := range feeds {
		names = append(names, string(feed))
	}
	return strings.Join(names, ",")
}

// Read returns JetStream as it is, see natsconn.Read. That the stream of a feed of rows is not there, or that of the fleet where it is the only
// feed, is a natsconn.ErrNothingStored.
func Read(ctx context.Context, n config.NATS, s config.Streams, log *slog.Logger) (js jetstream.JetStream, stop func(), err error) {
	js, stop, err = natsconn.Read(ctx, n, log)
	if err != nil {
		return nil, nil, err
	}
	if err := findStreams(ctx, js, n, s); err != nil {
		stop()
		if n.Embedded() && errors.Is(err, natsconn.ErrNothingStored) {
			err = natsconn.Elsewhere(n, err)
		}
		return nil, nil, err
	}
	return js, stop, nil
}

func findStreams(ctx context.Context, js jetstream.JetStream, n config.NATS, s config.Streams) error {
	feeds := Feeds(s)
	if len(feeds) == 0 {
		feeds = AllFeeds(s)
	}
	for _, feed := range feeds {
		name := Broker(s).Names.Stream(feed)
		_, err := checkpoint.NewStream(js, name, s.Prefix, string(feed)).Info(ctx) // whoever else answers
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("%w under BRIDGE_PREFIX %q: stream %s does not exist", natsconn.ErrNothingStored, s.Prefix, name)
		}
		if err != nil {
			return fmt.Errorf("%w: look up stream %s: %w", natsconn.ErrUnusable, name, natsconn.OrNoJetStream(n, err))
		}
	}
	return nil
}
