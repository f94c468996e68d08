package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/schema"
)

// Why there is nothing to read.
var (
	errNothingStored = errors.New("nothing has been stored yet")
	errNoStore       = fmt.Errorf("%w here", errNothingStored) // nor has an embedded server ever run
)

// readBroker gives JetStream as it is, on the server that the settings name, or on the store of our own or the bridge that
// runs on it. Nothing is created: a stream that is not there is an error.
func readBroker(ctx context.Context, s settings, log io.Writer) (js jetstream.JetStream, stop func(), err error) {
	if _, err := os.Stat(s.DataDir); s.Embedded() && errors.Is(err, os.ErrNotExist) {
		return nil, nil, fmt.Errorf("%w: the store BRIDGE_DATA_DIR=%s does not exist", errNoStore, s.DataDir)
	}
	if s.LogLevel == "info" {
		s.LogLevel = "warn" // the output speaks for itself
	}
	logger := newLogger(s, log)
	nc, stop, err := joinBroker(ctx, s, logger)
	if err != nil {
		return nil, nil, err
	}
	if js, err = jetStream(nc, s); err == nil {
		err = findStreams(ctx, js, s)
	}
	if err != nil {
		stop()
		return nil, nil, err
	}
	return js, stop, nil
}

// joinBroker is dialBroker for a command that may run beside bridge run: where that has the store, it joins its server.
func joinBroker(ctx context.Context, s settings, logger *slog.Logger) (nc *nats.Conn, stop func(), err error) {
	nc, stop, err = dialBroker(ctx, s, logger)
	if errors.Is(err, natsd.ErrStoreTaken) {
		s.NATSURL = []string{"nats://" + s.NATSListen}
		nc, stop, err = dialBroker(ctx, s, logger)
	}
	return nc, stop, err
}

func findStreams(ctx context.Context, js jetstream.JetStream, s settings) error {
	for _, feed := range s.Feeds {
		name := brokerConfig(s).Names.Stream(schema.Feed(feed))
		_, err := js.Stream(ctx, name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("%w under BRIDGE_PREFIX %q: stream %s does not exist", errNothingStored, s.Prefix, name)
		}
		if err != nil {
			return fmt.Errorf("%w: look up stream %s: %w", errNATS, name, err)
		}
	}
	return nil
}
